import { describe, expect, test } from 'vitest';
import { onboardingSecretHeld } from './arc-application.ts';
import { arcConnected } from './conditions/arc.ts';
import { credentialsCurrent } from './conditions/credentials.ts';
import { trackedCredentials } from './credentials.ts';
import { plan } from './plan.ts';
import {
  after,
  buildArcSettings,
  buildInput,
  buildObserved,
  buildProbe,
  buildSpec,
  now,
  present,
  unknown,
} from './testing/builders.ts';
import { cmdletStart, emptyStart, ownStart } from './testing/starts.ts';
import { allProviders, certificates, identity, onboard, register, table, type Case } from './testing/state-table.ts';

// The user's own Arc service principal (-ArcSpnCredential): what the provider makes otherwise is not made.

const ownOnboarding = onboard.filter((step) => step !== 'DropArcSecret');
const own = { onboarding: 'ServicePrincipal' } as const;

const cases: Record<string, Case> = {
  'a first registration': {
    start: { ...emptyStart, ...own },
    writes: [
      'CreateResourceGroup',
      allProviders,
      'CreateCluster',
      ...identity,
      ...certificates,
      ...register,
      'CreateArcSettings',
      'AssignArcRoles ×2',
      ...ownOnboarding,
    ],
    ends: 'Ready',
  },
  'a cluster that the cmdlet has onboarded with it is taken over, and its nodes are left alone': {
    start: { ...cmdletStart, ...own },
    spec: { adoptionPolicy: 'IfOwned' },
    writes: ['AdoptCluster', 'RecordOnboardingSecret'],
    ends: 'Ready',
  },
  'another secret of it is handed to the nodes': {
    start: { ...ownStart, ...own },
    change: (world) => {
      world.onboardingRecord = { handedOver: 'first-secret', found: undefined, repair: undefined };
      world.onboardingSecret = 'second-secret';
    },
    writes: ['InitializeArcIntegration'],
    ends: 'Ready',
  },
  'also one that was found on the nodes': {
    start: { ...ownStart, ...own },
    change: (world) => {
      world.onboardingRecord = { handedOver: undefined, found: 'first-secret', repair: undefined };
      world.onboardingSecret = 'second-secret';
    },
    writes: ['InitializeArcIntegration'],
    ends: 'Ready',
  },
  'what was found on the nodes is replaced when a node cannot be onboarded with it': {
    start: { ...ownStart, ...own, agents: [true, false], shown: [true, false] },
    change: (world) => {
      world.onboardingRecord = { handedOver: undefined, found: 'first-secret', repair: undefined };
    },
    writes: ['InitializeArcIntegration', 'StartArcRegistrationTask', 'Sync'],
    ends: 'Ready',
  },
  'a role of it is missing': {
    start: { ...ownStart, ...own, arcRoles: [true, false] },
    change: (world) => {
      world.onboardingRecord = { handedOver: 'first-secret', found: undefined, repair: undefined };
    },
    writes: ['AssignArcRoles'],
    ends: 'Ready',
  },
  "the provider's principal was in use: the nodes are given the other one, and its secret is forgotten": {
    start: { ...ownStart, secret: 'held', arcRoles: [false] },
    spec: {
      arc: {
        state: 'Enabled',
        onboarding: { type: 'ServicePrincipal', servicePrincipal: { secretRef: { name: 'own' } } },
      },
    },
    writes: ['AssignArcRoles ×2', 'InitializeArcIntegration', 'DropArcSecret'],
    ends: 'Ready',
  },
};
table(cases);

const spec = buildSpec({
  arc: { state: 'Enabled', onboarding: { type: 'ServicePrincipal', servicePrincipal: { secretRef: { name: 'own' } } } },
});
const observed = buildObserved({
  onboardingSecret: present({ appId: 'arc-client-id', fingerprint: 'first', hint: 'abc', notAfter: undefined }),
  arcSignIn: present({ principalId: 'arc-principal-id' }),
});
const input = (changes: Partial<typeof observed> = {}) => buildInput({ spec, observed: { ...observed, ...changes } });
const record = (handedOver: string | undefined, found: string | undefined, appId = 'ARC-client-id', repair?: string) =>
  present({ appId, handedOver, found, repair });

describe('which secret the nodes hold', () => {
  test.each([
    ['none is on record, and all are onboarded', {}, 'found'],
    ['this one was handed over', { onboardingRecord: record('first', undefined) }, 'given'],
    ['another one was handed over', { onboardingRecord: record('last', undefined) }, 'other'],
    ['they were found with the Secret as it is', { onboardingRecord: record(undefined, 'first') }, 'found'],
    ['they were found with another Secret', { onboardingRecord: record(undefined, 'last') }, 'other'],
    ['what is on record is of another application', { onboardingRecord: record('last', undefined, 'x') }, 'found'],
    [
      'they hold another application',
      {
        probes: {
          NODE1: present(
            buildProbe('NODE1', { arc: { clusterArcStatus: 'Enabled', nodesArcStatus: {}, applicationId: 'x' } }),
          ),
        },
      },
      'other',
    ],
    [
      'one of them is not onboarded',
      { probes: { ...observed.probes, NODE2: present(buildProbe('NODE2', { agent: null })) } },
      'other',
    ],
  ])('%s', (_, changes, held) => {
    expect(onboardingSecretHeld(input(changes))).toBe(held);
  });
});

