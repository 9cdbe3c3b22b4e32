import { describe, expect, test } from 'vitest';
import type { Reason } from '../../api/reasons.ts';
import { authenticated, clockSkew, permissionsSatisfied } from './azure.ts';
import { nodesReachable } from './nodes.ts';
import { registered, connected, inSync, lastConnected, offlineDaysLeft } from './registered.ts';
import { arcConnected } from './arc.ts';
import type { TrackedCredential } from '../credentials.ts';
import { credentialsCurrent } from './credentials.ts';
import type { Verdict } from '../draft.ts';
import { plan } from '../plan.ts';
import type { PlanInput } from '../step.ts';
import {
  absent,
  after,
  before,
  buildArcSettings,
  buildInput,
  buildMachine,
  buildObserved,
  buildProbe,
  buildResource,
  buildSpec,
  now,
  present,
  probes,
  resourceId,
  unknown,
  unregistered,
} from '../testing/builders.ts';

const day = 86_400;
const observing = (changes: Parameters<typeof buildObserved>[0]) => buildInput({ observed: buildObserved(changes) });
const short = ({ status, reason }: Verdict) => `${status} ${reason}`;
const judged = (verdict: (input: PlanInput, planned: ReturnType<typeof plan>) => Verdict, input: PlanInput) =>
  verdict(input, plan(input));

describe('Authenticated', () => {
  test.each<[Reason, string]>([
    ['SecretNotFound', 'False'],
    ['CredentialExpired', 'False'],
    ['CredentialRejected', 'False'],
    ['WrongTenant', 'False'],
    ['EndpointUnreachable', 'False'],
    ['NamespaceNotAllowed', 'False'],
    ['ProgressingWithRetry', 'Unknown'],
  ])('%s is %s', (reason, status) => {
    expect(authenticated(unknown(reason, 'AADSTS'))).toEqual({ status, reason, message: 'AADSTS' });
  });
  test('a token is True', () => {
    expect(short(authenticated(present(true)))).toBe('True Succeeded');
    expect(short(authenticated(absent))).toBe('Unknown NotYetObserved');
  });
});

const missing = (changes: Parameters<typeof buildObserved>[0]) => permissionsSatisfied(observing(changes));

describe('PermissionsSatisfied', () => {
  test('what may not be read blocks nothing', () => {
    expect(short(permissionsSatisfied(observing({ permissions: unknown('ActionsMissing') })))).toBe(
      'Unknown CheckNotAllowed',
    );
  });
  test('names every missing action, the scope and the command', () => {
    const { message, ...verdict } = missing({
      providerRoles: absent,
      permissions: present([{ actions: ['*/read', 'Microsoft.AzureStackHCI/*'], notActions: [] }]),
    });
    expect(verdict).toEqual({ status: 'False', reason: 'ActionsMissing' });
    expect(message).toContain('missing: Microsoft.Authorization/roleAssignments/write.');
    expect(message).toContain(
      'az role assignment create --assignee 44444444-4444-4444-8444-444444444444 --role "User Access Administrator" --scope /subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/hci001-rg',
    );
    expect(message).not.toContain('Contributor');
  });
  test('names each scope with what is missing at it', () => {
    const providers = {
      'Microsoft.HybridCompute': present({
        namespace: 'Microsoft.HybridCompute',
        registrationState: 'NotRegistered',
        clusterLocations: [],
      }),
    };
    expect(missing({ providers, permissions: present([]) }).message.split('\n')).toEqual([
      expect.stringMatching(
        /^At \/subscriptions\/[-0-9]+\/resourceGroups\/hci001-rg these .*clusters\/write.*"Contributor"/,
      ),
      expect.stringMatching(/^At \/subscriptions\/[-0-9]+ these .*: Microsoft.HybridCompute\/register\/action\. /),
    ]);
  });
  test('names no group that is not there', () => {
    const { message } = missing({
      resourceGroup: absent,
      arcResourceGroup: absent,
      resource: absent,
      permissions: present([]),
    });
    expect(message).toMatch(/^At \/subscriptions\/[-0-9]+ these .*resourceGroups\/write.*clusters\/write/);
    expect(message).not.toContain('hci001-rg');
  });
  test('rights at the group are enough where all that is needed is in it', () => {
    const inGroup = { groupPermissions: { resourceGroup: present([{ actions: ['*'], notActions: [] }]) } };
    expect(short(missing({ permissions: present([]) }))).toBe('False ActionsMissing');
    const all = { ...inGroup.groupPermissions, arcResourceGroup: inGroup.groupPermissions.resourceGroup };
    expect(short(missing({ permissions: present([]), groupPermissions: all }))).toBe('True Succeeded');
    expect(short(missing({ permissions: unknown('ActionsMissing'), groupPermissions: all }))).toBe('True Succeeded');
  });
  test('what is there needs no right to be made', () => {
    const permissions = present([{ actions: ['*/read', 'Microsoft.AzureStackHCI/*'], notActions: [] }]);
    expect(short(missing({ permissions }))).toBe('True Succeeded');
  });
});

