import { afterEach, describe, expect, test } from 'vitest';
import { frame, operationsVersion } from './operations.ts';
import {
  answer,
  answering,
  arcArguments,
  cleanUp,
  clusterProbe,
  framed,
  options,
  run,
  signalOf,
  startNode,
  success,
  transport,
} from './ssh.fake-node.ts';

afterEach(cleanUp);

describe('an answer that is lost', () => {
  test('closing without an exit status is unknown', async () => {
    const node = await startNode({
      onExec: ({ channel, stdin }) => void stdin.then(() => channel.end(success('sync'))),
    });
    expect(await run(node, 'sync', {})).toMatchObject({ kind: 'unknown' });
  });

  test('being killed is unknown', async () => {
    const node = await startNode({
      onExec: async ({ channel, stdin }) => {
        await stdin;
        channel.exit('KILL');
        channel.end();
      },
    });
    expect(await run(node, 'sync', {})).toMatchObject({ kind: 'unknown', detail: expect.stringContaining('KILL') });
  });

  test('a cut connection is unknown, and the next operation gets a new one', async () => {
    let cut = true;
    const node = await startNode({
      onExec: (exec) => {
        if (cut) void exec.stdin.then(() => exec.connection.end());
        else answering(success('sync'))(exec);
      },
    });
    const shared = transport();
    expect((await shared.run(node.endpoint, 'sync', {}, options())).kind).toBe('unknown');
    cut = false;
    expect((await shared.run(node.endpoint, 'sync', {}, options())).kind).toBe('ok');
    expect(node.counts.connections).toBe(2);
  });

  test('a frozen node is noticed by keepalives', async () => {
    const node = await startNode({ onExec: ({ stdin }) => void stdin.then(() => node.freeze()) });
    const outcome = await run(node, 'sync', {}, { keepaliveSeconds: 0.02, keepaliveCount: 2 });
    expect(outcome).toMatchObject({ kind: 'unknown', detail: expect.stringContaining('Keepalive') });
  });

  test('no answer in time is unknown, and the node is free for the next one', async () => {
    let hang = true;
    const node = await startNode({ onExec: (exec) => (hang ? undefined : answering(success('sync'))(exec)) });
    const shared = transport();
    const outcome = await shared.run(node.endpoint, 'sync', {}, options({ timeoutSeconds: 0.1 }));
    expect(outcome.kind === 'unknown' || (outcome.kind === 'unreachable' && outcome.cause === 'timeout')).toBe(true);
    hang = false;
    expect((await shared.run(node.endpoint, 'sync', {}, options())).kind).toBe('ok');
  });

  test('an abort reaches a running operation', async () => {
    const sent = signalOf();
    const node = await startNode({ onExec: ({ stdin }) => void stdin.then(() => sent.resolve()) });
    const controller = new AbortController();
    const running = run(node, 'sync', {}, {}, { signal: controller.signal });
    await sent.promise;
    controller.abort(new Error('shutting down'));
    expect(await running).toMatchObject({ kind: 'unknown', detail: expect.stringContaining('shutting down') });
    await expect.poll(() => node.counts.executing).toBe(0);
  });

  test('an abort reaches an operation that waits for its turn', async () => {
    const sent = signalOf();
    const node = await startNode({ onExec: ({ stdin }) => void stdin.then(() => sent.resolve()) });
    const shared = transport();
    const first = shared.run(node.endpoint, 'sync', {}, options());
    await sent.promise;
    const controller = new AbortController();
    const second = shared.run(node.endpoint, 'sync', {}, options({ signal: controller.signal }));
    controller.abort();
    expect(await second).toMatchObject({ kind: 'unreachable', cause: 'aborted' });
    await shared.close();
    expect((await first).kind).toBe('unknown');
    expect(await shared.run(node.endpoint, 'sync', {}, options())).toMatchObject({
      kind: 'unreachable',
      cause: 'aborted',
    });
    expect(node.commands).toHaveLength(1);
  });
});