/** What is done upon a request, when the one before was answered. */
const repairAsked = (answered: string) => {
  const given = input({ onboardingRecord: record('first', undefined, undefined, answered) });
  given.memory = { ...given.memory, renewalRequests: { repair: '2' } };
  return plan(given).runnable.filter(({ step }) => step === 'InitializeArcIntegration');
};

test('a repair hands it over once more, and only once', () => {
  expect(repairAsked('1')).toMatchObject([{ arguments: { repair: '2' } }]);
  expect(repairAsked('2')).toEqual([]);
});

describe('what is wrong with it', () => {
  const notShown = { arcSettings: present(buildArcSettings({ perNodeDetails: [] })) };
  const expired = unknown('CredentialExpired', 'AADSTS7000222');
  test.each([
    ['no such Secret', { onboardingSecret: unknown('SecretNotFound', 'none'), ...notShown }, 'False SecretNotFound'],
    ['it does not sign in', { arcSignIn: expired, arcRoles: expired, ...notShown }, 'False CredentialExpired'],
    ['it does not sign in, and all nodes are connected', { arcSignIn: expired, arcRoles: expired }, 'True Succeeded'],
  ])('%s', (_, changes, verdict) => {
    const given = input(changes);
    const { status, reason } = arcConnected(given, plan(given));
    expect(`${status} ${reason}`).toBe(verdict);
    expect(plan(given).runnable.map(({ step }) => step)).toEqual(
      expect.not.arrayContaining(['AssignArcRoles', 'InitializeArcIntegration']),
    );
  });

  test('what does not sign in is not handed over', () => {
    const given = input({ onboardingRecord: record('last', undefined), arcSignIn: expired });
    expect(plan(given).pending).toContainEqual(
      expect.objectContaining({ step: 'InitializeArcIntegration', state: 'Waiting', reason: 'Progressing' }),
    );
    expect(plan(given).runnable).toEqual([]);
  });
});

const secret = (notAfter: Date | undefined) =>
  present({ appId: 'arc-client-id', fingerprint: 'first', hint: 'abc', notAfter });
const application = (...hints: string[]) =>
  present({
    id: 'object-id',
    appId: 'arc-client-id',
    displayName: 'arc',
    passwordCredentials: hints.map((hint, index) => ({
      keyId: `key-${index}`,
      hint,
      startDateTime: '2026-01-01T00:00:00Z',
      endDateTime: '2026-07-01T00:00:00Z',
    })),
  });

describe('when it expires', () => {
  const told = { validity: { notAfter: new Date('2026-07-01T00:00:00Z') }, keyId: 'key-1', source: 'Graph' };
  const expiresOn = new Date('2027-01-01T00:00:00Z');
  const asSecretSays = { validity: { notAfter: expiresOn }, keyId: undefined, source: 'Secret' };
  const refused = unknown('ActionsMissing', 'Insufficient privileges to complete the operation.');
  test.each([
    ['Microsoft Graph tells', secret(undefined), application('xyz', 'abc'), told],
    ['Graph knows better than the Secret', secret(expiresOn), application('xyz', 'abc'), told],
    ['several begin alike', secret(expiresOn), application('abc', 'abc'), asSecretSays],
    ['none begins alike', secret(expiresOn), application('xyz'), asSecretSays],
    ['Graph may not be asked', secret(expiresOn), refused, asSecretSays],
    ['nobody tells', secret(undefined), refused, { validity: undefined, renewalTime: undefined, source: 'Secret' }],
  ])('%s', (_, onboardingSecret, onboardingApplication, expected) => {
    const tracked = trackedCredentials(input({ onboardingSecret, onboardingApplication }));
    expect(tracked.find(({ name }) => name === 'ArcServicePrincipal')).toMatchObject(expected);
  });
  test('is told ahead, with how to renew it; what Graph refuses blocks nothing', () => {
    const given = input({ onboardingSecret: secret(after(86_400)), onboardingApplication: refused });
    const verdict = credentialsCurrent(trackedCredentials(given), { now, clockSkewMs: 0, failure: undefined });
    expect(verdict).toMatchObject({ status: 'False', reason: 'ExpiringSoon' });
    expect(verdict.message).toContain('az ad app credential reset --id arc-client-id --append');
    expect(plan(given).pending.map(({ step }) => step)).toEqual(['RecordOnboardingSecret']);
  });
});
