import { expect, it } from 'vitest';
import { defaultBreakerSettings } from './breaker.ts';
import { createNodePool } from './pool.ts';
import type { NodeEndpoint, NodeTransport, Outcome } from './transport.ts';

const node = (name: string): NodeEndpoint => ({
  name,
  address: `${name}.example.com`,
  port: 22,
  user: 'hcireg',
  execution: 'Dispatcher',
  privateKeys: [],
  hostKeys: [],
});
const silence: Outcome<never> = { kind: 'unreachable', cause: 'timeout', detail: 'no answer within 15 seconds' };
const lost: Outcome<never> = { kind: 'unknown', detail: 'sent and then lost' };
const fault: Outcome<never> = {
  kind: 'operationError',
  error: { message: 'refused', id: 'Refused', reason: 'Exception', position: '' },
};
const wrongKey: Outcome<never> = { kind: 'unreachable', cause: 'hostKey', detail: 'another key' };
const { signal } = new AbortController();

function given(answer: (name: string) => Outcome<never> | Promise<Outcome<never>>) {
  let now = 0;
  const asked: string[] = [];
  const transport: NodeTransport = {
    run: (to) => {
      asked.push(to.name);
      return Promise.resolve(answer(to.name));
    },
    scanHostKey: () => Promise.reject(new Error('not used')),
    close: () => Promise.resolve(),
  };
  const pool = createNodePool(transport, { ...defaultBreakerSettings, now: () => now });
  const run = (cluster: string, name: string, abort = signal) =>
    pool.run(cluster, node(name), 'sync', {}, { signal: abort, correlationId: 'test' });
  return { pool, run, asked, pass: (seconds: number) => void (now += seconds * 1000) };
}

it('leaves a cluster alone whose nodes do not answer, longer each time, and no other', async () => {
  const { run, asked, pass } = given((name) => (name === 'GOOD' ? fault : silence));
  for (let i = 0; i < 4; i++) expect(await run('dead', `N${i}`)).toBe(silence);
  const refused = await run('dead', 'N0');
  expect(refused).toMatchObject({ kind: 'unreachable', cause: 'timeout' });
  expect(refused).toHaveProperty('detail', expect.stringMatching(/next try is in 5 s\. .*no answer within 15 s/));
  await run('alive', 'GOOD');
  expect(asked).toEqual(['N0', 'N1', 'N2', 'N3', 'GOOD']);
  const tries: number[] = [];
  for (let second = 1; second <= 1200; second++) {
    pass(1);
    const before = asked.length;
    await Promise.all([run('dead', 'N1'), run('dead', 'N2')]);
    if (asked.length > before) tries.push(second);
    expect(asked.length - before).toBeLessThanOrEqual(1);
  }
  expect(tries).toEqual([5, 15, 35, 75, 155, 315, 615, 915]);
});

it('goes on as soon as one node answers, be it with an error', async () => {
  let answer: Outcome<never> = lost;
  const { run, asked, pass } = given(() => answer);
  for (let i = 0; i < 6; i++) await run('site', 'N0');
  expect(asked).toHaveLength(4);
  pass(5);
  answer = fault;
  expect(await run('site', 'N0')).toBe(fault);
  answer = lost;
  for (let i = 0; i < 3; i++) expect(await run('site', 'N0')).toBe(lost);
});

it.each([fault, wrongKey])('does not take an answer for silence', async (answer) => {
  const { run, asked } = given(() => answer);
  for (let i = 0; i < 20; i++) await run('site', 'N0');
  expect(asked).toHaveLength(20);
});

it('does not hold what was ended by us against the nodes', async () => {
  const { run, asked } = given(() => ({ kind: 'unreachable', cause: 'aborted', detail: 'stopping' }));
  for (let i = 0; i < 20; i++) await run('site', 'N0');
  expect(asked).toHaveLength(20);
});

it('does not take our own end for silence', async () => {
  let stop = new AbortController();
  const { run, asked } = given(() => {
    stop.abort();
    return lost;
  });
  for (let i = 0; i < 20; i++) {
    stop = new AbortController();
    await run('site', 'N0', stop.signal);
  }
  expect(asked).toHaveLength(20);
});

it.each<[string, (stop: AbortController) => Outcome<never>]>([
  [
    'ended by us',
    (stop) => {
      stop.abort();
      return lost;
    },
  ],
  [
    'thrown',
    () => {
      throw new Error('a defect');
    },
  ],
])('lets the next one find out when the one that should have was %s', async (_name, end) => {
  const stop = new AbortController();
  const { run, asked, pass } = given((name) => (name === 'ENDED' ? end(stop) : name === 'GOOD' ? fault : silence));
  for (let i = 0; i < 4; i++) await run('site', 'N0');
  pass(5);
  await run('site', 'ENDED', stop.signal).catch(() => {});
  expect(await run('site', 'GOOD')).toBe(fault);
  expect(asked).toHaveLength(6);
});

it('tries at once when a person asks', async () => {
  const { pool, run, asked } = given(() => silence);
  for (let i = 0; i < 5; i++) await run('site', 'N0');
  pool.reset('site');
  await run('site', 'N0');
  expect(asked).toHaveLength(5);
});

it('runs so many operations of a cluster at once, and those of another beside them', async () => {
  const hanging = Promise.withResolvers<Outcome<never>>();
  const { run, asked } = given(() => hanging.promise);
  const running = Array.from({ length: 20 }, (_, i) => run('large', `L${i}`));
  running.push(run('other', 'O1'));
  const stop = new AbortController();
  const waits = run('large', 'WAITS', stop.signal);
  await expect.poll(() => asked.length).toBe(17);
  expect(asked).toContain('O1');
  stop.abort(new Error('stopping'));
  expect(await waits).toMatchObject({ kind: 'unreachable', cause: 'aborted' });
  hanging.resolve(fault);
  await Promise.all(running);
  expect(asked).toHaveLength(21);
});
