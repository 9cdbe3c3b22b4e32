import { describe, expect, test } from 'vitest';
import type { ArcSecret, Observed } from './facts.ts';
import { createMemory, type Memory } from './memory.ts';
import { plan } from './plan.ts';
import type { PlanInput, Step } from './step.ts';
import { steps, type StepName } from './steps/index.ts';
import {
  absent,
  after,
  before,
  buildArcSecret,
  buildInput,
  buildObserved,
  buildProbe,
  buildSpec,
  present,
  probes,
  unknown,
} from './testing/builders.ts';

const key = (keyId: string, from: number, to: number) => ({
  keyId,
  notBefore: after(from).toISOString(),
  notAfter: after(to).toISOString(),
});
const day = 86_400;
/** Its renewal lies between 30 and 45 days ahead of the expiry. */
const dueKey = key('key-1', -710 * day, 20 * day);
const expiredKey = key('key-1', -731 * day, -day);

const observing = (arcSecret: Partial<ArcSecret>, changes: Partial<PlanInput> = {}, observed: Partial<Observed> = {}) =>
  buildInput({ ...changes, observed: buildObserved({ arcSecret: present(buildArcSecret(arcSecret)), ...observed }) });
const evaluate = (name: StepName, input: PlanInput) => {
  const step: Step<unknown> = steps[name];
  return step.evaluate(input);
};
const asked = (requests: Memory['renewalRequests']) => ({ memory: { ...createMemory(), renewalRequests: requests } });
const manual = { spec: buildSpec({ credentialRotation: { mode: 'Manual', renewBefore: '720h' } }) };

const since = (seconds: number) => ({
  memory: createMemory([
    {
      step: 'GeneratePassword',
      target: 'default',
      submittedTime: before(seconds).toISOString(),
      waitUntilTime: after(60 - seconds).toISOString(),
    },
  ]),
});

describe('a new secret beside the one that the nodes hold', () => {
  test.each<[string, PlanInput, string]>([
    ['not before its time', observing({}), 'Done'],
    ['when its time has come', observing({ handedOver: dueKey }), 'Ready'],
    ['not by itself where rotation is Manual', observing({ handedOver: dueKey }, manual), 'Done'],
    ['not by itself where it is Manual, expired or not', observing({ handedOver: expiredKey }, manual), 'Done'],
    ['on request', observing({}, asked({ rotate: '1' })), 'Ready'],
    ['on request, also where it is Manual', observing({}, { ...manual, ...asked({ rotate: '1' }) }), 'Ready'],
    ['on request of a repair', observing({}, asked({ repair: '1' })), 'Ready'],
    ['once for a request', observing({ answered: { rotate: '1' } }, asked({ rotate: '1' })), 'Done'],
    ['again for another', observing({ answered: { rotate: '1' } }, asked({ rotate: '2' })), 'Ready'],
    ['for a request of the other kind', observing({ answered: { rotate: '1' } }, asked({ repair: '1' })), 'Ready'],
    ['not for an expiry that is not known', observing({ handedOver: undefined }), 'Done'],
    ['not where nothing is known of it', buildInput({ observed: buildObserved({ arcSecret: absent }) }), 'Done'],
    ['not while one is held', observing({ handedOver: dueKey, held: key('key-2', -60, 700 * day) }), 'Done'],
    [
      'not while our Secret cannot be read',
      buildInput({ observed: buildObserved({ arcSecret: unknown() }) }),
      'Unknown',
    ],
    ['not while the clocks differ', observing({ handedOver: dueKey }, {}, { clockSkewMs: 400_000 }), 'Waiting'],
    ['not on request either', observing({}, asked({ rotate: '1' }), { clockSkewMs: -400_000 }), 'Waiting'],
    [
      'also while a node is silent',
      observing({ handedOver: dueKey }, {}, { probes: { ...probes({}), NODE1: unknown() } }),
      'Ready',
    ],
  ])('%s', (_, input, state) => {
    expect(evaluate('GeneratePassword', input).map((one) => one.state)).toEqual([state]);
  });

  test('holds nothing and keeps the registration Ready while the one in use works; not when it has expired', () => {
    const works = plan(observing({ handedOver: dueKey })).pending;
    expect(works).toMatchObject([{ step: 'GeneratePassword', renews: true }]);
    expect(plan(observing({ handedOver: expiredKey })).pending).toMatchObject([{ renews: false }]);
  });

  test('is not asked for again while a request may be under way, as one from before a restart', () => {
    expect(evaluate('GeneratePassword', observing({ handedOver: dueKey }, since(59)))).toMatchObject([
      { state: 'Waiting' },
    ]);
    expect(evaluate('GeneratePassword', observing({ handedOver: dueKey }, since(61)))).toMatchObject([
      { state: 'Ready' },
    ]);
  });

  test.each([
    ['hours apart', 710, 1, 3600],
    ['ever longer', 710, 3, 4 * 3600],
    ['at most 32 hours', 710, 12, 32 * 3600],
    ['a quarter of the time that is left, when that is less', 0.1, 3, (0.1 * day) / 4],
  ])('tries after a failure: %s', (_, daysLeft, count, pauseSeconds) => {
    const handedOver = key('key-1', (daysLeft - 730) * day, daysLeft * day);
    const tried = (secondsAgo: number) => {
      const memory = { ...createMemory(), renewalRequests: { rotate: '1' } };
      const at = before(secondsAgo);
      const failure = {
        count,
        at,
        nextTry: at,
        message: 'no.',
        reason: 'AzureRequestFailed',
        needsPerson: false,
      } as const;
      memory.failures.set('GeneratePassword/default', failure);
      const leftAtTry = { ...handedOver, notAfter: new Date(at.getTime() + daysLeft * day * 1000).toISOString() };
      return plan(observing({ handedOver: leftAtTry }, { memory })).runnable.length;
    };
    expect([tried(pauseSeconds - 1), tried(pauseSeconds + 1)]).toEqual([0, 1]);
  });
});

