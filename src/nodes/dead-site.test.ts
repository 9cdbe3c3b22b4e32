import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startOutside } from '../../test/lab/lab.ts';
import { startSilentSite } from '../../test/simulators/nodes/silence.ts';
import { runWorkers, type Reconcile } from '../kube/controller.ts';
import { createWorkQueue } from '../kube/workqueue.ts';
import { createNodePool } from './pool.ts';
import { createSshTransport } from './ssh.ts';
import type { NodeEndpoint } from './transport.ts';

const deadClusters = 50;
const workers = 2;
const rounds = 5;

test('over real sockets: a site of 50 silent clusters holds no worker, and another cluster is worked on meanwhile', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'dead-site-'));
  const silence = await startSilentSite(deadClusters, 1);
  const clusters = [{ name: 'alive', dnsSuffix: 'corp.example.com', nodes: ['NODE1', 'NODE2'] }];
  const outside = await startOutside({ directory, clusters });
  const transport = createSshTransport({ allowLoopback: true });
  const pool = createNodePool(transport);
  const queue = createWorkQueue();
  const stop = new AbortController();
  try {
    const [alive] = outside.nodes.clusters;
    if (alive === undefined) throw new Error('there is no cluster');
    const privateKeys = [await readFile(alive.ssh.privateKeyFile, 'utf8')];
    const endpoint = (name: string, address: string, port: number, hostKey: string): NodeEndpoint => ({
      name,
      address,
      port,
      user: alive.ssh.user,
      execution: 'Dispatcher',
      privateKeys,
      hostKeys: [hostKey],
    });
    const living = alive.nodes.map(({ name, address, hostKey }) => endpoint(name, address, alive.ssh.port, hostKey));
    const silent = new Map(
      silence.clusters.map(([address = ''], index) => [
        `dead${index}`,
        endpoint('SILENT', address, silence.port, `SHA256:${'A'.repeat(43)}`),
      ]),
    );

    let givenUp = 0;
    const answers: string[] = [];
    const done = Promise.withResolvers<number>();
    const reconcile: Reconcile = async (key, signal, lend) => {
      const probe = (node: NodeEndpoint) =>
        lend(() => pool.run(key, node, 'probe', {}, { signal, correlationId: 'test' }));
      const dead = silent.get(key);
      if (dead !== undefined) {
        await probe(dead);
        givenUp += 1;
        return {};
      }
      for (let round = 0; round < rounds; round += 1) {
        const outcomes = await Promise.all(living.map(probe));
        answers.push(...outcomes.map(({ kind }) => kind));
      }
      done.resolve(givenUp);
      return {};
    };
    for (const key of silent.keys()) queue.add(key);
    const running = runWorkers({
      queue,
      workers,
      deadlineMs: 60_000,
      graceMs: 1000,
      reconcile,
      onError: (_, error) => done.reject(error),
      signal: stop.signal,
    });
    await expect.poll(() => silence.open(), { interval: 5, timeout: 10_000 }).toBe(deadClusters);
    queue.add('alive');

    expect(await done.promise).toBe(0);
    expect(answers).toEqual(Array.from({ length: rounds * living.length }, () => 'ok'));
    stop.abort(new Error('the test is over'));
    silence.close();
    await transport.close();
    await running;
    expect(givenUp).toBe(deadClusters);
  } finally {
    stop.abort();
    silence.close();
    await transport.close();
    await outside.close();
    await rm(directory, { recursive: true });
  }
});
