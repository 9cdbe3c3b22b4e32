import { subjectOf, type HciClusterRegistration } from '../api/registration.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { Memory } from './memory.ts';
import type { Notice } from './notices.ts';

/** Tells each notice once, for as long as it holds. */
export async function tellNotices(
  events: EventRecorder,
  { metadata }: HciClusterRegistration,
  found: readonly Notice[],
  memory: Pick<Memory, 'told'>,
): Promise<void> {
  for (const { reason, note } of found)
    if (!memory.told.has(note))
      await events.record(subjectOf(metadata), { type: 'Warning', reason, action: 'Observe', note });
  memory.told = new Set(found.map(({ note }) => note));
}

const announcements = {
  lastHandledReconcileAt: undefined,
  lastHandledSyncAt: undefined,
  lastHandledRotateAt: {
    type: 'Normal',
    reason: 'Progressing',
    note: "rotate-requested-at: the Arc service principal's secret is made anew and handed to the nodes.",
  },
  lastHandledRepairAt: {
    type: 'Normal',
    reason: 'Progressing',
    note: "repair-requested-at: everything is read anew, what is missing is mended, and the nodes' certificates and the Arc service principal's secret are made anew.",
  },
} as const;

/** Tells what becomes of requests that are not simply another look. */
export async function tellRequests(
  events: EventRecorder,
  { metadata }: HciClusterRegistration,
  heard: readonly (keyof typeof announcements)[],
): Promise<void> {
  for (const field of heard) {
    const event = announcements[field];
    if (event !== undefined) await events.record(subjectOf(metadata), { ...event, action: 'Answer' });
  }
}