describe('a secret that is held and cannot become good any more is made anew', () => {
  const rejected = { arcSignIn: unknown('CredentialRejected', 'AADSTS7000215') };
  test.each<[string, PlanInput, string]>([
    ['it has expired', observing({ held: key('key-2', -730 * day, -1) }, asked({ rotate: '1' })), 'Ready'],
    [
      'it is rejected for an hour',
      observing({ held: key('key-2', -3601, day) }, asked({ rotate: '1' }), rejected),
      'Ready',
    ],
    ['not sooner', observing({ held: key('key-2', -3599, day) }, asked({ rotate: '1' }), rejected), 'Done'],
    ['not when Entra is silent', observing({ held: key('key-2', -3601, day) }, {}, { arcSignIn: unknown() }), 'Done'],
  ])('%s', (_, input, state) => {
    expect(evaluate('GeneratePassword', input).map((one) => one.state)).toEqual([state]);
  });
});

const given = (keyId: string) => present(buildProbe('NODE2', { arcSecret: { appId: 'arc-client-id', keyId } }));

describe('handing it over', () => {
  const held = key('key-2', -10, 730 * day);
  const signsIn = { arcSignIn: present({ principalId: 'arc-principal-id' }) };

  test('only once it was seen to sign in', () => {
    expect(evaluate('InitializeArcIntegration', observing({ held }, {}, { arcSignIn: unknown() }))).toMatchObject([
      { state: 'Waiting', renews: {} },
    ]);
    expect(evaluate('InitializeArcIntegration', observing({ held }, {}, signsIn))).toMatchObject([
      { state: 'Ready', renews: {}, arguments: { parameters: { keyId: 'key-2' } } },
    ]);
  });
  test('through a node that answers, while another one does not', () => {
    const input = observing({ held }, {}, { ...signsIn, probes: { ...probes({}), NODE1: unknown() } });
    expect(evaluate('InitializeArcIntegration', input)).toMatchObject([
      { state: 'Ready', arguments: { node: 'NODE2' } },
    ]);
  });
  test('is done when a node has it, and only then is its text dropped', () => {
    const before2 = observing({ held }, {}, signsIn);
    const done = observing({ held }, {}, { ...signsIn, probes: { ...probes({}), NODE2: given('key-2') } });
    expect(evaluate('InitializeArcIntegration', done).map(({ state }) => state)).toEqual(['Done']);
    expect(evaluate('DropArcSecret', before2).map(({ state }) => state)).toEqual(['Done']);
    expect(evaluate('DropArcSecret', done)).toMatchObject([{ state: 'Ready', arguments: { appId: 'arc-client-id' } }]);
  });
  test('of another application, it is not taken for ours and its text is dropped', () => {
    const input = observing(
      { appId: 'another', held },
      {},
      { ...signsIn, probes: { ...probes({}), NODE2: given('key-2') } },
    );
    expect(evaluate('DropArcSecret', input)).toMatchObject([{ state: 'Ready', arguments: { appId: 'another' } }]);
    expect(evaluate('InitializeArcIntegration', input).map(({ state }) => state)).toEqual(['Done']);
  });
});
