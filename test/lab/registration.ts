import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { RegistrationStatus, type Condition } from '../../src/api/status.ts';
import type { ControlPlane } from '../controlplane/start.ts';

const WithStatus = Type.Object({ status: Type.Optional(RegistrationStatus) });

export async function readStatus(
  controlPlane: ControlPlane,
  namespace: string,
  name: string,
): Promise<RegistrationStatus> {
  const object: unknown = JSON.parse(
    await controlPlane.kubectl('get', 'hciregistration', name, '-n', namespace, '-o', 'json'),
  );
  return Value.Parse(WithStatus, object).status ?? {};
}

export const condition = (status: RegistrationStatus, type: string): Condition | undefined =>
  status.conditions?.find((one) => one.type === type);

const RecordedEvent = Type.Object({
  metadata: Type.Object({ name: Type.String() }),
  eventTime: Type.Union([Type.String(), Type.Null()]),
  action: Type.Optional(Type.String()),
  reason: Type.Optional(Type.String()),
  note: Type.Optional(Type.String()),
  type: Type.Optional(Type.String()),
});

/** Events of a namespace, the oldest first. Of a step that was done, action and reason are the step's name. */
export async function readEvents(controlPlane: ControlPlane, namespace: string) {
  const answer: unknown = JSON.parse(
    await controlPlane.kubectl('get', 'events.events.k8s.io', '-n', namespace, '-o', 'json'),
  );
  return Value.Parse(Type.Object({ items: Type.Array(RecordedEvent) }), answer)
    .items.toSorted((a, b) => (a.eventTime ?? '').localeCompare(b.eventTime ?? ''))
    .map(({ metadata, ...event }) => ({ name: metadata.name, ...event }));
}

/** Applies a manifest from memory. */
export async function applyManifests(controlPlane: ControlPlane, manifests: string, directory: string): Promise<void> {
  const file = join(await mkdtemp(join(directory, 'apply-')), 'manifests.yaml');
  await writeFile(file, manifests, { mode: 0o600 });
  await controlPlane.kubectl('apply', '-f', file);
}