describe('NodesReachable', () => {
  test('tells the first reason, and of every silent node', () => {
    const observed = buildObserved({
      probes: {
        NODE1: unknown('HostKeyMismatch', 'NODE1 shows another key.'),
        NODE2: unknown('NodeUnreachable', 'NODE2 is silent.'),
      },
    });
    expect(nodesReachable({ observed })).toEqual({
      status: 'False',
      reason: 'HostKeyMismatch',
      message: 'NODE1 shows another key. The cluster says that NODE2 is up. NODE2 is silent.',
    });
  });
  test('needs the cluster to answer too', () => {
    expect(short(nodesReachable({ observed: buildObserved({ cluster: unknown('NodeOperationFailed') }) }))).toBe(
      'False NodeOperationFailed',
    );
    expect(nodesReachable({ observed: buildObserved() }).message).toBe('All 2 nodes answered.');
  });
});

describe('Registered', () => {
  test.each<[string, PlanInput, string]>([
    ['all agree', buildInput(), 'True Succeeded'],
    [
      'no resource',
      observing({ resource: absent, probes: probes({ registration: unregistered }) }),
      'False NotRegistered',
    ],
    [
      'one node is not',
      observing({ probes: { ...probes({}), NODE2: present(buildProbe('NODE2', { registration: unregistered })) } }),
      'False NotRegistered',
    ],
    ['one node is silent', observing({ probes: { ...probes({}), NODE2: unknown() } }), 'Unknown NotObserved'],
    ['Azure could not be read', observing({ resource: unknown('EndpointUnreachable') }), 'Unknown EndpointUnreachable'],
    ['only the nodes know of it', observing({ resource: absent, arcSettings: absent }), 'False ResourceMissing'],
    [
      'the uri in another case',
      observing({ probes: probes({ registration: { azureResourceUri: resourceId.toUpperCase() } }) }),
      'True Succeeded',
    ],
  ])('%s', (_, input, expected) => {
    expect(short(judged(registered, input))).toBe(expected);
  });
});

const left = (seconds: number) => offlineDaysLeft(now, after(seconds));

