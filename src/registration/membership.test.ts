import { describe, expect, test } from 'vitest';
import { arcConnected } from './conditions/arc.ts';
import { nodesReachable } from './conditions/nodes.ts';
import { plan } from './plan.ts';
import { reportNodes } from './report-parts.ts';
import {
  absent,
  buildCluster,
  buildInput,
  buildMachine,
  buildObserved,
  buildProbe,
  buildResource,
  present,
  resourceId,
  unknown,
  unregistered,
} from './testing/builders.ts';
import type { Fact, Observed } from './facts.ts';

// NODE2 is listed, and the cluster has NODE1 only.

const onlyFirst = buildCluster({ nodes: buildCluster().nodes.filter(({ name }) => name === 'NODE1') });
const evicted = (changes: Partial<Observed> = {}) =>
  buildInput({
    observed: buildObserved({
      cluster: present(onlyFirst),
      probes: { NODE1: present(buildProbe('NODE1')), NODE2: unknown('NodeUnreachable', 'NODE2 is silent.') },
      ...changes,
    }),
  });
const stale = (status: string, parent = resourceId) => {
  const machine = buildMachine('NODE2', parent);
  return { ...machine, properties: { ...machine.properties, status } };
};
const bulk = <T>(fact: Fact<T>): Fact<T> => (fact.state === 'present' ? { ...fact, via: 'bulk' } : fact);

describe('a listed host that the cluster does not have any more', () => {
  test.each<[string, Partial<Observed>]>([
    ['is silent', {}],
    [
      'answers',
      {
        probes: {
          NODE1: present(buildProbe('NODE1')),
          NODE2: present(buildProbe('NODE2', { registration: unregistered })),
        },
      },
    ],
    [
      'is registered as something else by now',
      {
        probes: {
          NODE1: present(buildProbe('NODE1')),
          NODE2: present(buildProbe('NODE2', { registration: { azureResourceUri: `${resourceId}2` }, arc: null })),
        },
      },
    ],
  ])('is left out and told: it %s', (_, changes) => {
    const input = evicted(changes);
    expect(plan(input)).toMatchObject({ pending: [], refusal: undefined });
    expect(nodesReachable(input)).toMatchObject({
      status: 'True',
      message: expect.stringMatching(/^All 1 nodes answered\. NODE2 is listed in spec\.nodes\.hosts and is no node/),
    });
    expect(reportNodes(input)).toMatchObject({
      total: 1,
      registered: 1,
      arcSummary: '1/1',
      items: [{ name: 'NODE1' }, { name: 'NODE2', reason: 'NodeNotMember' }],
    });
  });

  test.each<[string, Partial<Observed>]>([
    ['the cluster has another id', { cluster: present({ ...onlyFirst, id: 'another' }) }],
    [
      'Azure knows no cluster under this name',
      { resource: present(buildResource({ properties: { reportedProperties: null } })) },
    ],
    ['there is no resource', { resource: absent }],
    ['the resource could not be read', { resource: unknown() }],
    ['the cluster did not tell', { cluster: unknown('NodeUnreachable') }],
  ])('counts as a node while that is not certain: %s', (_, changes) => {
    const input = evicted({ machines: present([stale('Disconnected')]), ...changes });
    expect(reportNodes(input).total).toBe(2);
    expect(plan(input).runnable.map(({ step }) => step)).not.toContain('RemoveStaleMachine');
  });
});

describe('the Arc-enabled server that an evicted node leaves', () => {
  test('is removed when it is Disconnected, ours, and of no node', () => {
    const input = evicted({ machines: present([stale('Disconnected')]) });
    expect(plan(input).runnable).toEqual([
      { step: 'RemoveStaleMachine', on: 'NODE2', arguments: { machineId: '/machines/NODE2' } },
    ]);
  });

  test.each<[string, Partial<Observed>]>([
    ['it is connected', { machines: present([stale('Connected')]) }],
    ['it is in another state', { machines: present([stale('Error')]) }],
    ['its parent is another cluster', { machines: present([stale('Disconnected', `${resourceId}2`)]) }],
    ['it has no parent', { machines: present([stale('Disconnected', '')]) }],
    ['the machines could not be read', { machines: unknown() }],
    ['rows told of the machines', { machines: bulk(present([stale('Disconnected')])) }],
    [
      'rows told of the resource',
      { machines: present([stale('Disconnected')]), resource: bulk(present(buildResource())) },
    ],
    ['the cluster did not tell', { machines: present([stale('Disconnected')]), cluster: unknown('NodeUnreachable') }],
    [
      'another cluster told',
      { machines: present([stale('Disconnected')]), cluster: present({ ...onlyFirst, id: 'another' }) },
    ],
    [
      'it is a node, by the cluster',
      {
        machines: present([stale('Disconnected')]),
        cluster: present(buildCluster()),
        probes: { NODE1: present(buildProbe('NODE1')), NODE2: present(buildProbe('NODE2')) },
      },
    ],
    [
      'it is a node that is down',
      {
        machines: present([stale('Disconnected')]),
        cluster: present(buildCluster({ nodes: buildCluster().nodes.map((node) => ({ ...node, state: 'Down' })) })),
      },
    ],
  ])('stays where %s', (_, changes) => {
    expect(plan(evicted(changes)).runnable).toEqual([]);
  });

  test('what only rows told is read live before anything is done', () => {
    const pending = plan(evicted({ machines: bulk(present([stale('Disconnected')])) })).pending;
    expect(pending).toMatchObject([{ step: 'RemoveStaleMachine', state: 'Waiting', unread: true }]);
  });

  test('is told while it is connected, with what to do', () => {
    const input = evicted({ machines: present([stale('Connected')]) });
    expect(arcConnected(input, plan(input))).toMatchObject({
      status: 'True',
      message: expect.stringMatching(/NODE2 is no node of the cluster any more.* run azcmagent disconnect on it/),
    });
  });

  test('is left alone where somebody else does Arc', () => {
    const input = evicted({ machines: present([stale('Disconnected')]) });
    const spec = { ...input.spec, arc: { ...input.spec.arc, state: 'Unmanaged' as const } };
    expect(plan({ ...input, spec }).runnable).toEqual([]);
  });
});
