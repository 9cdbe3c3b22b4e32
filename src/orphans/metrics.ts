import { Counter, Gauge, type Registry } from '@prometheus-io/client';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { KubeObject } from '../kube/schema.ts';

const Shown = Compile(
  Type.Object({
    status: Type.Object({
      lastSweepTime: Type.Optional(Type.String()),
      summary: Type.Optional(Type.Record(Type.String(), Type.Integer())),
    }),
  }),
);

const kindOf: Readonly<Record<string, string>> = {
  clusters: 'Cluster',
  machines: 'Machine',
  applications: 'Application',
  roleAssignments: 'RoleAssignment',
  resourceGroups: 'ResourceGroup',
};

/** From the cache at each scrape, so that a sweep that is gone leaves no series. */
export function createSweepMetrics(registry: Registry, sweeps: () => readonly KubeObject[]) {
  const registers = [registry];
  const orphans = new Gauge({
    name: 'hci_orphans',
    help: 'Orphans that the last sweep found, by kind.',
    labelNames: ['namespace', 'name', 'kind'],
    registers,
    collect() {
      orphans.reset();
      for (const object of sweeps()) {
        const { namespace = '', name } = object.metadata;
        const summary = Shown.Check(object) ? (object.status.summary ?? {}) : {};
        for (const [field, kind] of Object.entries(kindOf)) {
          const found = summary[field];
          if (found !== undefined) orphans.set({ namespace, name, kind }, found);
        }
      }
    },
  });
  const last = new Gauge({
    name: 'hci_orphan_sweep_timestamp_seconds',
    help: 'When a subscription was last searched.',
    labelNames: ['namespace', 'name'],
    registers,
    collect() {
      last.reset();
      for (const object of sweeps()) {
        const { namespace = '', name } = object.metadata;
        const at = Date.parse(Shown.Check(object) ? (object.status.lastSweepTime ?? '') : '');
        if (!Number.isNaN(at)) last.set({ namespace, name }, at / 1000);
      }
    },
  });
  const deletions = new Counter({
    name: 'hci_orphan_deletions_total',
    help: 'Deletions of orphans that were tried, by how Azure answered.',
    labelNames: ['kind', 'result'],
    registers,
  });
  for (const kind of [...Object.values(kindOf), 'ArcSettings'])
    for (const result of ['accepted', 'failed']) deletions.inc({ kind, result }, 0);
  return {
    onDeletion: (kind: string, result: 'accepted' | 'failed'): void => deletions.inc({ kind, result }),
  };
}
