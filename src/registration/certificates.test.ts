import { describe, expect, test } from 'vitest';
import { certificateNeed, certificatesToUpload, notCarried } from './certificates.ts';
import { createMemory } from './memory.ts';
import type { PlanInput } from './step.ts';
import { simulate } from './testing/simulate.ts';
import { ownStart, worldOf } from './testing/starts.ts';
import {
  after,
  before,
  buildInput,
  buildObserved,
  buildProbe,
  buildResource,
  buildSpec,
  createdCertificate,
  now,
  present,
  probes,
  setCertificate,
} from './testing/builders.ts';

const day = 86_400;
const resource = buildResource();
type Changes = Parameters<typeof buildProbe>[1];
const need = (changes: Changes, given: Partial<PlanInput> = {}, observed: Parameters<typeof buildObserved>[0] = {}) => {
  const probe = buildProbe('NODE1', changes);
  const input = buildInput({
    ...given,
    observed: buildObserved({ probes: { ...probes({}), NODE1: present(probe) }, ...observed }),
  });
  return certificateNeed(input, probe, resource);
};
const manual = { spec: buildSpec({ credentialRotation: { mode: 'Manual', renewBefore: '720h' } }) };
const asked = { memory: { ...createMemory(), renewalRequests: { repair: '1' } } };
const refused = (message: string) => {
  const memory = createMemory();
  memory.failures.set('Sync/hci001', {
    count: 1,
    at: now,
    nextTry: after(60),
    message,
    reason: 'NodeOperationFailed',
    needsPerson: false,
  });
  return { memory };
};

const near = { notAfter: after(20 * day).toISOString(), createdTime: before(710 * day).toISOString() };
const successor = createdCertificate('another', { createdTime: before(60).toISOString() });
const inUse = { certificate: { created: createdCertificate('NODE1', near), set: setCertificate('NODE1', near) } };
const broken = { registration: { connectionStatus: 'RepairRegistrationRequired' } };
const disconnected = { registration: { connectionStatus: 'Disconnected' } };

describe('a new certificate', () => {
  test.each<[string, ReturnType<typeof need>, ReturnType<typeof need>]>([
    ['not while the one in use is good', need({}), { need: 'none' }],
    [
      'near its end, and the one in use works until then',
      need(inUse),
      { need: 'create', renews: { until: after(20 * day) } },
    ],
    ['not by itself where rotation is Manual', need(inUse, manual), { need: 'none' }],
    ['not while the clocks differ', need(inUse, {}, { clockSkewMs: 400_000 }), { need: 'none' }],
    [
      'that was made is used, whatever it was made for',
      need({ certificate: { created: successor, set: setCertificate('NODE1') } }, manual),
      { need: 'use', renews: { until: new Date('2028-01-01T00:00:00Z') } },
    ],
    [
      'not one that is older than what is in use',
      need({
        certificate: {
          created: createdCertificate('x', { createdTime: '2025-01-01T00:00:00Z' }),
          set: setCertificate('NODE1'),
        },
      }),
      { need: 'none' },
    ],
    ['where the node asks for a repair', need(broken), { need: 'create' }],
    ['not then, where rotation is Manual', need(broken, manual), { need: 'none' }],
    ['on request, where it is Manual too', need(broken, { ...manual, ...asked }), { need: 'create' }],
    [
      'not again within an hour',
      need({ ...broken, certificate: { created: successor, set: setCertificate('NODE1', successor) } }),
      { need: 'none' },
    ],
    [
      'where Entra refuses the one in use',
      need(disconnected, refused('AADSTS700027: The key was not found.')),
      { need: 'create' },
    ],
    [
      'not where that is minutes old: it is uploaded again',
      need(
        { ...disconnected, certificate: { created: successor, set: setCertificate('NODE1', successor) } },
        refused('AADSTS700027: The key was not found.'),
      ),
      { need: 'use' },
    ],
    ['not where it refuses another thing', need(disconnected, refused('AADSTS90002: no tenant.')), { need: 'none' }],
    ['not on a node that is connected all the same', need({}, refused('AADSTS700027')), { need: 'none' }],
    [
      'on request of a node of the cmdlet: made, then used',
      need({ certificate: { created: successor, set: null } }, asked),
      { need: 'use', renews: { until: undefined } },
    ],
    [
      'not for a recorded end that the node has outlived',
      need({
        registration: { lastConnected: before(60).toISOString() },
        certificate: { created: null, set: setCertificate('NODE1', { notAfter: before(day).toISOString() }) },
      }),
      { need: 'none' },
    ],
  ])('%s', (_, found, expected) => {
    expect(found).toEqual(expected);
  });
});

test('one upload carries what is in use beside what takes its place, and nothing that has expired', () => {
  const certificate = { created: { ...successor, certificate: 'BBBB' }, set: setCertificate('NODE1') };
  const expired = setCertificate('gone', { notAfter: before(1).toISOString() });
  const input = buildInput({
    observed: buildObserved({
      probes: {
        NODE1: present(buildProbe('NODE1', { certificate })),
        NODE2: present(buildProbe('NODE2', { certificate: { created: createdCertificate('NODE2'), set: expired } })),
      },
    }),
  });
  expect(certificatesToUpload(input).map(({ thumbprint }) => thumbprint)).toEqual(
    [createdCertificate('NODE1'), successor, createdCertificate('NODE2')]
      .map(({ thumbprint }) => thumbprint)
      .toSorted((a, b) => (a < b ? -1 : 1)),
  );
  expect(notCarried(input, resource)).toEqual([]);
});

test('a certificate that the cmdlet made is not carried; in a repair its node gets another one', () => {
  const ofCmdlet = { created: null, set: null };
  const nodes = (NODE1: Changes) =>
    buildObserved({
      probes: {
        NODE1: present(buildProbe('NODE1', NODE1)),
        NODE2: present(buildProbe('NODE2', { certificate: ofCmdlet })),
      },
    });
  const missing = buildInput({
    observed: nodes({
      certificate: { created: successor, set: setCertificate('x', { appId: 'other' }) },
      ...disconnected,
    }),
  });
  expect(notCarried(missing, resource)).toEqual(['NODE2']);
  expect(notCarried(buildInput({ observed: nodes(broken) }), resource)).toEqual([]);
});

test('over ten years every secret and certificate is renewed before its end, and never more often than it must', () => {
  const world = worldOf(ownStart);
  const made: string[] = [];
  for (let days = 0; days < 3650; days += 20) {
    for (const { plan, status } of simulate(world)) {
      made.push(...plan.runnable.map(({ step }) => step));
      expect(status.conditions?.find(({ type }) => type === 'CredentialsCurrent')?.reason).not.toBe('Expired');
    }
    for (const { certificate, registration } of world.nodes.values()) {
      expect(Date.parse(certificate.set?.notAfter ?? '')).toBeGreaterThan(world.now.getTime());
      expect(world.uploaded).toContain(certificate.set?.thumbprint);
      registration.lastConnected = world.now.toISOString();
    }
    expect(Date.parse(world.secret?.handedOver?.notAfter ?? '')).toBeGreaterThan(world.now.getTime());
    world.now = new Date(world.now.getTime() + 20 * day * 1000);
  }
  const count = (name: string) => made.filter((step) => step === name).length;
  expect([count('GeneratePassword'), count('NewRegistrationCertificate')]).toEqual([5, 10]);
});
