import { describe, expect, test } from 'vitest';
import {
  answering,
  clientKey,
  fingerprintOf,
  newKey,
  options,
  otherClientKey,
  run,
  success,
  transport,
} from './fixtures.ts';
import type { NodeServer, StartNodeServer } from './node-server.ts';

// Who the node is, who we are, and a node that cannot be reached: nothing may have been run in any of these.

/** Once a connection came and is gone, the server has written down all that it got. */
const untilGone = (node: NodeServer, connections: number): Promise<void> =>
  expect
    .poll(() => {
      const { open, connections: seen } = node.counts();
      return { open, enough: seen >= connections };
    })
    .toEqual({ open: 0, enough: true });

export const identityCases = (start: StartNodeServer): void => {
  describe('who the node is', () => {
    test('an unknown host key gets nothing, not even the user name', async () => {
      const node = await start({ onExec: answering(success('sync')) });
      const seen = node.endpoint.hostKeys[0];
      for (const [hostKeys, why] of [
        [[], 'no host key is pinned'],
        [[fingerprintOf(newKey())], 'its host key is not among the pins'],
      ] as const) {
        expect(await run({ ...node.endpoint, hostKeys }, 'sync', {})).toMatchObject({
          kind: 'unreachable',
          cause: 'hostKey',
          seenHostKey: seen,
          detail: expect.stringMatching(new RegExp(`^sync on NODE1: 127\\.0\\.0\\.1 port \\d+: ${why}; compare`)),
        });
      }
      await untilGone(node, 2);
      expect(node.counts().authenticationRequests).toBe(0);
      expect(node.commands).toEqual([]);
    });

    test('a host key that changed is refused, and the new one is shown', async () => {
      const node = await start({ onExec: answering(success('sync')) });
      const shared = transport();
      expect((await shared.run(node.endpoint, 'sync', {}, options())).kind).toBe('ok');
      const { authenticationRequests } = node.counts();
      const other = newKey();
      await node.stop();
      await node.start([other]);
      expect(await shared.run(node.endpoint, 'sync', {}, options())).toMatchObject({
        kind: 'unreachable',
        cause: 'hostKey',
        seenHostKey: fingerprintOf(other),
      });
      await untilGone(node, 2);
      expect(node.counts().authenticationRequests).toBe(authenticationRequests);
      expect(node.commands).toHaveLength(1);
    });

    test('a second pin is as good as the first', async () => {
      const node = await start({ onExec: answering(success('sync')) });
      const hostKeys = [fingerprintOf(newKey()), ...node.endpoint.hostKeys];
      expect((await run({ ...node.endpoint, hostKeys }, 'sync', {})).kind).toBe('ok');
    });

    test('a pin of another of its host keys is found', async () => {
      const keys = [newKey(), newKey('ecdsa')];
      const node = await start({ hostKeys: keys, onExec: answering(success('sync')) });
      const [hostKey = ''] = keys.slice(1).map(fingerprintOf);
      const outcome = await run({ ...node.endpoint, hostKeys: [fingerprintOf(newKey()), hostKey] }, 'sync', {});
      expect(outcome).toMatchObject({ kind: 'ok', hostKey });
    });

    test.each([['ed25519'], ['ecdsa']] as const)('a scan shows an %s key and sends nothing', async (type) => {
      const node = await start({ hostKeys: [newKey(type)] });
      const { address, port, hostKeys } = node.endpoint;
      const scanned = await transport().scanHostKey(address, port, new AbortController().signal);
      expect(scanned).toEqual({ kind: 'seen', hostKey: hostKeys[0] });
      await untilGone(node, 1);
      expect(node.counts().authenticationRequests).toBe(0);
    });
  });

  describe('who we are', () => {
    test('the current key, then both, then the next one: a rotation loses no operation', async () => {
      const node = await start({ authorized: [clientKey], onExec: answering(success('sync')) });
      const endpoint = { ...node.endpoint, privateKeys: [clientKey, otherClientKey] };
      for (const authorized of [[clientKey], [clientKey, otherClientKey], [otherClientKey]]) {
        await node.authorize(authorized);
        expect((await run(endpoint, 'sync', {})).kind).toBe('ok');
      }
      const unreadable = { ...endpoint, privateKeys: ['no key', otherClientKey] };
      expect((await run(unreadable, 'sync', {})).kind).toBe('ok');
    });

    test('a refused private key is an auth fault', async () => {
      const node = await start({ authorized: [otherClientKey] });
      expect(await run(node, 'sync', {})).toMatchObject({
        kind: 'unreachable',
        cause: 'auth',
        detail: expect.stringMatching(/^sync on NODE1: .*user .*; check the user, its authorized keys/),
      });
      expect(node.commands).toEqual([]);
    });

    test('a private key that cannot be read is an auth fault, and is not shown', async () => {
      const node = await start();
      const outcome = await run({ ...node.endpoint, privateKeys: ['-----BEGIN nonsense'] }, 'sync', {});
      expect(outcome).toMatchObject({ kind: 'unreachable', cause: 'auth' });
      expect(JSON.stringify(outcome)).not.toContain('nonsense');
      expect(node.counts().connections).toBe(0);
    });
  });

  describe('a node that cannot be reached', () => {
    test('a closed port', async () => {
      const node = await start();
      await node.stop();
      expect(await run(node, 'sync', {})).toMatchObject({
        kind: 'unreachable',
        cause: 'refused',
        detail: expect.stringMatching(/^sync on NODE1: .*ECONNREFUSED.*; check that sshd runs/),
      });
    });

    test('a server that takes the connection and says nothing is told from one that cannot be reached', async () => {
      const node = await start();
      node.freeze();
      expect(await run(node, 'sync', {}, { handshakeSeconds: 0.2 })).toMatchObject({
        kind: 'unreachable',
        cause: 'noAnswer',
        detail: expect.stringMatching(/^sync on NODE1: .*; look at the console of the node/),
      });
    });
  });
};