describe('a dirty answer', () => {
  test('split anywhere, with noise around and an older frame before it', async () => {
    const whole = `noise${success('sync', { old: true })}\r\nmore\r\n${success('sync')}\r\ntail`;
    const node = await startNode({
      onExec: async ({ channel, stdin }) => {
        await stdin;
        for (const character of whole) channel.write(character);
        channel.exit(0);
        channel.end();
      },
    });
    expect(await run(node, 'sync', {})).toMatchObject({ kind: 'ok', value: {} });
  });

  test('data after the exit status still counts', async () => {
    const node = await startNode({
      onExec: async ({ channel, stdin }) => {
        await stdin;
        channel.exit(0);
        channel.end(success('sync'));
      },
    });
    expect((await run(node, 'sync', {})).kind).toBe('ok');
  });

  test('CLIXML on stderr is diagnostics', async () => {
    const xml =
      '#< CLIXML\r\n<Objs Version="1.1.0.1"><S S="progress">x</S><S S="Error">Get-Thing : can&apos;t &lt;do&gt; it_x000D__x000A_</S><S S="Error">T0p~secret</S></Objs>';
    const node = await startNode({
      onExec: async ({ channel, stdin }) => {
        await stdin;
        channel.stderr.write(xml);
        answer(channel, 'no frame', 1);
      },
    });
    expect(await run(node, 'initializeArcIntegration', arcArguments)).toEqual({
      kind: 'protocol',
      sent: true,
      exitStatus: 1,
      detail: "initializeArcIntegration gave no complete frame (exit status 1): Get-Thing : can't <do> it (redacted)",
    });
  });

  test.each([
    ['no frame', 'hello', 0],
    ['half a frame after a whole one', `${success('sync')}${frame.open}{"v":1`, 0],
    ['not JSON', `${frame.open}{${frame.close}`, 0],
    ['another version', framed({ v: operationsVersion + 1, op: 'sync', ok: true, result: {} }), 0],
    ['another operation', success('probe'), 0],
    ['a result that does not fit', success('sync', { extra: 1 }), 0],
    ['success with the failure status', success('sync'), 10],
    ['success with any other status', success('sync'), 1],
    ['a dispatcher that refuses', '', 126],
  ])('%s is a protocol fault', async (_, stdout, exitStatus) => {
    const node = await startNode({ onExec: answering(stdout, exitStatus) });
    expect(await run(node, 'sync', {})).toMatchObject({ kind: 'protocol', sent: true, exitStatus });
  });

  test('an endless one is stopped, and the connection stays good', async () => {
    let endless = true;
    const node = await startNode({
      onExec: (exec) => {
        if (!endless) {
          answering(success('sync'))(exec);
          return;
        }
        const chunk = Buffer.alloc(64 * 1024, 'x');
        const more = (): void => {
          if (exec.channel.writable) exec.channel.write(chunk, more);
        };
        more();
      },
    });
    const shared = transport({ outputBytes: 1024 * 1024 });
    const outcome = await shared.run(node.endpoint, 'sync', {}, options());
    expect(outcome).toMatchObject({ kind: 'protocol', sent: true, detail: expect.stringContaining('1048576') });
    endless = false;
    expect((await shared.run(node.endpoint, 'sync', {}, options())).kind).toBe('ok');
    expect(node.counts.connections).toBe(1);
  });

  test('a channel that stays open after the exit status is given up', async () => {
    const node = await startNode({
      onExec: async ({ channel, stdin }) => {
        await stdin;
        channel.write(success('sync'));
        channel.exit(0);
      },
    });
    expect((await run(node, 'sync', {}, { closeGraceSeconds: 0.05 })).kind).toBe('ok');
    await expect.poll(() => node.counts.executing).toBe(0);
  });
});

describe('the channel limit of the server', () => {
  test('is waited for', async () => {
    const node = await startNode({
      maxSessions: 1,
      onExec: answering((operation) => success(operation, clusterProbe)),
    });
    const shared = transport();
    const outcomes = await Promise.all(
      Array.from({ length: 4 }, () => shared.run(node.endpoint, 'clusterProbe', {}, options())),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(['ok', 'ok', 'ok', 'ok']);
    expect(node.counts.mostExecuting).toBe(1);
  });

  test('is an unreachable node when it never ends', async () => {
    const node = await startNode({ maxSessions: 0 });
    const outcome = await run(node, 'sync', {}, {}, { timeoutSeconds: 0.2 });
    expect(outcome).toMatchObject({ kind: 'unreachable', cause: 'timeout' });
  });
});

describe('a connection that died while it lay idle', () => {
  test('is replaced without anybody noticing', async () => {
    const node = await startNode({ onExec: answering(success('sync')) });
    const shared = transport();
    expect((await shared.run(node.endpoint, 'sync', {}, options())).kind).toBe('ok');
    node.cut();
    expect((await shared.run(node.endpoint, 'sync', {}, options())).kind).toBe('ok');
    expect(node.counts.connections).toBe(2);
  });
});
