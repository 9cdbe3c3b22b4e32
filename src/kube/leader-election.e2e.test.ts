import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { KubeClient } from './client.ts';
import { KubeError } from './kube-error.ts';
import { LeadershipLost, leases, runLeaderElection, type Leadership } from './leader-election.ts';
import { create, get } from './resource.ts';
import { startRealServer, startTimeoutMs, type RealServer } from './testing/real-server.ts';

let server: RealServer;
let client: KubeClient;

beforeAll(async () => {
  server = await startRealServer('leader-election');
  ({ client } = server);
}, startTimeoutMs);

afterAll(() => server?.stop(), 60_000);

/** Of writes: `answersLate` come when the call was given up, `answersHang` not even then. */
type Fault = 'none' | 'partitioned' | 'answersLost' | 'answersLate' | 'answersHang';

interface Candidate {
  fault: Fault;
  leadership: Leadership | undefined;
  requests: number;
  errors: unknown[];
  stop(): void;
  ended: Promise<void>;
}

const soon = { timeout: 20_000, interval: 20 };
const leaseDurationSeconds = 2;
const leaseOf = (name: string) => ({ namespace: 'default', name });

const cutForTest = () =>
  new KubeError({ status: 0, reason: 'ConnectionFailed', message: 'cut for a test', retryable: true });

