import { describe, expect, test } from 'vitest';
import type { HciClusterRegistration } from '../api/registration.ts';
import { createMemory } from './memory.ts';
import { plan } from './plan.ts';
import { report } from './report.ts';
import { toConditions } from './draft.ts';
import {
  absent,
  after,
  before,
  buildArcSecret,
  buildInput,
  buildObserved,
  buildProbe,
  buildRegistration,
  buildResource,
  buildSpec,
  now,
  present,
  probes,
  resourceId,
  unknown,
  unregistered,
} from './testing/builders.ts';

function reported(changes: Parameters<typeof buildInput>[0] = {}, status: HciClusterRegistration['status'] = {}) {
  const input = buildInput(changes);
  const draft = report(buildRegistration({ spec: input.spec, status }), input, plan(input));
  return {
    ...draft,
    by: Object.fromEntries((draft.conditions ?? []).map(({ type, ...rest }) => [type, rest])),
  };
}
const nothing = {
  resource: absent,
  arcSettings: absent,
  probes: probes({ registration: unregistered }),
  resourceGroup: absent,
  arcResourceGroup: absent,
};

describe('Ready', () => {
  test('with everything as it should be, and then neither Reconciling nor Stalled', () => {
    const { by } = reported();
    expect(by['Ready']).toMatchObject({ status: 'True', reason: 'Ready' });
    expect(Object.keys(by)).not.toContain('Reconciling');
    expect(Object.keys(by)).not.toContain('Stalled');
  });
  test('not while steps are done, with the step that is on', () => {
    const { by } = reported({ observed: buildObserved(nothing) });
    const message = 'CreateResourceGroup on hci001-rg: would be done now';
    expect(by['Ready']).toMatchObject({ status: 'False', reason: 'Progressing', message });
    expect(by['Reconciling']).toMatchObject({ status: 'True', reason: 'Progressing', message });
  });
  test('not with a refusal: Stalled, with its words', () => {
    const observed = buildObserved({ resource: present(buildResource({ location: 'westeurope' })) });
    const { by } = reported({ observed });
    expect(by['Stalled']).toMatchObject({ status: 'True', reason: 'InvalidRegion' });
    expect(by['Ready']).toMatchObject({ status: 'False', reason: 'InvalidRegion', message: by['Stalled']?.message });
  });
  test('not with a silent node', () => {
    const observed = buildObserved({
      probes: { ...probes({}), NODE2: unknown('NodeUnreachable', 'NODE2 is silent.') },
    });
    expect(reported({ observed }).by['Ready']).toMatchObject({ status: 'False', reason: 'NodeUnreachable' });
  });
  test('although an optional step is still open', () => {
    const observed = buildObserved({ probes: probes({ customImdsHostAddress: '127.0.0.1' }) });
    expect(reported({ observed }).by['Ready']).toMatchObject({ status: 'True' });
  });
  test('although no expiry is known', () => {
    const observed = buildObserved({
      signInValidity: undefined,
    });
    const { by } = reported({ observed });
    expect(by['CredentialsCurrent']).toMatchObject({ status: 'Unknown', reason: 'ExpiryUnknown' });
    expect(by['Ready']).toMatchObject({ status: 'True' });
  });
  test('under managementPolicy Observe as soon as all can be observed', () => {
    const spec = buildSpec({ managementPolicy: 'Observe' });
    expect(reported({ spec, observed: buildObserved(nothing) }).by['Ready']).toMatchObject({ status: 'True' });
    const silent = buildObserved({ ...nothing, signIn: unknown('CredentialExpired', 'AADSTS7000222') });
    expect(reported({ spec, observed: silent }).by['Ready']).toMatchObject({
      status: 'False',
      reason: 'CredentialExpired',
    });
  });
});

describe('what the registration is in Azure', () => {
  const unmarked = present(buildResource({ tags: {} }));

  test('names are there before anything exists, the id only once it is ours', () => {
    const { azure } = reported({ observed: buildObserved(nothing) });
    expect(azure).toMatchObject({ resourceGroup: 'hci001-rg', resourceName: 'hci001', arcResourceGroup: 'hci001-rg' });
    expect(azure?.resourceId).toBeUndefined();
    expect(azure?.portalUrl).toBeUndefined();
    expect(reported().azure).toMatchObject({ resourceId, adopted: false, cloudId: 'cloud-id' });
    expect(reported().azure?.portalUrl).toBe(
      `https://portal.azure.com/#@22222222-2222-4222-8222-222222222222/resource${resourceId}/overview`,
    );
  });
  test('a resource that was there before is adopted, which stays so', () => {
    const first = reported({ observed: buildObserved({ resource: unmarked }) });
    expect(first.azure).toMatchObject({ resourceId, adopted: true });
    expect(first.effective?.deletionPolicy).toBe('Detach');
    const later = reported({}, { azure: { resourceId, adopted: true } });
    expect(later.azure?.adopted).toBe(true);
    expect(later.effective?.deletionPolicy).toBe('Detach');
  });
  test('one whose adoption is refused, or not decided, is not ours', () => {
    const spec = buildSpec({ adoptionPolicy: 'Never' });
    expect(reported({ spec, observed: buildObserved({ resource: unmarked }) }).azure?.resourceId).toBeUndefined();
    const observed = buildObserved({ resource: unmarked, probes: { NODE1: unknown(), NODE2: unknown() } });
    expect(reported({ observed }).azure?.resourceId).toBeUndefined();
    expect(reported({ observed }, { azure: { resourceId, adopted: false } }).azure).toMatchObject({
      resourceId,
      adopted: false,
    });
  });
  test('the policy in spec wins over what would be the default', () => {
    const spec = buildSpec({ deletion: { policy: 'Detach', whenNodesUnreachable: 'Wait', extensions: 'Wait' } });
    expect(reported({ spec }).effective?.deletionPolicy).toBe('Detach');
    expect(reported().effective?.deletionPolicy).toBe('Unregister');
  });
});

