import { describe, expect, test } from 'vitest';
import type { Probe } from '../nodes/operations.ts';
import { holds, isOutdated, isStale, usesProxy } from './arc-agent.ts';
import type { Observed } from './facts.ts';
import { plan } from './plan.ts';
import { report } from './report.ts';
import {
  absent,
  buildInput,
  buildMachine,
  buildObserved,
  buildProbe,
  buildRegistration,
  buildSpec,
  now,
  present,
  resourceId,
  unknown,
} from './testing/builders.ts';

type Agent = NonNullable<Probe['agent']>;
const connected = buildProbe('NODE2').agent;
if (connected === null) throw new Error('it has an agent');
const agent = (changes: Partial<Agent>): Agent => ({ ...connected, ...changes });
const nodeWith = (changes: Partial<Agent>, observed: Partial<Observed> = {}, spec = buildSpec()) =>
  buildInput({
    spec,
    observed: buildObserved({
      probes: {
        NODE1: present(buildProbe('NODE1')),
        NODE2: present(buildProbe('NODE2', { agent: agent(changes) })),
      },
      ...observed,
    }),
  });

test.each([
  ['1.14.02000.1', true],
  ['1.9.1.1', true],
  ['0.99.1.1', true],
  ['1.15.0.0', false],
  ['1.100.0.0', false],
  ['2.0.0.0', false],
  ['', false],
  ['unknown', false],
])('version %j is outdated: %s', (version, expected) => {
  expect(isOutdated(agent({ version }))).toBe(expected);
});

test('an agent holds nothing, what it should, another resource, or does not tell', () => {
  const input = buildInput();
  expect(holds(agent({}), input)).toBe('ours');
  expect(holds(agent({ resourceGroup: 'HCI001-RG', tenantId: null }), input)).toBe('ours');
  expect(holds(agent({ resourceName: null }), input)).toBe('nothing');
  expect(holds(agent({ subscriptionId: 'other' }), input)).toBe('another');
  expect(holds(agent({ resourceGroup: 'other' }), input)).toBe('another');
  expect(holds(agent({ tenantId: 'other' }), input)).toBe('another');
  expect(holds(agent({ status: 'Unknown', resourceName: null }), input)).toBeUndefined();
});

describe('an agent is made to forget its resource only where Azure is known not to have it', () => {
  const others = present([buildMachine('NODE1', resourceId)]);
  test.each<[string, Partial<Agent>, Partial<Observed>, boolean]>([
    ['disconnected, and gone', { status: 'Disconnected' }, { machines: others }, true],
    ['expired, and gone', { status: 'Expired' }, { machines: others }, true],
    ['its group is gone', { status: 'Disconnected' }, { arcResourceGroup: absent, machines: unknown() }, true],
    ['connected', {}, { machines: others }, false],
    ['of no known status', { status: 'Unknown' }, { machines: others }, false],
    ['it is there', { status: 'Disconnected', resourceName: 'node2' }, {}, false],
    ['not known', { status: 'Disconnected' }, { machines: unknown() }, false],
    [
      'known from rows only, which may be late',
      { status: 'Disconnected' },
      { machines: { state: 'present', value: [], at: now, via: 'bulk' } },
      false,
    ],
    ['in another place', { status: 'Disconnected', resourceGroup: 'other' }, { machines: others }, false],
    ['holding nothing', { status: 'Disconnected', resourceName: null }, { machines: others }, false],
  ])('%s', (_, changes, observed, expected) => {
    const input = nodeWith(changes, observed);
    const runs = plan(input).runnable.filter(({ step }) => step === 'DisconnectAgent');
    expect(runs.map(({ on }) => on)).toEqual(expected ? ['NODE2'] : []);
    const probe = buildProbe('NODE2', { agent: agent(changes) });
    expect(isStale({ name: 'NODE2', fact: present(probe), probe }, input)).toBe(expected);
  });
});

