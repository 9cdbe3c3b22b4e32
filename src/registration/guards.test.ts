import { describe, expect, test } from 'vitest';
import type { Reason } from '../api/reasons.ts';
import type { RegistrationSpec } from '../api/spec.ts';
import { refusal, unsupported } from './guards.ts';
import { plan } from './plan.ts';
import type { PlanInput } from './step.ts';
import { markTag } from './target.ts';
import {
  absent,
  buildCluster,
  buildInput,
  buildObserved,
  buildProbe,
  buildResource,
  buildSpec,
  buildTarget,
  present,
  probes,
  resourceId,
  subscriptionId,
  unknown,
  unregistered,
} from './testing/builders.ts';

const other = resourceId.replace('/hci001', '/hci002');
const mark = buildTarget().mark;
const newest = [...buildProbe('NODE1').commands, 'Set-AzureStackHCIRegistrationMsi'];
const observing = (changes: Parameters<typeof buildObserved>[0]) => buildInput({ observed: buildObserved(changes) });
const adopting = (
  adoptionPolicy: RegistrationSpec['adoptionPolicy'],
  tags: Record<string, string>,
  nodesSay: boolean,
): PlanInput =>
  buildInput({
    spec: buildSpec({ adoptionPolicy }),
    observed: buildObserved({
      resource: present(buildResource({ tags })),
      ...(nodesSay ? {} : { probes: probes({ registration: unregistered }) }),
    }),
  });

