import type { EventsV1Event } from '@kubernetes/client-node';
import { randomBytes } from 'node:crypto';
import type { KubeClient } from './client.ts';
import { contain } from './contain.ts';
import { collectionPath } from './resource.ts';
import type { Wire } from './schema.ts';

/** What an event is about. */
export interface EventSubject {
  apiVersion: string;
  kind: string;
  metadata: { namespace?: string | undefined; name: string; uid: string };
}

export interface EventContent {
  type: 'Normal' | 'Warning';
  /** Why, CamelCase; at most 128 characters. */
  reason: string;
  /** What was done or tried, CamelCase; at most 128 characters. */
  action: string;
  /** For people; what goes beyond 1024 bytes is cut off. */
  note: string;
}

export interface EventRecorder {
  /** Writes an event unless the same one was written a short while ago. Never rejects. */
  record(subject: EventSubject, content: EventContent): Promise<void>;
}

const longestNote = 1024;

export function createEventRecorder(
  client: KubeClient,
  options: {
    /** For example `example.com/widget-controller`. */
    reportingController: string;
    /** Which process: the pod's name. */
    reportingInstance: string;
    /** How long the same subject, reason and note are not repeated. */
    repeatAfterMs: number;
    onError(error: unknown): void;
  },
): EventRecorder {
  /** In the order of writing, so that the outdated ones are in front. */
  const written = new Map<string, number>();

  function isRepetition(key: string, now: number): boolean {
    for (const [old, at] of written) {
      if (now - at < options.repeatAfterMs) break;
      written.delete(old);
    }
    if (written.has(key)) return true;
    written.set(key, now);
    return false;
  }

  return {
    async record({ apiVersion, kind, metadata }, { type, reason, action, note }) {
      const key = JSON.stringify([metadata.uid, reason, note]);
      if (isRepetition(key, performance.now())) return;
      const { name, uid } = metadata;
      const namespace = metadata.namespace ?? 'default';
      const regarding = { apiVersion, kind, name, uid, ...(metadata.namespace !== undefined && { namespace }) };
      const body: Wire<EventsV1Event> = {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name: eventName(name), namespace },
        eventTime: new Date().toISOString().replace('Z', '000Z'),
        reportingController: options.reportingController,
        reportingInstance: options.reportingInstance.slice(0, 128),
        regarding,
        type,
        reason,
        action,
        note: cut(note, longestNote),
      };
      try {
        const path = collectionPath(
          { group: 'events.k8s.io', version: 'v1', plural: 'events', namespaced: true },
          namespace,
        );
        await client.request({ method: 'POST', path, body });
      } catch (error) {
        written.delete(key);
        contain(() => options.onError(error));
      }
    },
  };
}

/** Unique, and not longer than a name may be. */
const eventName = (subject: string) =>
  `${subject.slice(0, 230).replace(/[^a-z0-9]+$/, '')}.${randomBytes(8).toString('hex')}`;

function cut(text: string, bytes: number): string {
  const buffer = Buffer.from(text);
  if (buffer.length <= bytes) return text;
  const ellipsis = '…';
  let end = bytes - Buffer.byteLength(ellipsis);
  // Not within a character: its further bytes start with the bits 10.
  while (((buffer[end] ?? 0) & 0xc0) === 0x80) end--;
  return buffer.toString('utf8', 0, end) + ellipsis;
}