test('a proxy is compared as it is meant, not as it is written', () => {
  const proxy = { url: 'http://Proxy.corp.example.com:8080', bypass: ['ARM' as const, 'Arc' as const] };
  const used = { proxyUrl: 'http://proxy.corp.example.com:8080/', proxyBypass: ['Arc', 'arm'] };
  expect(usesProxy(agent(used), proxy)).toBe(true);
  expect(usesProxy(agent(used), { url: proxy.url })).toBe(false);
  expect(usesProxy(agent({ ...used, proxyUrl: 'http://***@proxy.corp.example.com:8080' }), proxy)).toBe(false);
  expect(usesProxy(agent({}), proxy)).toBe(false);
  expect(usesProxy(agent({ status: 'Unknown' }), proxy)).toBeUndefined();
});

const conditionOf = (input: ReturnType<typeof nodeWith>, type: string) =>
  report(buildRegistration({ spec: input.spec }), input, plan(input)).conditions?.find((each) => each.type === type);
const nodeOf = (input: ReturnType<typeof nodeWith>) =>
  report(buildRegistration({ spec: input.spec }), input, plan(input)).nodes?.items.find(({ name }) => name === 'NODE2');

test('an outdated agent is told with its node and version, although it is connected', () => {
  const input = nodeWith({ version: '1.12.01683.1' });
  const expected = {
    status: 'False',
    reason: 'AgentOutdated',
    message: expect.stringContaining('NODE2 (1.12.01683.1)'),
  };
  expect(conditionOf(input, 'ArcConnected')).toMatchObject(expected);
  expect(conditionOf(input, 'Stalled')).toMatchObject({ reason: 'AgentOutdated' });
  expect(nodeOf(input)).toMatchObject({ reason: 'AgentOutdated', agentVersion: '1.12.01683.1' });
});

test('an agent that holds another resource is told with the command, and nothing is done to it', () => {
  const input = nodeWith({ resourceGroup: 'retail-rg' });
  const message = expect.stringMatching(
    /NODE2 \(Connected\) holds NODE2 in resource group retail-rg .*run azcmagent disconnect on NODE2/,
  );
  expect(conditionOf(input, 'ArcConnected')).toMatchObject({ reason: 'ArcAgentConflict', message });
  expect(conditionOf(input, 'Registered')).toMatchObject({ status: 'True' });
  expect(nodeOf(input)).toMatchObject({ reason: 'ArcAgentConflict', message });
  expect(plan(input).runnable).toEqual([]);
});

describe('the proxy', () => {
  const url = 'http://proxy.corp.example.com:8080';
  const spec = buildSpec({ arc: { state: 'Enabled', onboarding: { type: 'ResourceProvider' }, proxy: { url } } });
  const settings = (changes: Partial<Agent>) =>
    plan(nodeWith({ proxyUrl: url, ...changes }, {}, spec)).pending.filter(
      ({ on, step }) => step === 'SetAgentProxy' && on === 'NODE2',
    );
  test('is set where it differs, and where something goes without it that should not', () => {
    expect(plan(nodeWith({ proxyUrl: url, proxyBypass: ['Arc'] }, {}, spec)).runnable).toMatchObject([
      { step: 'SetAgentProxy', on: 'NODE1', arguments: { node: 'NODE1', proxy: { url, bypass: '' } } },
      { step: 'SetAgentProxy', on: 'NODE2' },
    ]);
    expect(settings({})).toEqual([]);
  });
  test('waits for an agent, and for one that tells', () => {
    expect(settings({ status: 'Unknown', proxyUrl: null })).toEqual([]);
  });
  test('is no matter of one that is too old for it', () => {
    expect(settings({ proxyUrl: null, version: '1.10.1.1' })).toMatchObject([
      { state: 'Blocked', reason: 'AgentOutdated' },
    ]);
  });
  test('is left as it is where the spec names none', () => {
    expect(plan(nodeWith({ proxyUrl: url })).pending).toEqual([]);
  });
});

test("the cluster's identity is not used, and the registration goes on", () => {
  const input = nodeWith({}, {}, buildSpec({ arc: { state: 'Enabled', onboarding: { type: 'ClusterIdentity' } } }));
  expect(conditionOf(input, 'ArcConnected')).toMatchObject({ status: 'False', reason: 'ClusterIdentityUnsupported' });
  expect(conditionOf(input, 'Registered')).toMatchObject({ status: 'True' });
});
