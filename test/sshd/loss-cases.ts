import { describe, expect, test } from 'vitest';
import { answering, clusterProbe, options, run, signalOf, success, transport } from './fixtures.ts';
import type { Execution, StartNodeServer } from './node-server.ts';

// Answers that never come: what had been sent may have run.

/** Tells that the document arrived, and never answers. */
const silent = () => {
  const arrived = signalOf();
  return { arrived: arrived.promise, onExec: ({ stdin }: Execution) => void stdin.then(() => arrived.resolve()) };
};

const lost = (why: RegExp) => ({
  kind: 'unknown',
  detail: expect.stringMatching(
    new RegExp(`^sync on NODE1: sent and then lost: .*${why.source}.*; it may have run: probe the node`),
  ),
});

export const lossCases = (start: StartNodeServer): void => {
  describe('an answer that is lost', () => {
    test('a command that is killed is unknown', async () => {
      const node = await start({ onExec: (execution) => void execution.stdin.then(() => execution.kill()) });
      expect(await run(node, 'sync', {})).toMatchObject(lost(/ended by (SIG)?KILL/));
    });

    test('a connection whose end at the node dies is unknown, and the next operation gets a new one', async () => {
      const { arrived, onExec } = silent();
      let answers = false;
      const node = await start({
        onExec: (execution) => (answers ? answering(success('sync'))(execution) : onExec(execution)),
      });
      const shared = transport();
      const running = shared.run(node.endpoint, 'sync', {}, options());
      await arrived;
      node.cut();
      expect(await running).toMatchObject(lost(/closed|ECONNRESET/));
      answers = true;
      expect((await shared.run(node.endpoint, 'sync', {}, options())).kind).toBe('ok');
      expect(node.counts().connections).toBe(2);
    });

    test('a reboot in the middle: unknown, then refused, then good again', async () => {
      const { arrived, onExec } = silent();
      let answers = false;
      const node = await start({
        onExec: (execution) => (answers ? answering(success('sync'))(execution) : onExec(execution)),
      });
      const shared = transport();
      const running = shared.run(node.endpoint, 'sync', {}, options());
      await arrived;
      await node.stop();
      expect(await running).toMatchObject(lost(/closed|ECONNRESET/));
      expect(await shared.run(node.endpoint, 'sync', {}, options())).toMatchObject({
        kind: 'unreachable',
        cause: 'refused',
      });
      await node.start();
      answers = true;
      expect((await shared.run(node.endpoint, 'sync', {}, options())).kind).toBe('ok');
    });

    test('a frozen node is noticed by keepalives', async () => {
      const { arrived, onExec } = silent();
      const node = await start({ onExec });
      const running = run(node, 'sync', {}, { keepaliveSeconds: 0.3, keepaliveCount: 2 });
      await arrived;
      node.freeze();
      expect(await running).toMatchObject(lost(/Keepalive/));
    });

    test('no answer in time is unknown, and the node is free for the next one', async () => {
      const { onExec } = silent();
      let answers = true;
      const node = await start({
        onExec: (execution) => (answers ? answering(success('sync'))(execution) : onExec(execution)),
      });
      const shared = transport();
      expect((await shared.run(node.endpoint, 'sync', {}, options())).kind).toBe('ok');
      answers = false;
      const outcome = await shared.run(node.endpoint, 'sync', {}, options({ timeoutSeconds: 0.2 }));
      // On a busy machine the time may be over before the command was sent.
      expect(['unknown', 'unreachable']).toContain(outcome.kind);
      expect(outcome).toMatchObject({ detail: expect.stringContaining('no answer within 0.2 seconds; ') });
      answers = true;
      expect((await shared.run(node.endpoint, 'sync', {}, options())).kind).toBe('ok');
    });

    test('an abort reaches a running operation, and its connection is closed', async () => {
      const { arrived, onExec } = silent();
      const node = await start({ onExec });
      const controller = new AbortController();
      const running = run(node, 'sync', {}, {}, { signal: controller.signal });
      await arrived;
      controller.abort(new Error('shutting down'));
      expect(await running).toMatchObject(lost(/shutting down/));
      await expect.poll(() => node.counts().open).toBe(0);
    });

    test('an abort reaches an operation that waits for its turn', async () => {
      const { arrived, onExec } = silent();
      const node = await start({ onExec });
      const shared = transport();
      const first = shared.run(node.endpoint, 'sync', {}, options());
      await arrived;
      const controller = new AbortController();
      const second = shared.run(node.endpoint, 'sync', {}, options({ signal: controller.signal }));
      controller.abort(new Error('no longer wanted'));
      expect(await second).toMatchObject({
        kind: 'unreachable',
        cause: 'aborted',
        detail: expect.stringMatching(/^sync on NODE1: aborted while it waited for its turn: no longer wanted; /),
      });
      await shared.close();
      expect((await first).kind).toBe('unknown');
      expect(await shared.run(node.endpoint, 'sync', {}, options())).toMatchObject({
        kind: 'unreachable',
        cause: 'aborted',
      });
      expect(node.commands).toHaveLength(1);
    });
  });

  describe('the channel limit of the server', () => {
    test('is waited for', async () => {
      const node = await start({ maxSessions: 1, onExec: answering(success('clusterProbe', clusterProbe)) });
      const shared = transport();
      const outcomes = await Promise.all(
        Array.from({ length: 4 }, () => shared.run(node.endpoint, 'clusterProbe', {}, options())),
      );
      expect(outcomes.map(({ kind }) => kind)).toEqual(['ok', 'ok', 'ok', 'ok']);
      expect(node.counts().mostExecuting).toBe(1);
      expect(node.counts().connections).toBe(1);
    });

    test('is an unreachable node when it never ends', async () => {
      const { arrived, onExec } = silent();
      const node = await start({ maxSessions: 1, onExec });
      const shared = transport();
      const reading = shared.run(node.endpoint, 'clusterProbe', {}, options());
      await arrived;
      expect(await shared.run(node.endpoint, 'sync', {}, options({ timeoutSeconds: 0.5 }))).toMatchObject({
        kind: 'unreachable',
        cause: 'timeout',
        detail: expect.stringMatching(/^sync on NODE1: not sent: .*Channel open failure.*; /),
      });
      expect(node.commands).toHaveLength(1);
      await shared.close();
      expect((await reading).kind).toBe('unknown');
    });
  });

  describe('a connection that died while it lay idle', () => {
    test('is replaced without anybody noticing', async () => {
      const node = await start({ onExec: answering(success('sync')) });
      const shared = transport();
      expect((await shared.run(node.endpoint, 'sync', {}, options())).kind).toBe('ok');
      node.cut();
      expect((await shared.run(node.endpoint, 'sync', {}, options())).kind).toBe('ok');
      expect(node.counts().connections).toBe(2);
    });
  });
};
