import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { stringify } from 'yaml';
import { parseSweep, type SweepStatus } from '../../src/api/sweep.ts';
import type { ControlPlane } from '../controlplane/start.ts';
import type { Outside } from '../lab/lab.ts';

export const longAgo = new Date(Date.now() - 100 * 24 * 3_600_000).toISOString();

/** A Secret and an HciOrphanSweep over the lab's subscription: mode Delete, and nothing too young. */
export function sweepManifests(outside: Outside, namespace: string, spec: Record<string, unknown> = {}): string {
  const { tenantId, subscriptionId, principals } = outside.azure;
  const { clientId, clientSecret } = principals.controller;
  return [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'sweep-azure', namespace },
      type: 'Opaque',
      stringData: { clientSecret },
    },
    {
      apiVersion: 'azurestackhci.io/v1alpha1',
      kind: 'HciOrphanSweep',
      metadata: { name: 'sweep', namespace },
      spec: {
        azure: {
          tenantId,
          subscriptionId,
          identity: { type: 'ClientSecret', clientSecret: { clientId, secretRef: { name: 'sweep-azure' } } },
        },
        mode: 'Delete',
        minimumAge: '0s',
        ...spec,
      },
    },
  ]
    .map((manifest) => stringify(manifest))
    .join('---\n');
}

const Metadata = Type.Object({ metadata: Type.Object({ generation: Type.Integer() }) });

/** Status of the sweep, once it is about the newest spec. */
export async function readSweep(controlPlane: ControlPlane, namespace: string): Promise<SweepStatus> {
  const object: unknown = JSON.parse(
    await controlPlane.kubectl('get', 'hciorphansweep', 'sweep', '-n', namespace, '-o', 'json'),
  );
  const { generation } = Value.Parse(Metadata, object).metadata;
  const status = parseSweep(object)?.status ?? {};
  return status.observedGeneration === generation ? status : {};
}
