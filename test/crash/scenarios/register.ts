import { arcSecretName } from '../../../src/registration/arc-secret.ts';
import { secrets } from '../../../src/kube/core.ts';
import { get } from '../../../src/kube/resource.ts';
import { agreement, type Check } from '../../lab/agreement.ts';
import { sampleCluster, sampleManifests } from '../../lab/lab.ts';
import { condition } from '../../lab/registration.ts';
import type { Scenario, World } from '../scenario.ts';
import { lost, unsent } from '../modes.ts';

/** The sample cluster, from YAML to Ready. */
export const register: Scenario = {
  name: 'register',
  says: 'registers a cluster of four nodes, from YAML to Ready',
  prepare: async (world) => world.apply(await sampleManifests(world.outside, { namespace: world.namespace })),
  limitSeconds: 120,
  done: isReady,
  checks: async (world) => [...agreement(world.outside), await arcSecretCheck(world)],
  allowances: [
    {
      write: /^POST clusters\/[^/]+\/arcSettings\/default\/generatePassword$/,
      effects: lost,
      oneMore: 'Azure: passwords created',
      state: /^azure\.applications\.<application [^>]+\.arc>\.passwordCredentials\.1\./,
      reason: 'the secret stood in the lost answer only, and Azure does not tell it again',
    },
    {
      write: /^PATCH secret \S+ \(.*clientSecret\)$/,
      effects: ['killed before'],
      oneMore: 'Azure: passwords created',
      state: /^azure\.applications\.<application [^>]+\.arc>\.passwordCredentials\.1\./,
      reason: 'the secret was in the memory of the process that was killed, and Azure does not tell it again',
    },
  ],
  ignored: [],
  varying: [
    { write: / sync( #\d+)?$/, reason: 'how many are needed depends on when the machines were linked' },
    {
      write: /^PATCH registration status /,
      reason: 'how often status is written depends on what is seen side by side',
    },
  ],
  awaited: [
    {
      write: /(createClusterIdentity|createArcIdentity|uploadCertificate|startArcRegistrationTask)( #\d+)?$/,
      effects: [...lost, ...unsent, 'failed'],
      seconds: 130,
      reason: 'it stands in status as submitted, and is awaited before it is repeated',
    },
    {
      write: /generatePassword$|^PATCH secret /,
      effects: [...lost, ...unsent],
      seconds: 70,
      reason: 'a request for a secret that was sent may act until its deadline',
    },
    {
      write: /^PATCH registration status .*intent/,
      effects: [...lost, ...unsent],
      seconds: 130,
      reason: 'what it submits is awaited, whether it was sent or not',
    },
    {
      write: /^(PUT|POST|PATCH|DELETE) /,
      effects: ['timeout'],
      seconds: 60,
      reason: 'a request has so long to answer',
    },
  ],
};

/** The registration of the sample cluster is Ready, and nothing is left to be done: Cloud Management is not waited for by Ready. */
export function isReady(world: World): boolean {
  const status = world.status(sampleCluster.name);
  if (status === undefined || condition(status, 'Ready')?.status !== 'True') return false;
  return (status.plan?.steps ?? []).length === 0;
}

/** After a crash it would be easy to keep record of another secret than the one that was handed over. */
export async function arcSecretCheck({ kube, namespace, outside: { azure, nodes } }: World): Promise<Check> {
  const secret = await get(kube, secrets, { namespace, name: arcSecretName(sampleCluster.name) });
  const handedOver = nodes.state().clusters[sampleCluster.name]?.arc?.secret;
  const credential = Object.values(azure.state.applications)
    .flatMap(({ passwordCredentials }) => passwordCredentials)
    .find(({ secretText }) => secretText === handedOver);
  const recorded = Object.values(secret?.metadata.annotations ?? {});
  return {
    what: "Kubernetes: the Secret records the key id of the nodes' Arc secret, and no longer its text",
    holds: credential !== undefined && recorded.includes(credential.keyId) && secret?.data === undefined,
  };
}
