import type { EventsV1Event } from '@kubernetes/client-node';
import { randomBytes } from 'node:crypto';
import type { KubeClient } from './client.ts';
import { contain } from './contain.ts';
import { microTime } from './micro-time.ts';
import { collectionPath, isAbsent } from './resource.ts';
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
  /**
   * Writes an event. One that was written a short while ago is counted, and its count is written from time to time (`series`); many
   * different notes for one subject and reason are counted as one; a subject that says too much is cut short. Never rejects.
   */
  record(subject: EventSubject, content: EventContent): Promise<void>;
}

const longestNote = 1024;

// A flood about one object must not fill etcd, nor push the others out of a reader's sight. client-go grants 25 and one in 5 minutes;
// an object whose work has many steps on many machines says more than that when all is well.
const burst = 200;
const refillMs = 60_000;
const differentNotes = 10;
/** Beyond so many remembered subjects and notes the oldest are forgotten. */
const remembered = 4096;

interface Written {
  /** `namespace` and `name` of the event in which it is counted; undefined while the first write is under way, or after it failed. */
  event: { namespace: string; name: string } | undefined;
  count: number;
  lastWriteAt: number;
}

export function createEventRecorder(
  client: KubeClient,
  options: {
    /** For example `example.com/widget-controller`. */
    reportingController: string;
    /** Which process: the pod's name. */
    reportingInstance: string;
    /** How often at most the same subject, reason and note are written. */
    repeatAfterMs: number;
    onError: (error: unknown) => void;
    /** Called for each event that was not written because its subject said too much. */
    onDropped?(): void;
  },
): EventRecorder {
  /** By subject, reason and note; in the order of writing, so that the outdated ones are in front. */
  const written = new Map<string, Written>();
  /** By subject and reason: the notes of late. */
  const notes = new Map<string, { since: number; seen: Set<string> }>();
  /** By subject: tokens left at a time. */
  const buckets = new Map<string, { tokens: number; at: number }>();

  /** May this subject cause one more write? */
  function take(uid: string, now: number): boolean {
    const { tokens, at } = buckets.get(uid) ?? { tokens: burst, at: now };
    const filled = Math.min(burst, tokens + (now - at) / refillMs);
    const granted = filled >= 1;
    buckets.delete(uid);
    buckets.set(uid, { tokens: granted ? filled - 1 : filled, at: now });
    return granted;
  }

  /** Whether notes of this subject and reason differ so often that they are counted as one. */
  function isOneOfMany(uid: string, reason: string, note: string, now: number): boolean {
    const key = JSON.stringify([uid, reason]);
    const known = notes.get(key);
    const current =
      known === undefined || now - known.since >= options.repeatAfterMs
        ? { since: now, seen: new Set<string>() }
        : known;
    notes.delete(key);
    notes.set(key, current);
    if (current.seen.has(note)) return false;
    if (current.seen.size >= differentNotes) return true;
    current.seen.add(note);
    return false;
  }

  function forgetOld(): void {
    for (const map of [written, notes, buckets]) {
      for (const key of map.keys()) {
        if (map.size <= remembered) break;
        map.delete(key);
      }
    }
  }

  async function create({ apiVersion, kind, metadata }: EventSubject, content: EventContent, note: string) {
    const { name, uid } = metadata;
    const namespace = metadata.namespace ?? 'default';
    const body: Wire<EventsV1Event> = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: eventName(name), namespace },
      eventTime: microTime(),
      reportingController: options.reportingController,
      reportingInstance: options.reportingInstance.slice(0, 128),
      regarding: { apiVersion, kind, name, uid, ...(metadata.namespace !== undefined && { namespace }) },
      type: content.type,
      reason: content.reason,
      action: content.action,
      note: cut(note, longestNote),
    };
    await client.request({ method: 'POST', path: collectionPath(eventType, namespace), body });
    return { namespace, name: body.metadata?.name ?? '' };
  }

  async function writeCount({ namespace, name }: { namespace: string; name: string }, count: number): Promise<void> {
    const path = `${collectionPath(eventType, namespace)}/${encodeURIComponent(name)}`;
    const body = { series: { count, lastObservedTime: microTime() } };
    await client.request({ method: 'PATCH', path, body, contentType: 'application/merge-patch+json' });
  }

  return {
    async record(subject, content) {
      const now = performance.now();
      const { uid } = subject.metadata;
      const combined = isOneOfMany(uid, content.reason, content.note, now);
      const note = combined ? `(combined from similar events): ${content.note}` : content.note;
      const key = JSON.stringify([uid, content.reason, combined ? undefined : note]);
      const known = written.get(key);
      const repeated = known !== undefined && now - known.lastWriteAt < options.repeatAfterMs;
      if (repeated) {
        known.count += 1;
        return;
      }
      if (!take(uid, now)) {
        contain(() => options.onDropped?.(), options.onError);
        return;
      }
      const entry: Written = { event: known?.event, count: (known?.count ?? 0) + 1, lastWriteAt: now };
      written.delete(key);
      written.set(key, entry);
      forgetOld();
      try {
        // Its event may be gone by now: the API server keeps events for an hour.
        if (known?.event !== undefined && (await counted(known.event, entry.count))) return;
        entry.count = 1;
        entry.event = await create(subject, content, note);
      } catch (error) {
        written.delete(key);
        contain(() => options.onError(error));
      }
    },
  };

  async function counted(event: { namespace: string; name: string }, count: number): Promise<boolean> {
    try {
      await writeCount(event, count);
      return true;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error;
    }
  }
}

const eventType = { group: 'events.k8s.io', version: 'v1', plural: 'events', namespaced: true };

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
