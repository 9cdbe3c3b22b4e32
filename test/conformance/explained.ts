import type { Explanation } from './explanations.ts';

const any = /.*/s;

/** Differences between the recordings and the simulator that stay, each with its reason. One that explains nothing fails `npm run conformance`. */
export const explained: readonly Explanation[] = [
  {
    recording: /aso\..*RoleAssignment.*/,
    exchange: /\w+ .*\/Microsoft\.ManagedIdentity\/.*/,
    at: 'everything',
    reason: 'user-assigned identities: the session only needs a new principal; the product never makes one',
  },
  {
    recording: /azcli\.resource\..*/,
    exchange: /POST .*\/exportTemplate/,
    at: 'everything',
    reason: 'templates are not used by the product',
  },
  {
    recording: /azcli\.resource\..*/,
    exchange: /(DELETE .*\/resourcegroups\/[^/]+|GET .*\/operationresults\/.*)/,
    at: /header location/,
    reason:
      'the recorder renamed the group, but not inside the id of the deletion job; and in 2023-02 such URLs were not signed yet (in aso.*, 2024-06, they are)',
  },
  {
    recording: /stack-hci\..*/,
    exchange: /(PUT|PATCH) .*/,
    at: /body\.systemData\.(created|lastModified)By(Type)?/,
    reason: 'a person recorded this, with an address as name; here applications sign in',
  },
  {
    recording: /stack-hci\.cluster_crud\..*/,
    exchange: /GET .*\/clusters/,
    at: /header x-ms-original-request-ids/,
    reason: 'one id per region that Resource Manager asked; the simulator is one region',
  },
  {
    recording: any,
    exchange: /(GET|POST) \/v1\.0\/applications.*/,
    at: /body\.(value\[\d+\]\.)?publisherDomain/,
    reason: "the recorded tenant's own domain",
  },
  {
    recording: /azcli\.role\..*/,
    exchange: /(GET|POST) \/v1\.0\/applications.*/,
    at: /body\.(value\[\d+\]\.)?(web\.redirectUriSettings|servicePrincipalLockConfiguration|samlMetadataUrl|requestSignatureVerification)/,
    reason: 'recorded 2022-05: Graph has these since then (stack-hci.*, 2023-12, has them)',
  },
  {
    recording: /azcli\.role\..*/,
    exchange: /(GET|POST) \/v1\.0\/applications.*/,
    at: /body\.(value\[\d+\]\.)?(passwordCredentials\[\d+\]\.)?hint/,
    reason: 'the first three characters of a secret, which is random',
  },
  {
    recording: /409-AnotherOperationInProgress\..*/,
    exchange: /PUT .*\/Microsoft\.Network\/.*/,
    at: /body\.error\.details/,
    reason: "the network provider's error has details, always empty; the HCI provider's is not known to have them",
  },
  {
    recording: /429-.*/,
    exchange: /.* \(refuse\)/,
    at: /header x-ms-ratelimit-remaining-.*/,
    reason: 'a fault takes nothing out of a bucket, so it has no number to tell',
  },
];
