import { afterEach, describe, expect, test } from 'vitest';
import { answerCases } from './answer-cases.ts';
import { startFake } from './fake-server.ts';
import {
  arcArguments,
  clusterProbe,
  options,
  transport,
  cleanUp,
  run,
  startTcp,
  success,
  answering,
} from './fixtures.ts';
import { identityCases } from './identity-cases.ts';
import { lossCases } from './loss-cases.ts';

afterEach(cleanUp);

const beforeMutation = (): void => {
  throw new Error('the lease was lost');
};

const metadataAndLoopback = async () => ['169.254.169.254', '127.0.0.1'];

describe('SSH client against ssh2.Server', () => {
  identityCases(startFake);
  answerCases(startFake);
  lossCases(startFake);
});

describe('SSH client against what no real sshd does', () => {
  test('closing the channel without an exit status is unknown', async () => {
    const node = await startFake({
      onExec: ({ channel, stdin }) => void stdin.then(() => channel.end(success('sync'))),
    });
    expect(await run(node, 'sync', {})).toMatchObject({
      kind: 'unknown',
      detail: expect.stringContaining('without an exit status'),
    });
  });

  test('data after the exit status still counts', async () => {
    const node = await startFake({
      onExec: async ({ channel, stdin }) => {
        await stdin;
        channel.exit(0);
        channel.end(success('sync'));
      },
    });
    expect((await run(node, 'sync', {})).kind).toBe('ok');
  });

  test('a server that is none of SSH', async () => {
    const endpoint = await startTcp((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect(await run(endpoint, 'sync', {})).toMatchObject({ kind: 'unreachable', cause: 'refused' });
  });
});

describe('the address of a node', () => {
  const name = 'node1.corp.example.com';

  test.each([
    ['dns', async () => Promise.reject(new Error('getaddrinfo ENOTFOUND'))],
    ['dns', async () => []],
    ['address', async () => ['169.254.169.254']],
  ] as const)('by name: %s', async (cause, resolve) => {
    const node = await startFake();
    const outcome = await run({ ...node.endpoint, address: name }, 'sync', {}, { resolve });
    expect(outcome).toMatchObject({
      kind: 'unreachable',
      cause,
      detail: expect.stringMatching(/^sync on NODE1: node1\.corp\.example\.com.*; (check|give) the /),
    });
    expect(node.counts().connections).toBe(0);
  });

  test('a name is resolved once, and only allowed addresses are connected to', async () => {
    const node = await startFake({ onExec: answering(success('sync')) });
    expect((await run({ ...node.endpoint, address: name }, 'sync', {}, { resolve: metadataAndLoopback })).kind).toBe(
      'ok',
    );
  });

  test('loopback is refused outside the lab', async () => {
    const node = await startFake();
    expect(await run(node, 'sync', {}, { allowLoopback: false })).toMatchObject({
      kind: 'unreachable',
      cause: 'address',
    });
    expect(node.counts().connections).toBe(0);
  });
});

test('what forbids mutations at the last moment leaves reading alone', async () => {
  const node = await startFake({ onExec: answering(success('clusterProbe', clusterProbe)) });
  const shared = transport({ beforeMutation });
  expect(await shared.run(node.endpoint, 'sync', {}, options())).toMatchObject({
    kind: 'unreachable',
    cause: 'aborted',
    detail: expect.stringMatching(/^sync on NODE1: not sent: the lease was lost; /),
  });
  expect((await shared.run(node.endpoint, 'clusterProbe', {}, options())).kind).toBe('ok');
  expect(node.commands).toEqual(['hcireg/1 clusterProbe']);
  expect(node.counts().connections).toBe(1);
});

test('what forbids mutations while the channel is opened keeps the input back', async () => {
  const inputs: Promise<unknown>[] = [];
  const node = await startFake({ onExec: ({ stdin }) => void inputs.push(stdin) });
  let asked = 0;
  const shared = transport({
    beforeMutation: () => {
      asked += 1;
      if (asked > 1) beforeMutation();
    },
  });
  expect(await shared.run(node.endpoint, 'sync', {}, options())).toMatchObject({
    kind: 'unreachable',
    cause: 'aborted',
    detail: expect.stringMatching(/^sync on NODE1: not sent: the lease was lost; /),
  });
  await expect.poll(() => inputs.length).toBe(1);
  expect(String(await inputs[0])).toBe('');
  expect(node.counts().connections).toBe(1);
});

test('arguments that do not fit are not sent', async () => {
  const node = await startFake();
  const tooLong = { ...arcArguments, region: 'x'.repeat(5000) };
  const outcome = await run(node, 'initializeArcIntegration', tooLong);
  expect(outcome).toMatchObject({
    kind: 'protocol',
    sent: false,
    detail: expect.stringMatching(/^initializeArcIntegration on NODE1: .*\/region.*; /),
  });
  expect(node.counts().connections).toBe(0);
});
