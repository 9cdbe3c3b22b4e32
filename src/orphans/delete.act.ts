import { apiVersions } from '../azure/reads.ts';
import type { Session } from '../sign-in/sessions.ts';
import type { Deletion } from './plan.ts';

/** The one write. What is gone already is as wanted. A long-running deletion is judged by its effect, in the next pass. */
export async function deleteOrphan(
  { arm, graph }: Pick<Session, 'arm' | 'graph'>,
  { id, kind }: Deletion,
  signal: AbortSignal,
): Promise<void> {
  const remove = (path: string, apiVersion: string) => arm.send({ method: 'DELETE', path, apiVersion, signal });
  switch (kind) {
    case 'ArcSettings':
      await remove(`${id}/arcSettings/default`, apiVersions.arcSettings);
      return;
    case 'Cluster':
      await remove(id, apiVersions.cluster);
      return;
    case 'Machine':
      await remove(id, apiVersions.machines);
      return;
    case 'RoleAssignment':
      await remove(id, apiVersions.authorization);
      return;
    case 'ResourceGroup':
      await remove(id, apiVersions.resourceGroups);
      return;
    case 'Application':
      await graph.send({ method: 'DELETE', path: id, signal });
  }
}