describe('what refuses every write', () => {
  test.each<[string, PlanInput, Reason, string]>([
    [
      'another computer at the address',
      observing({ probes: { ...probes({}), NODE2: present(buildProbe('NODE9')) } }),
      'NodeIdentityMismatch',
      'The computer at the address of NODE2 says that it is NODE9.',
    ],
    [
      'a node of another cluster, where Azure does not know the cluster yet',
      observing({
        resource: absent,
        probes: probes({ registration: unregistered }),
        cluster: present(
          buildCluster({ nodes: [{ name: 'NODE1', state: 'Up', statusInformation: null, drainStatus: null }] }),
        ),
      }),
      'NodeIdentityMismatch',
      'NODE2 is not a node of the cluster hci001: its nodes are NODE1.',
    ],
    [
      'nodes of another registration',
      observing({ probes: probes({ registration: { azureResourceUri: other } }) }),
      'RegisteredElsewhere',
      `NODE1 is registered as ${other}, and this object describes ${resourceId} (9125: the resource groups differ). Make spec.azure name the former, or unregister the cluster first.`,
    ],
    ...(
      [
        [resourceId.replace('/clusters/hci001', '/clusters/hci002'), '9127: the names differ'],
        [resourceId.replace(subscriptionId, subscriptionId.replaceAll('1', '9')), '9128: the subscriptions differ'],
        [`${resourceId}/../hci002`, '9107: the former is no id of a cluster resource'],
      ] as const
    ).map(([uri, why]): [string, PlanInput, Reason, string] => [
      `nodes registered elsewhere: ${why}`,
      observing({ probes: probes({ registration: { azureResourceUri: uri } }) }),
      'RegisteredElsewhere',
      `NODE1 is registered as ${uri}, and this object describes ${resourceId} (${why}).`,
    ]),
    [
      'a resource that is gone, and nodes that hold its id',
      observing({ resource: absent, arcSettings: absent }),
      'ResourceMissing',
      `NODE1 is registered as ${resourceId}, which Azure does not have (9106).`,
    ],
    [
      'the same where the nodes have fallen out of policy meanwhile',
      observing({
        resource: absent,
        arcSettings: absent,
        probes: probes({ registration: { registrationStatus: 'OutOfPolicy' } }),
      }),
      'ResourceMissing',
      '(9106)',
    ],
    [
      'a region that is not offered',
      observing({
        resource: absent,
        probes: probes({ registration: unregistered }),
        providers: {
          'Microsoft.AzureStackHCI': present({
            namespace: 'Microsoft.AzureStackHCI',
            registrationState: 'Registered',
            clusterLocations: ['West Europe', 'Southeast Asia'],
          }),
        },
      }),
      'InvalidRegion',
      'Microsoft.AzureStackHCI does not offer eastus (9108). It offers: westeurope, southeastasia.',
    ],
    [
      'a resource in another region',
      observing({ resource: present(buildResource({ location: 'West Europe' })) }),
      'InvalidRegion',
      `The cluster resource ${resourceId} is in West Europe, not in eastus (9104). Set spec.azure.region to West Europe.`,
    ],
    [
      'a resource of another cluster of this name, whatever the policy',
      buildInput({
        spec: buildSpec({ adoptionPolicy: 'Always' }),
        observed: buildObserved({ cluster: present(buildCluster({ id: 'another-id' })) }),
      }),
      'OwnershipConflict',
      "id 33333333-3333-4333-8333-333333333333; this cluster's id is another-id. Set spec.azure.resourceName to another name.",
    ],
    [
      'a resource with the mark of another object',
      adopting('Always', { [markTag]: 'test-instance/edge/hci999' }, true),
      'OwnershipConflict',
      `${resourceId} is managed as test-instance/edge/hci999 (tag ${markTag}).`,
    ],
    [
      'a mark of this object from another controller, and nodes that know nothing of it',
      adopting('Always', { [markTag]: mark.replace('test-instance', 'another-instance') }, false),
      'OwnershipConflict',
      'is managed as another-instance/edge/hci001',
    ],
    ['adoptionPolicy Never', adopting('Never', {}, true), 'AdoptionRefused', 'and adoptionPolicy is Never. Set'],
    [
      'adoptionPolicy IfOwned without nodes that say so',
      adopting('IfOwned', {}, false),
      'AdoptionRefused',
      'and adoptionPolicy is IfOwned (the nodes are not registered to it). Set adoptionPolicy to Always',
    ],
    [
      'a cluster that Azure deployed',
      observing({
        probes: { NODE1: unknown(), NODE2: present(buildProbe('NODE2', { deploymentLaunchType: 'CloudDeployment' })) },
      }),
      'CloudDeployed',
      'DeploymentLaunchType is CloudDeployment on NODE2',
    ],
    [
      'a cluster resource that Azure is deploying',
      observing({ resource: present(buildResource({ properties: { status: 'DeploymentInProgress' } })) }),
      'CloudDeployed',
      'the cluster resource is DeploymentInProgress',
    ],
    [
      'nodes that are to be registered in the newest way',
      observing({
        resource: absent,
        arcSettings: absent,
        probes: probes({ registration: unregistered, commands: newest }),
      }),
      'FlowNotSupported',
      'NODE1 has Set-AzureStackHCIRegistrationMsi',
    ],
    [
      'nodes that are registered in the newest way',
      observing({
        resource: present(buildResource({ properties: { aadApplicationObjectId: null } })),
        probes: probes({ commands: newest }),
      }),
      'FlowNotSupported',
      'reconcile on arcSettings',
    ],
  ])('%s', (_, input, reason, message) => {
    const refused = refusal(input);
    expect(refused?.reason).toBe(reason);
    expect(refused?.message).toContain(message);
    expect(plan(input)).toMatchObject({ refusal: refused, runnable: [] });
  });
});