describe('Connected', () => {
  const since = (seconds: number, connectionStatus: string | null = 'Connected') =>
    observing({
      resource: present(buildResource({ properties: { lastSyncTimestamp: null } })),
      probes: probes({ registration: { connectionStatus, lastConnected: before(seconds).toISOString() } }),
    });
  const one = (connectionStatus: string | null) =>
    observing({
      probes: { ...probes({}), NODE2: present(buildProbe('NODE2', { registration: { connectionStatus } })) },
    });

  test.each<[string, PlanInput, string]>([
    ['within the day', since(day), 'True Succeeded'],
    ['longer than a day ago', since(day + 1), 'False NotConnectedRecently'],
    ['eleven days left', since(19 * day + 100), 'False NotConnectedRecently'],
    ['ten days left', since(20 * day), 'False OfflineLimitNear'],
    ['none left', since(200 * day), 'False OfflineLimitNear'],
    ['one node is not connected', one('NotConnectedRecently'), 'False NotConnectedRecently'],
    ['one node never was', one(null), 'False NotConnectedRecently'],
    ['a status that nobody knows', one('SomethingNew'), 'False NotConnectedRecently'],
    ['one node out of policy', one('OutOfPolicy'), 'False NodeOutOfPolicy'],
    ['all nodes out of policy', since(60, 'OutOfPolicy'), 'False OutOfPolicy'],
    ['a repair is asked for', one('RepairRegistrationRequired'), 'False RepairRegistrationRequired'],
    ['one node is silent', observing({ probes: { ...probes({}), NODE2: unknown() } }), 'Unknown NotObserved'],
  ])('%s', (_, input, expected) => {
    expect(short(connected(input))).toBe(expected);
  });

  test('the newest that any node or Azure says counts', () => {
    const input = observing({
      resource: present(buildResource({ properties: { lastSyncTimestamp: before(3 * day).toISOString() } })),
      probes: {
        NODE1: present(buildProbe('NODE1', { registration: { lastConnected: before(5 * day).toISOString() } })),
        NODE2: present(buildProbe('NODE2', { registration: { lastConnected: '2026-99-99T00:00:00Z' } })),
      },
    });
    expect(lastConnected(input)).toEqual(before(3 * day));
    expect(lastConnected(observing({ resource: absent, probes: {} }))).toBeUndefined();
  });

  test('days left as the clock moves on', () => {
    expect([0, day - 1, day, 20 * day, 30 * day, 31 * day, -9 * day].map(left)).toEqual([30, 30, 29, 10, 0, 0, 30]);
  });
});

const shown = (names: string[]) =>
  present(
    buildArcSettings({ perNodeDetails: names.map((name) => ({ name: name.toLowerCase(), state: 'Connected' })) }),
  );

describe('ArcConnected', () => {
  test.each<[string, PlanInput, string]>([
    [
      'all shown, whatever the case of their names',
      observing({ arcSettings: shown(['NODE1', 'NODE2']) }),
      'True Succeeded',
    ],
    ['onboarded, not shown yet', observing({ arcSettings: shown(['NODE1']) }), 'False ArcSyncPending'],
    [
      'not onboarded',
      observing({
        arcSettings: shown(['NODE1']),
        probes: { ...probes({}), NODE2: present(buildProbe('NODE2', { agent: null })) },
      }),
      'False NodesNotConnected',
    ],
    ['no Arc settings', observing({ arcSettings: absent }), 'False NodesNotConnected'],
    ['no Arc in the operating system', observing({ probes: probes({ arc: null }) }), 'False ArcUnsupported'],
    ['could not be read', observing({ arcSettings: unknown('EndpointUnreachable') }), 'Unknown EndpointUnreachable'],
    [
      'not asked for',
      buildInput({ spec: buildSpec({ arc: { state: 'Unmanaged', onboarding: { type: 'ResourceProvider' } } }) }),
      'Unknown NotRequested',
    ],
  ])('%s', (_, input, expected) => {
    expect(short(judged(arcConnected, input))).toBe(expected);
  });
  test('the role of the provider that we may not assign', () => {
    const input = observing({ providerRoles: absent });
    input.memory.failures.set('AssignResourceManagerRole/Azure Connected Machine Resource Manager', {
      count: 1,
      at: now,
      nextTry: after(9),
      message: 'AuthorizationFailed.',
      reason: 'RpRoleMissing',
      needsPerson: false,
    });
    const verdict = { status: 'False', reason: 'RpRoleMissing', message: 'AuthorizationFailed.' };
    expect(judged(arcConnected, input)).toEqual(verdict);
    // It is told as well while it is being tried again.
    expect(judged(arcConnected, { ...input, now: after(10) })).toEqual(verdict);
  });
  test("other clusters' and single machines in the Arc group are told, before and after it is set up", () => {
    const machines = present([buildMachine('node1', resourceId), buildMachine('FILESERVER', '')]);
    for (const arcSettings of [shown(['NODE1', 'NODE2']), absent]) {
      const { message } = judged(arcConnected, observing({ machines, arcSettings }));
      expect(message).toContain(
        'hci001-rg also holds Arc-enabled servers that are no nodes of this cluster: FILESERVER.',
      );
    }
  });
  test('consent that was not given is told, and holds nothing', () => {
    expect(judged(arcConnected, buildInput()).message).toContain('spec.arc.defaultExtensions');
    const spec = buildSpec({ arc: { ...buildSpec().arc, defaultExtensions: 'Decline' } });
    expect(judged(arcConnected, buildInput({ spec })).message).not.toContain('spec.arc.defaultExtensions');
  });
});