describe('nodes and credentials', () => {
  test('each node with what it said, or why it said nothing', () => {
    const observed = buildObserved({
      probes: { ...probes({}), NODE2: unknown('HostKeyMismatch', 'NODE2 shows another key.') },
      hostKeys: { NODE2: 'SHA256:abc' },
    });
    const { nodes } = reported({ observed });
    expect(nodes).toMatchObject({ total: 2, registered: 1, arcConnected: 2, arcSummary: '2/2' });
    expect(nodes?.items).toMatchObject([
      { name: 'NODE1', registrationStatus: 'Registered', arcStatus: 'Connected', agentVersion: '1.49.02887.2150' },
      { name: 'NODE2', reason: 'HostKeyMismatch', message: 'NODE2 shows another key.', hostKey: 'SHA256:abc' },
    ]);
    expect(nodes?.items[0]?.reason).toBeUndefined();
    expect(nodes?.items[1]?.lastProbeTime).toBeUndefined();
  });
  test('what a node says is cut, never refused', () => {
    const long = 'x'.repeat(4096);
    const observed = buildObserved({
      probes: probes({ registration: { registrationStatus: long, connectionStatus: long } }),
    });
    expect(reported({ observed }).nodes?.items[0]).toMatchObject({
      registrationStatus: 'x'.repeat(64),
      connectionStatus: 'x'.repeat(64),
    });
  });
  test('a certificate counts from when it is set, and the first expiry is shown', () => {
    const created = buildProbe('NODE1').certificate.created;
    const observed = buildObserved({
      probes: {
        NODE1: present(buildProbe('NODE1')),
        NODE2: present(buildProbe('NODE2', { certificate: { created, set: null } })),
      },
    });
    const { credentials, earliestCredentialExpiry } = reported({ observed });
    expect(credentials).toMatchObject([
      { name: 'SignIn', source: 'ClientSecret', notAfter: '2026-12-26T12:00:00Z' },
      { name: 'ArcServicePrincipal', keyId: 'key-1', notAfter: '2028-02-01T00:00:00Z' },
      { name: 'NodeCertificate/NODE1', notAfter: '2028-01-01T00:00:00Z' },
      { name: 'NodeCertificate/NODE2', notAfter: undefined },
    ]);
    expect(earliestCredentialExpiry).toBe('2026-12-26');
  });
  test('an expiry that is no instant is not known', () => {
    const observed = buildObserved({
      arcSecret: present(buildArcSecret({ handedOver: { keyId: 'key-1', notBefore: undefined, notAfter: 'soon' } })),
    });
    const { credentials, by } = reported({ observed });
    expect(credentials?.find(({ name }) => name === 'ArcServicePrincipal')).toMatchObject({ notAfter: undefined });
    expect(by['CredentialsCurrent']).toMatchObject({
      status: 'Unknown',
      message: 'The expiry is not known of: ArcServicePrincipal. It is never rotated by itself.',
    });
  });
});

test('times of comparing: kept while Azure cannot be read', () => {
  const { lastSyncTime, nextSyncTime } = reported();
  expect(lastSyncTime).toBe('2026-03-01T12:00:00Z');
  expect(Date.parse(nextSyncTime ?? '') - now.getTime()).toBeGreaterThanOrEqual(15 * 60_000);
  const kept = reported({ observed: buildObserved({ resource: unknown() }) }, { lastSyncTime: '2026-02-01T00:00:00Z' });
  expect(kept.lastSyncTime).toBe('2026-02-01T00:00:00Z');
  expect(kept.nextSyncTime).toBeUndefined();
});

test('the next sync is when the cluster resource is due, however old the rows were that confirmed it', () => {
  const memory = createMemory();
  const fact = { ...present(buildResource()), at: before(240) };
  memory.facts.resource = { fact, readAgainAt: after(15 * 60), failures: 0 };
  const { lastSyncTime, nextSyncTime } = reported({ memory, observed: buildObserved({ resource: fact }) });
  expect(lastSyncTime).toBe('2026-03-01T11:56:00Z');
  expect(nextSyncTime).toBe('2026-03-01T12:15:00Z');
});

test('a transition is a change of status, not of reason or message', () => {
  const [first] = toConditions(buildRegistration(), { Ready: { status: 'False', reason: 'A', message: 'a' } }, now);
  const registration = buildRegistration({ generation: 2, status: { conditions: first === undefined ? [] : [first] } });
  const again = (status: 'True' | 'False', reason: string) =>
    toConditions(registration, { Ready: { status, reason, message: reason } }, after(60))[0];
  expect(again('False', 'B')).toEqual({ ...first, reason: 'B', message: 'B', observedGeneration: 2 });
  expect(again('True', 'B')?.lastTransitionTime).toBe('2026-03-01T12:01:00Z');
});
