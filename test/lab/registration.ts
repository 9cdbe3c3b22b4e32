import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { RegistrationStatus, type Condition } from '../../src/api/status.ts';
import type { ControlPlane } from '../controlplane/start.ts';

const WithStatus = Type.Object({ status: Type.Optional(RegistrationStatus) });

export async function readStatus(controlPlane: ControlPlane, namespace: string, name: string): Promise<RegistrationStatus> {
  const object: unknown = JSON.parse(await controlPlane.kubectl('get', 'hciregistration', name, '-n', namespace, '-o', 'json'));
  return Value.Parse(WithStatus, object).status ?? {};
}

export const condition = (status: RegistrationStatus, type: string): Condition | undefined => status.conditions?.find((one) => one.type === type);

/** Applies a manifest from memory. */
export async function applyManifests(controlPlane: ControlPlane, manifests: string, directory: string): Promise<void> {
  const file = join(await mkdtemp(join(directory, 'apply-')), 'manifests.yaml');
  await writeFile(file, manifests, { mode: 0o600 });
  await controlPlane.kubectl('apply', '-f', file);
}