const givenUp = (signal: AbortSignal | undefined) =>
  new Promise<void>((resolve) => {
    if (signal?.aborted !== false) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** Says in the journal when it leads. */
function stand(lease: string, identity: string, journal: string[]): Candidate {
  const stop = new AbortController();
  const candidate: Candidate = {
    fault: 'none',
    leadership: undefined,
    requests: 0,
    errors: [],
    stop: () => stop.abort(),
    ended: Promise.resolve(),
  };
  const throughFaults: KubeClient = {
    ...client,
    async request(request) {
      candidate.requests += 1;
      if (candidate.fault === 'partitioned') throw cutForTest();
      const { fault } = candidate;
      const answer = await client.request(request);
      if (request.method === 'GET' || fault === 'none') return answer;
      if (fault !== 'answersLost') await givenUp(request.signal);
      if (fault !== 'answersLate') throw cutForTest();
      return answer;
    },
  };
  candidate.ended = runLeaderElection({
    client: throughFaults,
    lease: leaseOf(lease),
    identity,
    leaseDurationSeconds,
    renewDeadlineMs: 1200,
    retryPeriodMs: 200,
    signal: stop.signal,
    onError: (error) => candidate.errors.push(error),
    async lead(given) {
      candidate.leadership = given;
      journal.push(`${identity} leads`);
      const signal = AbortSignal.any([given.signal, stop.signal]);
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      journal.push(`${identity} ends`);
    },
  });
  return candidate;
}

const until = (journal: string[], entry: string) => vi.waitFor(() => expect(journal).toContain(entry), soon);

it('has one leader, and gives the lease back when it stops', async () => {
  const journal: string[] = [];
  const first = stand('handover', 'first', journal);
  await until(journal, 'first leads');
  const second = stand('handover', 'second', journal);
  const before = await get(client, leases, leaseOf('handover'));
  expect(before?.spec).toMatchObject({ holderIdentity: 'first', leaseTransitions: 0 });
  first.stop();
  await first.ended;
  await until(journal, 'second leads');
  const after = await get(client, leases, leaseOf('handover'));
  expect(after?.spec).toMatchObject({ holderIdentity: 'second', leaseTransitions: 1 });
  second.stop();
  await second.ended;
  expect(journal).toEqual(['first leads', 'first ends', 'second leads', 'second ends']);
  expect(() => second.leadership?.check()).toThrow(/its work has ended/);
  expect((await get(client, leases, leaseOf('handover')))?.spec?.holderIdentity).toBe('');
});

it('stops leading before another one may start, and stands by again', async () => {
  const journal: string[] = [];
  const first = stand('partition', 'first', journal);
  await until(journal, 'first leads');
  const held = first.leadership;
  const second = stand('partition', 'second', journal);
  first.fault = 'partitioned';
  await until(journal, 'second leads');
  expect(journal).toEqual(['first leads', 'first ends', 'second leads']);
  expect(() => held?.check()).toThrow(LeadershipLost);
  expect(first.errors.length).toBeGreaterThan(0);
  first.fault = 'none';
  second.stop();
  await second.ended;
  await vi.waitFor(() => expect(journal.filter((entry) => entry === 'first leads')).toHaveLength(2), soon);
  first.stop();
  await first.ended;
});

it('knows its own lease again when the answer was lost', async () => {
  const journal: string[] = [];
  const only = stand('lost', 'only', journal);
  only.fault = 'answersLost';
  await vi.waitFor(async () => expect((await get(client, leases, leaseOf('lost')))?.spec).toBeDefined(), soon);
  expect(journal).toEqual([]);
  only.fault = 'none';
  await until(journal, 'only leads');
  expect((await get(client, leases, leaseOf('lost')))?.spec?.leaseTransitions).toBe(0);
  only.stop();
  await only.ended;
});

it.each(['answersLate', 'answersHang'] as const)(
  'gives the lease back when it is told to stop while it takes it: %s',
  async (fault) => {
    const name = `stopped-${fault.toLowerCase()}`;
    const journal: string[] = [];
    const only = stand(name, 'only', journal);
    only.fault = fault;
    const holder = async () => (await get(client, leases, leaseOf(name)))?.spec?.holderIdentity;
    await vi.waitFor(async () => expect(await holder()).toBe('only'), soon);
    only.stop();
    await only.ended;
    expect(journal).toEqual([]);
    expect(await holder()).toBe('');
  },
);

it('gives the lease back when the answer to the last renewal was lost', async () => {
  const journal: string[] = [];
  const only = stand('renewal-lost', 'only', journal);
  await until(journal, 'only leads');
  only.fault = 'answersLost';
  await vi.waitFor(() => expect(only.errors.length).toBeGreaterThan(0), soon);
  only.stop();
  await only.ended;
  expect((await get(client, leases, leaseOf('renewal-lost')))?.spec?.holderIdentity).toBe('');
});

it('is told by the clock, not by a timer, that a freeze was too long', async () => {
  const journal: string[] = [];
  const only = stand('freeze', 'only', journal);
  await until(journal, 'only leads');
  const { leadership } = only;
  if (leadership === undefined) throw new Error('nobody leads');
  leadership.check();
  // The event loop stands still, as the whole process would.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
  expect(leadership.signal.aborted).toBe(false);
  expect(() => leadership.check()).toThrow(LeadershipLost);
  expect(leadership.signal.aborted).toBe(true);
  await vi.waitFor(() => expect(journal.filter((entry) => entry === 'only leads')).toHaveLength(2), soon);
  only.stop();
  await only.ended;
});

it('ends the work after a freeze before it asks the API server', async () => {
  const journal: string[] = [];
  const only = stand('thaw', 'only', journal);
  await until(journal, 'only leads');
  const { leadership, requests } = only;
  if (leadership === undefined) throw new Error('nobody leads');
  const requestsAtLoss = new Promise<number>((resolve) => {
    leadership.signal.addEventListener('abort', () => resolve(only.requests), { once: true });
  });
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
  expect(await requestsAtLoss).toBe(requests);
  only.stop();
  await only.ended;
});

it.each(['1970-01-01T00:00:00.000000Z', '2999-01-01T00:00:00.000000Z'])(
  'waits for a silent holder by its own clock, whatever time the holder wrote (%s)',
  async (renewTime) => {
    const name = `clock-${renewTime.slice(0, 4)}`;
    const spec = { holderIdentity: 'silent', leaseDurationSeconds, renewTime, leaseTransitions: 7 };
    await create(client, leases, { metadata: leaseOf(name), spec }, { fieldManager: 'test' });
    const journal: string[] = [];
    const startedAt = performance.now();
    const heir = stand(name, 'heir', journal);
    await until(journal, 'heir leads');
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(leaseDurationSeconds * 1000);
    expect((await get(client, leases, leaseOf(name)))?.spec?.leaseTransitions).toBe(8);
    heir.stop();
    await heir.ended;
  },
);

it('ends with what leading threw, and gives the lease back', async () => {
  const failure = new Error('no configuration');
  const election = runLeaderElection({
    client,
    lease: leaseOf('throws'),
    identity: 'only',
    leaseDurationSeconds,
    renewDeadlineMs: 1200,
    retryPeriodMs: 200,
    signal: new AbortController().signal,
    onError: (error) => expect.unreachable(String(error)),
    lead: () => Promise.reject(failure),
  });
  await expect(election).rejects.toBe(failure);
  expect((await get(client, leases, leaseOf('throws')))?.spec?.holderIdentity).toBe('');
});
