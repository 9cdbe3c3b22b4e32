import { expect, test } from 'vitest';
import { buildRegistration, buildSpec } from '../registration/testing/builders.ts';
import { describePlan } from './plan.ts';

const ready = {
  type: 'Ready',
  status: 'False',
  reason: 'Progressing',
  message: 'CreateCluster on hci001: would be done now',
  observedGeneration: 1,
  lastTransitionTime: '2026-03-01T12:00:00Z',
} as const;
const steps = [
  { name: 'CreateCluster', target: 'hci001', state: 'Ready', message: 'would be done now' },
  { name: 'SetRegistration', target: 'hci001', state: 'Waiting', message: 'after\nCreateCluster' },
] as const;

test('each step on one line, in columns, and what is not done under Observe', () => {
  const spec = buildSpec({ managementPolicy: 'Observe' });
  const status = {
    observedGeneration: 1,
    conditions: [ready],
    plan: { steps: [...steps] },
    azure: { resourceName: 'hci001', resourceGroup: 'hci001-rg', arcResourceGroup: 'arc-rg' },
  };
  expect(describePlan(buildRegistration({ spec, status }))).toBe(
    [
      'edge/hci001 (managementPolicy Observe)',
      'Ready=False Progressing: CreateCluster on hci001: would be done now',
      'Azure: hci001 in hci001-rg, Arc-enabled servers in arc-rg',
      '',
      '#   STEP              TARGET   STATE     MESSAGE',
      '1   CreateCluster     hci001   Ready     would be done now',
      '2   SetRegistration   hci001   Waiting   after CreateCluster',
      '',
      'Nothing of this is done: managementPolicy is Observe.',
      '',
    ].join('\n'),
  );
});

const text = (changes: Parameters<typeof buildRegistration>[0] = {}) => describePlan(buildRegistration(changes));

test('a plan of an older spec, an empty one, none, and no status at all', () => {
  const known = { observedGeneration: 1, conditions: [ready] };
  expect(text({ generation: 3, status: { ...known, plan: { steps: [...steps] } } })).toContain(
    'decided on generation 1 of the spec; it is at 3 now.',
  );
  expect(text({ status: { ...known, plan: { steps: [] } } })).toContain('Nothing is left to do.');
  expect(text({ status: known })).toContain('There is no plan yet');
  expect(text()).toContain('has not looked at it yet');
});

test('what a node said does not steer the terminal', () => {
  const odd = { ...ready, message: '\u001b[2Jgone\u0007' };
  expect(describePlan(buildRegistration({ status: { observedGeneration: 1, conditions: [odd] } }))).toContain(
    ': [2Jgone\n',
  );
});

test('what holds it for good is told', () => {
  const stalled = {
    ...ready,
    type: 'Stalled',
    status: 'True',
    reason: 'ResourceMissing',
    message: 'gone (9106)',
  } as const;
  const status = { observedGeneration: 1, conditions: [ready, stalled], plan: { steps: [] } };
  expect(describePlan(buildRegistration({ status }))).toContain('\nStalled=True ResourceMissing: gone (9106)\n');
});
