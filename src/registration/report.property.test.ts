import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { reasons } from '../api/reasons.ts';
import { plan } from './plan.ts';
import { report } from './report.ts';
import { reportIdle, reportUnresolved } from './report-idle.ts';
import { steps } from './steps/index.ts';
import { anyMemory, anyObserved } from './testing/arbitraries.ts';
import { after, buildInput, buildRegistration, buildSpec, now } from './testing/builders.ts';
import { assertStatus } from './testing/simulate.ts';

const always = [
  'Ready',
  'Authenticated',
  'PermissionsSatisfied',
  'NodesReachable',
  'Registered',
  'Connected',
  'ArcConnected',
  'CredentialsCurrent',
  'InSync',
];
const onlyAPersonHelps = [
  'Expired',
  'AgentOutdated',
  'ArcUnsupported',
  'OutOfPolicy',
  'NodeOutOfPolicy',
  'RepairRegistrationRequired',
];
const asked = fc.record({
  policy: fc.constantFrom('Manage', 'Observe'),
  arcState: fc.constantFrom('Enabled', 'Unmanaged'),
  generation: fc.integer({ min: 1, max: 5 }),
});

test(
  'whatever is observed, the status keeps the rules of kstatus, fits its schema and says why',
  { timeout: 60_000 },
  () => {
    fc.assert(
      fc.property(
        anyObserved,
        anyObserved,
        anyMemory,
        asked,
        (first, second, memory, { policy, arcState, generation }) => {
          const spec = buildSpec({
            managementPolicy: policy,
            arc: { state: arcState, onboarding: { type: 'ResourceProvider' } },
          });
          let registration = buildRegistration({ spec, generation });
          for (const [observed, time] of [
            [first, now],
            [second, after(60)],
            [second, after(120)],
          ] as const) {
            const input = buildInput({ spec, observed, memory, now: time });
            const planned = plan(input);
            const status = assertStatus(registration, report(registration, input, planned));
            const conditions = status.conditions ?? [];
            expect(conditions.map(({ type }) => type)).toEqual(expect.arrayContaining(always));
            for (const { reason } of conditions) expect(Object.keys(reasons)).toContain(reason);

            const { status: ready, reason = '' } = conditions.find(({ type }) => type === 'Ready') ?? {};
            const isForbidden = planned.arcRefusal !== undefined;
            const needed = planned.pending.filter(
              ({ step }) => steps[step].optional !== true && !(isForbidden && steps[step].arc === true),
            );
            const isDone = ready !== 'True' && (policy === 'Observe' || needed.length === 0);
            const isStalled =
              planned.refusal !== undefined ||
              needed.some(({ state }) => state === 'Blocked') ||
              (isForbidden && (policy === 'Observe' || needed.length === 0)) ||
              (isDone && onlyAPersonHelps.includes(reason));
            expect(conditions.some(({ type }) => type === 'Stalled')).toBe(isStalled);
            const isOpen = isStalled || (policy === 'Manage' && needed.length > 0);
            expect(ready === 'True' && isOpen).toBe(false);

            const left = status.cluster?.offlineDaysLeft ?? 30;
            expect(left >= 0 && left <= 30).toBe(true);
            registration = { ...registration, status };
          }
        },
      ),
      { numRuns: 400 },
    );
  },
);

test('until a node answers, the status keeps the same rules', () => {
  fc.assert(
    fc.property(anyObserved, fc.integer({ min: 1, max: 5 }), (observed, generation) => {
      const registration = buildRegistration({ generation });
      const silent = {
        ...observed,
        cluster: { state: 'unknown', why: { reason: 'NodeUnreachable', message: 'no' }, at: now },
      } as const;
      const status = assertStatus(registration, reportUnresolved(registration, silent, now));
      expect(status.conditions?.map(({ type }) => type)).toEqual(expect.arrayContaining(always));
      expect(status.nodes?.arcSummary).toBe('0/2');
    }),
    { numRuns: 100 },
  );
});

test('an object that is not worked on keeps what was known of it, and of which spec', () => {
  const registration = buildRegistration({ generation: 1 });
  const input = buildInput();
  const status = assertStatus(registration, report(registration, input, plan(input)));
  const changed = { ...buildRegistration({ generation: 2 }), status };
  const suspended = { status: 'True', reason: 'Suspended', message: 'paused' } as const;
  const idle = reportIdle(changed, { Suspended: suspended }, undefined, after(60));
  expect(idle.observedGeneration).toBe(1);
  expect(idle.azure).toEqual(status.azure);
  const { Suspended, ...kept } = Object.fromEntries((idle.conditions ?? []).map((one) => [one.type, one]));
  expect(Suspended).toMatchObject({ status: 'True', observedGeneration: 2 });
  expect(Object.values(kept)).toEqual(status.conditions);

  const stalled = { status: 'True', reason: 'NotSupportedYet', message: 'not yet' } as const;
  const paused = { ...changed, status: { ...status, conditions: idle.conditions ?? [] } };
  const refused = reportIdle(paused, { Stalled: stalled }, 2, after(90));
  expect(refused.observedGeneration).toBe(2);
  expect(refused.conditions?.map(({ type }) => type)).not.toContain('Suspended');
});
