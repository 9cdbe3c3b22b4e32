import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { endWithThisProcess } from '../../test/controlplane/processes.ts';
import type { KubeClient } from './client.ts';
import { configMaps } from './core.ts';
import { apply, get } from './resource.ts';
import { startRealServer, startTimeoutMs, type RealServer } from './testing/real-server.ts';

// The README's example as everybody would run it.

const soon = { timeout: 30_000, interval: 20 };
let server: RealServer;
let client: KubeClient;

beforeAll(async () => {
  server = await startRealServer('example-e2e');
  ({ client } = server);
}, startTimeoutMs);
afterAll(() => server?.stop(), 60_000);

const metadata = { namespace: 'default', name: 'greeting' };
const greet = (whom: string) =>
  apply(
    client,
    configMaps,
    { metadata: { ...metadata, labels: { 'example.com/greet': whom } } },
    { fieldManager: 'test', force: true },
  );
const expectGreeting = (text: string) =>
  vi.waitFor(async () => expect((await get(client, configMaps, metadata))?.data?.['greeting']).toBe(text), soon);

it('greets, follows a change, and ends with 0 at SIGTERM without an error', async () => {
  await greet('world');
  const greeter = spawn(process.execPath, [join(import.meta.dirname, 'example.ts')], {
    env: { PATH: process.env['PATH'], KUBECONFIG: server.controlPlane.kubeconfig },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  endWithThisProcess(greeter);
  let errors = '';
  greeter.stderr.on('data', (text: Buffer) => (errors += text.toString()));
  const exited = once(greeter, 'exit');
  try {
    await expectGreeting('Hello, world!');
    await greet('moon');
    await expectGreeting('Hello, moon!');
    greeter.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(errors).toBe('');
  } finally {
    greeter.kill('SIGKILL');
  }
});