describe('what does not', () => {
  test.each<[string, PlanInput]>([
    ['names in another case', observing({ probes: { NODE1: present(buildProbe('node1')), NODE2: unknown() } })],
    ['a region as it is displayed', observing({ resource: present(buildResource({ location: 'East US' })) })],
    [
      'ids in another case',
      observing({ probes: probes({ registration: { azureResourceUri: resourceId.toLowerCase() } }) }),
    ],
    ['a resource that reports nothing yet', observing({ cluster: unknown() })],
    ['our own mark under adoptionPolicy Never', adopting('Never', { [markTag]: mark }, false)],
    ['adoptionPolicy IfOwned with nodes that say so', adopting('IfOwned', {}, true)],
    ['adoptionPolicy Always', adopting('Always', {}, false)],
    [
      'our mark from another controller where the nodes are registered to it',
      adopting('IfOwned', { [markTag]: mark.replace('test-instance', 'another-instance') }, true),
    ],
    [
      'what was registered with an application, on nodes that have learnt the newest way since',
      observing({ probes: probes({ commands: newest }) }),
    ],
    [
      'nodes that know the newest way, and a resource that could not be read',
      observing({ resource: unknown(), probes: probes({ commands: newest }) }),
    ],
    [
      'a node that was deployed in another way',
      observing({ probes: probes({ deploymentLaunchType: 'OnPremDeployment' }) }),
    ],
    [
      'nothing that could be read',
      observing({ probes: {}, cluster: unknown(), resource: unknown(), arcSettings: unknown(), machines: unknown() }),
    ],
  ])('%s', (_, input) => {
    expect(refusal(input)).toBeUndefined();
  });
});

describe('what comes in a later version', () => {
  const spec = buildSpec();
  const { ssh } = spec.nodes.transport;
  if (ssh === undefined) throw new Error('the spec uses SSH');
  const over = (transport: RegistrationSpec['nodes']['transport']) =>
    buildSpec({ nodes: { ...spec.nodes, transport } });
  const arc = (changes: Partial<RegistrationSpec['arc']>) => buildSpec({ arc: { ...spec.arc, ...changes } });

  test.each<[string, RegistrationSpec]>([
    [
      'spec.nodes.transport.type: WinRM',
      over({ type: 'WinRM', winRM: { port: 5986, secretRef: { name: 'a' }, caRef: { name: 'b' } } }),
    ],
  ])('%s', (field, asked) => {
    const refused = unsupported({ spec: asked });
    expect(refused?.reason).toBe('NotSupportedYet');
    expect(refused?.message).toMatch(new RegExp(`^${field} is not supported by this version.*Nothing was changed\\.$`));
  });

  test('nothing of what is done', () => {
    expect(unsupported({ spec })).toBeUndefined();
    expect(unsupported({ spec: over({ type: 'SSH', ssh: { ...ssh, execution: 'Inline' } }) })).toBeUndefined();
    expect(unsupported({ spec: arc({ state: 'Unmanaged', defaultExtensions: 'Consent' }) })).toBeUndefined();
  });
});

test('an old install that is out of policy and holds no id is registered as a new one', () => {
  const nodes = probes({ registration: { ...unregistered, registrationStatus: 'OutOfPolicy' } });
  const planned = plan(observing({ resource: absent, arcSettings: absent, probes: nodes }));
  expect(planned.refusal).toBeUndefined();
  expect(planned.runnable.map(({ step }) => step)).toEqual(['CreateCluster']);
});

test('a resource that another object is making is not made a second time', () => {
  const input = {
    ...observing({ resource: absent, arcSettings: absent, probes: probes({ registration: unregistered }) }),
    claimedBy: 'edge/other',
  };
  const planned = plan(input);
  expect(planned.runnable).toEqual([]);
  expect(planned.pending).toContainEqual(
    expect.objectContaining({ step: 'CreateCluster', state: 'Blocked', reason: 'OwnershipConflict' }),
  );
});

test('a resource that the nodes know and Azure does not have is never made again (9106)', () => {
  for (const nodes of [
    probes({}),
    { NODE1: present(buildProbe('NODE1', { registration: unregistered })), NODE2: present(buildProbe('NODE2')) },
  ]) {
    const planned = plan(observing({ resource: absent, arcSettings: absent, probes: nodes }));
    expect(planned.runnable).toEqual([]);
    expect(planned.pending).toContainEqual(
      expect.objectContaining({
        step: 'CreateCluster',
        state: 'Blocked',
        reason: 'ResourceMissing',
        message: expect.stringMatching(/NODE\d is registered as .*\(9106\).*nothing was created\.$/),
      }),
    );
  }
});
