import type { V1LeaseSpec } from '@kubernetes/client-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { Type, type Static } from 'typebox';
import type { KubeClient } from './client.ts';
import { contain } from './contain.ts';
import { deadlineSignal } from './deadline.ts';
import { KubeError } from './kube-error.ts';
import { microTime } from './micro-time.ts';
import { create, get, isConflict, mergePatch, type ResourceType } from './resource.ts';
import { ObjectMeta, parser, type Wire } from './schema.ts';

const Lease = Type.Object({
  metadata: ObjectMeta,
  spec: Type.Optional(
    Type.Object({
      holderIdentity: Type.Optional(Type.String()),
      leaseDurationSeconds: Type.Optional(Type.Integer()),
      leaseTransitions: Type.Optional(Type.Integer()),
    }),
  ),
});
type Lease = Static<typeof Lease>;

export const leases: ResourceType<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
  parse: parser('Lease', Lease),
};

/** The lease may be another process's by now. */
export class LeadershipLost extends Error {
  override name = 'LeadershipLost';
}

export interface Leadership {
  /** Fires with `LeadershipLost`: everything has to end at once. */
  readonly signal: AbortSignal;
  /**
   * Call right before a write that two leaders must not both make. A process that was frozen goes on before any timer can tell it that its
   * time is up; this looks at the clock. What the work left behind must not write either: it throws as soon as the work has settled.
   * @throws LeadershipLost
   */
  readonly check: () => void;
}

export interface LeaderElectionOptions {
  client: KubeClient;
  lease: { namespace: string; name: string };
  /** Unique for each process, for ever: a restarted one is another. */
  identity: string;
  /** A leader that was not heard of for so long has lost the lease. */
  leaseDurationSeconds: number;
  /** A leader that could not renew for so long stops by itself: shorter than `leaseDurationSeconds`, or two lead at once. */
  renewDeadlineMs: number;
  retryPeriodMs: number;
  /**
   * Runs each time this process becomes the leader. It ends when `signal` fires or leadership is lost; the lease is kept until it has
   * ended, and released then. If it ends or throws otherwise, so does the election; what it throws after a loss is dropped.
   */
  lead(leadership: Leadership): Promise<void>;
  /** Who leads, whenever that changes; undefined: nobody. */
  onHolder?(holder: string | undefined): void;
  /** A failed look at the lease, or a failed renewal: it is tried again. */
  onError: (error: unknown) => void;
  /** Fires to stop. */
  signal: AbortSignal;
}

const fieldManager = 'leader-election';

interface Instant {
  readonly monotonic: number;
  readonly wall: number;
}
const clock = (): Instant => ({ monotonic: performance.now(), wall: Date.now() });

/** The monotonic clock stands still while the machine is suspended; the wall clock may jump. Too long is the safe side. */
const millisecondsSince = ({ monotonic, wall }: Instant): number =>
  Math.max(performance.now() - monotonic, Date.now() - wall);

/**
 * Leads whenever the lease can be had, until the signal fires. After a loss it stands by again. How long another holder was silent is
 * measured here, never by comparing its clock with ours.
 */