const credential = (name: string, notAfter?: string, changes: Partial<TrackedCredential> = {}): TrackedCredential => ({
  name,
  validity: notAfter === undefined ? undefined : { notBefore: undefined, notAfter: new Date(notAfter) },
  renewalTime: undefined,
  keyId: undefined,
  source: 'Node',
  isRotated: false,
  renewal: `renew ${name} by hand`,
  ...changes,
});
const due = { renewalTime: now };
const later = credential('a', '2027-01-01T00:00:00Z');

describe('CredentialsCurrent', () => {
  const wellTimed = { now, clockSkewMs: 0, failure: undefined };
  test.each<[string, TrackedCredential[], string, string]>([
    ['none', [], 'Unknown ExpiryUnknown', 'No credential'],
    ['one unknown', [later, credential('b')], 'Unknown ExpiryUnknown', 'of: b.'],
    [
      'one expired, one unknown',
      [credential('a'), credential('b', '2026-03-01T12:00:00Z')],
      'False Expired',
      'b expired on 2026-03-01T12:00:00Z: to renew it, renew b by hand.',
    ],
    [
      'one that a person has to renew by now',
      [later, credential('b', '2026-04-01T00:00:00Z', due)],
      'False ExpiringSoon',
      'b expires on 2026-04-01T00:00:00Z: to renew it, renew b by hand.',
    ],
    [
      'one that the controller renews by now',
      [credential('b', '2026-04-01T00:00:00Z', { ...due, isRotated: true })],
      'False ExpiringSoon',
      'the controller renews it',
    ],
    [
      'all known',
      [later, credential('b', '2026-04-01T00:00:00Z')],
      'True Succeeded',
      'The first to expire: b expires on 2026-04-01',
    ],
  ])('%s', (_, tracked, expected, message) => {
    const verdict = credentialsCurrent(tracked, wellTimed);
    expect(short(verdict)).toBe(expected);
    expect(verdict.message).toContain(message);
  });

  test('a failed try is told as long as nothing has expired, with how long there is', () => {
    const given = { ...wellTimed, failure: 'GeneratePassword on default: no.' };
    const soon = credential('b', '2026-04-01T00:00:00Z', due);
    expect(credentialsCurrent([later, soon], given)).toEqual({
      status: 'False',
      reason: 'RotationFailed',
      message: 'Until 2026-04-01T00:00:00Z nothing that is in use expires. GeneratePassword on default: no.',
    });
    const expired = credentialsCurrent([credential('b', '2026-02-01T00:00:00Z')], given);
    expect(expired.reason).toBe('Expired');
    expect(expired.message).toContain('GeneratePassword on default: no.');
  });

  test('nothing is called expired or due while the clocks differ', () => {
    const tracked = [credential('a', '2026-02-01T00:00:00Z'), credential('b', '2026-04-01T00:00:00Z', due)];
    expect(short(credentialsCurrent(tracked, { ...wellTimed, clockSkewMs: 300_001 }))).toBe('Unknown ClockSkew');
    expect(short(credentialsCurrent(tracked, { ...wellTimed, clockSkewMs: -300_000 }))).toBe('False Expired');
  });
});

test('InSync names what differs, and what could not be compared', () => {
  expect(short(judged(inSync, buildInput()))).toBe('True Succeeded');
  expect(judged(inSync, observing({ providerRoles: absent }))).toMatchObject({
    status: 'False',
    reason: 'DriftDetected',
    message: expect.stringContaining('AssignResourceManagerRole'),
  });
  expect(short(judged(inSync, observing({ resource: unknown() })))).toBe('Unknown NotObserved');
});

test('ClockSkew is there only beyond five minutes, in either direction', () => {
  expect([undefined, 0, 300_000, -300_000].map(clockSkew)).toEqual([undefined, undefined, undefined, undefined]);
  expect([300_001, -300_001].map((skew) => clockSkew(skew)?.reason)).toEqual(['ClockSkew', 'ClockSkew']);
  expect(clockSkew(600_000)?.message).toContain("Azure's clock is 600 s ahead");
});
