import type { HciClusterRegistration } from '../api/registration.ts';
import { table } from './table.ts';

/** What `kubectl hci plan` prints: the object, its mode, what Ready says, and each step that is left. */
export function describePlan({
  metadata,
  spec,
  status,
}: Pick<HciClusterRegistration, 'metadata' | 'spec' | 'status'>): string {
  const { generation } = metadata;
  const heading = `${metadata.namespace}/${metadata.name} (managementPolicy ${spec.managementPolicy}${spec.suspend ? ', suspended' : ''})`;
  if (status?.conditions === undefined)
    return `${heading}\nThe controller has not looked at it yet. If that lasts, see whether it runs: kubectl get pods -A -l app.kubernetes.io/name=hci-registration-controller\n`;
  const conditions = status.conditions.filter(({ type, status: value }) =>
    type === 'Ready' ? true : ['Stalled', 'Suspended'].includes(type) && value === 'True',
  );
  const lines = [
    heading,
    ...conditions.map(({ type, status: value, reason, message }) => `${type}=${value} ${reason}: ${message}`),
  ];
  if (status.observedGeneration !== generation)
    lines.push(
      `What follows was decided on generation ${status.observedGeneration ?? 0} of the spec; it is at ${generation} now.`,
    );
  if (status.azure?.resourceName !== undefined)
    lines.push(
      `Azure: ${status.azure.resourceName} in ${status.azure.resourceGroup ?? '?'}, Arc-enabled servers in ${status.azure.arcResourceGroup ?? '?'}`,
    );
  const steps = status.plan?.steps;
  if (steps === undefined) lines.push('', 'There is no plan yet: what is there could not be read.');
  else if (steps.length === 0) lines.push('', 'Nothing is left to do.');
  else {
    const rows = steps.map(({ name, target, state, message }, index) => [
      String(index + 1),
      name,
      target,
      state,
      message,
    ]);
    lines.push('', table(['#', 'STEP', 'TARGET', 'STATE', 'MESSAGE'], rows));
    if (spec.managementPolicy === 'Observe') lines.push('', 'Nothing of this is done: managementPolicy is Observe.');
  }
  return `${printable(lines.join('\n'))}\n`;
}

/** What nodes said is printed to a terminal: nothing in it may steer that. */
const printable = (text: string): string => text.replaceAll(/[^\P{C}\n]/gu, '');