export async function runLeaderElection(options: LeaderElectionOptions): Promise<void> {
  const { client, lease: name, identity, leaseDurationSeconds, renewDeadlineMs, retryPeriodMs, signal } = options;
  /** The lease as last seen, and since when it has looked like that. */
  let seen: { lease: Lease; since: number } | undefined;
  /** As far as is known, or because a write was not answered. */
  let mayBeOurs = false;
  let told: string | undefined;

  function see(lease: Lease): void {
    if (lease.metadata.resourceVersion !== seen?.lease.metadata.resourceVersion)
      seen = { lease, since: performance.now() };
    const holder = lease.spec?.holderIdentity;
    mayBeOurs = holder === identity;
    tell(holder === '' ? undefined : holder);
  }

  function tell(holder: string | undefined): void {
    if (holder === told) return;
    told = holder;
    contain(() => options.onHolder?.(holder), options.onError);
  }

  const spec = (transitions: number, acquired: boolean): Wire<V1LeaseSpec> => ({
    holderIdentity: identity,
    leaseDurationSeconds,
    leaseTransitions: transitions,
    renewTime: microTime(),
    ...(acquired ? { acquireTime: microTime() } : {}),
  });

  async function write(lease: Lease, changed: Wire<V1LeaseSpec>, callSignal: AbortSignal): Promise<void> {
    const { resourceVersion } = lease.metadata;
    const patch = { metadata: { resourceVersion }, spec: changed };
    see(await mergePatch(client, leases, name, patch, { fieldManager, signal: callSignal }));
  }

  /** Takes or renews the lease. @returns whether it is ours now */
  async function attempt(callSignal: AbortSignal): Promise<boolean> {
    // What we wrote last is still so unless somebody took over; then the write is a conflict.
    if (seen === undefined || seen.lease.spec?.holderIdentity !== identity) {
      const lease = await get(client, leases, name, { signal: callSignal });
      if (lease === undefined) {
        const body = { metadata: name, spec: spec(0, true) };
        mayBeOurs = true;
        see(await create(client, leases, body, { fieldManager, signal: callSignal }));
        return true;
      }
      see(lease);
    }
    if (seen === undefined) return false;
    const { lease, since } = seen;
    const {
      holderIdentity = '',
      leaseTransitions = 0,
      leaseDurationSeconds: granted = leaseDurationSeconds,
    } = lease.spec ?? {};
    const isOurs = holderIdentity === identity;
    const isFree = holderIdentity === '' || performance.now() - since >= granted * 1000;
    if (!isOurs && !isFree) return false;
    mayBeOurs = true;
    await write(lease, spec(isOurs ? leaseTransitions : leaseTransitions + 1, !isOurs), callSignal);
    return true;
  }

  /** One attempt within the time. A conflict means that somebody else was faster. @returns undefined when it could not be learned */
  async function tryFor(milliseconds: number, stop?: AbortSignal): Promise<boolean | undefined> {
    const deadline = deadlineSignal(milliseconds, stop);
    try {
      return await attempt(deadline.signal);
    } catch (error) {
      // Looked at anew next time: a lost answer may have made it ours, or another one's.
      if (seen?.lease.spec?.holderIdentity === identity) seen = undefined;
      if (isConflict(error) || (error instanceof KubeError && error.reason === 'AlreadyExists')) return false;
      if (stop?.aborted !== true) contain(() => options.onError(error));
      return undefined;
    } finally {
      deadline.clear();
    }
  }

  async function lead(acquired: Instant): Promise<'lost' | 'ended'> {
    let renewed = acquired;
    const lost = new AbortController();
    const ended = new AbortController();
    const lose = (why: string) => lost.abort(new LeadershipLost(`leadership is lost: ${why}`));
    const loseIfOverdue = () => {
      if (!lost.signal.aborted && millisecondsSince(renewed) >= renewDeadlineMs)
        lose(`the lease was not renewed for ${renewDeadlineMs} ms`);
    };
    const check = () => {
      loseIfOverdue();
      lost.signal.throwIfAborted();
      if (ended.signal.aborted) throw new LeadershipLost('leadership is over: its work has ended');
    };
    const work = options.lead({ signal: lost.signal, check }).finally(() => ended.abort());
    // Awaited below; until then its failure is nobody's.
    work.catch(() => undefined);
    const either = AbortSignal.any([lost.signal, ended.signal]);
    while (!either.aborted) {
      const left = renewDeadlineMs - millisecondsSince(renewed);
      await pause(Math.min(retryPeriodMs, left), either);
      // After a freeze the work ends at once, not when the API server has answered.
      loseIfOverdue();
      if (either.aborted) break;
      const started = clock();
      // Half of what is left, so that an answer that never comes leaves time for a second try.
      const held = await tryFor(Math.max(1, (renewDeadlineMs - millisecondsSince(renewed)) / 2));
      if (held === true && millisecondsSince(renewed) < renewDeadlineMs) renewed = started;
      else if (held === false && seen?.lease.spec?.holderIdentity !== undefined)
        lose('another process holds the lease');
      loseIfOverdue();
    }
    try {
      await work;
    } catch (error) {
      if (!lost.signal.aborted) throw error;
    }
    return lost.signal.aborted ? 'lost' : 'ended';
  }

  /** So that the next leader need not wait. Best effort: a lease that is not released runs out. */
  async function release(): Promise<void> {
    if (!mayBeOurs) return;
    const deadline = deadlineSignal(retryPeriodMs);
    try {
      // A write without an answer may have been carried out.
      const lease =
        seen?.lease.spec?.holderIdentity === identity
          ? seen.lease
          : await get(client, leases, name, { signal: deadline.signal });
      if (lease?.spec?.holderIdentity !== identity) return;
      const { leaseTransitions = 0 } = lease.spec;
      await write(
        lease,
        { ...spec(leaseTransitions, false), holderIdentity: '', leaseDurationSeconds: 1 },
        deadline.signal,
      );
    } catch (error) {
      contain(() => options.onError(error));
    } finally {
      deadline.clear();
    }
  }

  while (!signal.aborted) {
    const started = clock();
    const held = await tryFor(renewDeadlineMs, signal);
    if (held === true && millisecondsSince(started) < renewDeadlineMs && !signal.aborted) {
      try {
        if ((await lead(started)) === 'ended') return;
      } finally {
        await release();
      }
    }
    // Spread, so that the ones that stand by do not ask at the same moment.
    await pause(retryPeriodMs * (1 + 0.2 * Math.random()), signal);
  }
  // Told to stop while a write was on its way.
  await release();
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
}
