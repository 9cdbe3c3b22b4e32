import { afterEach, describe, expect, test } from 'vitest';
import { operationsVersion } from './operations.ts';
import { fingerprint } from './ssh-connection.ts';
import {
  answering,
  arcArguments,
  cleanUp,
  clientKey,
  clusterProbe,
  framed,
  newKey,
  options,
  otherClientKey,
  publicKey,
  run,
  signalOf,
  startNode,
  startTcp,
  success,
  transport,
} from './ssh.fake-node.ts';

afterEach(cleanUp);

describe('a good node', () => {
  test('gets the command and the document, and its result comes back', async () => {
    const documents: string[] = [];
    const node = await startNode({
      onExec: (exec) => {
        void exec.stdin.then((text) => documents.push(text));
        answering(`WARNING: noise\n${success('clusterProbe', clusterProbe)}\n`)(exec);
      },
    });
    const outcome = await run(node, 'clusterProbe', {});
    expect(outcome).toMatchObject({ kind: 'ok', value: clusterProbe });
    expect(node.commands).toEqual([`hcireg/${operationsVersion} clusterProbe`]);
    expect(documents.map((text) => JSON.parse(text))).toEqual([{ correlationId: 'c0ffee', arguments: {} }]);
  });

  test('gets pure ASCII', async () => {
    const arrived = signalOf<string>();
    const node = await startNode({
      onExec: (exec) => {
        void exec.stdin.then(arrived.resolve);
        answering(success('initializeArcIntegration'))(exec);
      },
    });
    const resourceGroup = 'Größe "漢字" $(x) \u0000 😀';
    await run(node, 'initializeArcIntegration', { ...arcArguments, resourceGroup });
    const text = await arrived.promise;
    expect(text).toMatch(/^[\x20-\x7e]*$/);
    expect(JSON.parse(text)).toMatchObject({ arguments: { resourceGroup } });
  });

  test('is connected to once for many operations', async () => {
    const node = await startNode({ onExec: answering((operation) => success(operation, clusterProbe)) });
    const shared = transport();
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, () => shared.run(node.endpoint, 'clusterProbe', {}, options())),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(Array.from({ length: 12 }, () => 'ok'));
    expect(node.counts.connections).toBe(1);
    expect(node.counts.mostExecuting).toBeLessThanOrEqual(3);
  });

  test('is left when nothing is asked for a while, and found again', async () => {
    const node = await startNode({ onExec: answering((operation) => success(operation, clusterProbe)) });
    const shared = transport({ idleSeconds: 0 });
    for (let visit = 1; visit <= 2; visit += 1) {
      expect((await shared.run(node.endpoint, 'clusterProbe', {}, options())).kind).toBe('ok');
      await expect.poll(() => node.counts.open).toBe(0);
      expect(node.counts.connections).toBe(visit);
    }
  });

  test('never has two operations that mutate at once, and reading goes on beside one', async () => {
    const blocked = signalOf();
    const started: string[] = [];
    const node = await startNode({
      onExec: (exec) => {
        const operation = exec.command.split(' ')[1] ?? '';
        started.push(operation);
        const reply = answering(success(operation, operation === 'clusterProbe' ? clusterProbe : {}));
        if (operation === 'sync') void blocked.promise.then(() => reply(exec));
        else reply(exec);
      },
    });
    const shared = transport();
    const sync = shared.run(node.endpoint, 'sync', {}, options());
    await expect.poll(() => started).toEqual(['sync']);
    const second = shared.run(node.endpoint, 'removeCustomImdsHostAddress', {}, options());
    expect((await shared.run(node.endpoint, 'clusterProbe', {}, options())).kind).toBe('ok');
    expect(started).toEqual(['sync', 'clusterProbe']);
    blocked.resolve();
    expect((await sync).kind).toBe('ok');
    expect((await second).kind).toBe('ok');
    expect(started).toEqual(['sync', 'clusterProbe', 'removeCustomImdsHostAddress']);
  });

  test('that says no gives an operation error without the secret', async () => {
    const error = {
      message: "The secret 'T0p~secret' is\r\nwrong",
      id: 'X,Y',
      reason: 'HciException',
      position: 'line 1',
    };
    const node = await startNode({
      onExec: answering(framed({ v: operationsVersion, op: 'initializeArcIntegration', ok: false, error }), 10),
    });
    const outcome = await run(node, 'initializeArcIntegration', arcArguments);
    expect(outcome).toEqual({
      kind: 'operationError',
      error: { ...error, message: "The secret '(redacted)' is wrong" },
    });
  });
});

describe('who the node is', () => {
  test('an unknown host key gets nothing, not even the user name', async () => {
    const node = await startNode({ onExec: answering(success('sync')) });
    const seen = node.endpoint.hostKeys[0];
    for (const hostKeys of [[], [fingerprint(publicKey(newKey()))]]) {
      expect(await run({ ...node.endpoint, hostKeys }, 'sync', {})).toMatchObject({
        kind: 'unreachable',
        cause: 'hostKey',
        seenHostKey: seen,
      });
    }
    expect(node.counts.authenticationRequests).toBe(0);
    expect(node.commands).toEqual([]);
  });

  test('a second pin is as good as the first', async () => {
    const node = await startNode({ onExec: answering(success('sync')) });
    const hostKeys = [fingerprint(publicKey(newKey())), ...node.endpoint.hostKeys];
    expect((await run({ ...node.endpoint, hostKeys }, 'sync', {})).kind).toBe('ok');
  });

  test('a pin of another of its host keys is found', async () => {
    const keys = [newKey(), newKey('ecdsa')];
    const node = await startNode({ hostKeys: keys, onExec: answering(success('sync')) });
    const hostKeys = keys.slice(1).map((key) => fingerprint(publicKey(key)));
    expect((await run({ ...node.endpoint, hostKeys }, 'sync', {})).kind).toBe('ok');
  });

  test('a scan shows the key and sends nothing', async () => {
    const node = await startNode();
    const { address, port, hostKeys } = node.endpoint;
    const scanned = await transport().scanHostKey(address, port, new AbortController().signal);
    expect(scanned).toEqual({ kind: 'seen', hostKey: hostKeys[0] });
    expect(node.counts.authenticationRequests).toBe(0);
  });

  test('a scan finds a server that has no ed25519 key', async () => {
    const node = await startNode({ hostKeys: [newKey('ecdsa')] });
    const { address, port, hostKeys } = node.endpoint;
    const scanned = await transport().scanHostKey(address, port, new AbortController().signal);
    expect(scanned).toEqual({ kind: 'seen', hostKey: hostKeys[0] });
  });
});

describe('who we are', () => {
  test('the next private key is tried when the current one is refused', async () => {
    const node = await startNode({ authorized: [otherClientKey], onExec: answering(success('sync')) });
    const privateKeys = [clientKey, otherClientKey];
    expect((await run({ ...node.endpoint, privateKeys }, 'sync', {})).kind).toBe('ok');
    expect((await run({ ...node.endpoint, privateKeys: ['no key', otherClientKey] }, 'sync', {})).kind).toBe('ok');
  });

  test('a refused private key is an auth fault', async () => {
    const node = await startNode({ authorized: [otherClientKey] });
    expect(await run(node, 'sync', {})).toMatchObject({ kind: 'unreachable', cause: 'auth' });
  });

  test('a private key that cannot be read is an auth fault, and is not shown', async () => {
    const node = await startNode();
    const outcome = await run({ ...node.endpoint, privateKeys: ['-----BEGIN nonsense'] }, 'sync', {});
    expect(outcome).toMatchObject({ kind: 'unreachable', cause: 'auth' });
    expect(JSON.stringify(outcome)).not.toContain('nonsense');
    expect(node.counts.connections).toBe(0);
  });
});

describe('a node that cannot be reached', () => {
  test('refused', async () => {
    const node = await startNode();
    await node.close();
    expect(await run(node, 'sync', {})).toMatchObject({ kind: 'unreachable', cause: 'refused' });
  });

  test('no SSH server there', async () => {
    const endpoint = await startTcp((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect(await run(endpoint, 'sync', {})).toMatchObject({ kind: 'unreachable', cause: 'refused' });
  });

  test('a silent one times out', async () => {
    const endpoint = await startTcp(() => undefined);
    const outcome = await run(endpoint, 'sync', {}, { handshakeSeconds: 0.05 });
    expect(outcome).toMatchObject({ kind: 'unreachable', cause: 'timeout' });
  });

  test.each([
    ['dns', async () => Promise.reject(new Error('getaddrinfo ENOTFOUND'))],
    ['dns', async () => []],
    ['address', async () => ['169.254.169.254']],
  ] as const)('by name: %s', async (cause, resolve) => {
    const node = await startNode();
    const outcome = await run({ ...node.endpoint, address: 'node1.corp.example.com' }, 'sync', {}, { resolve });
    expect(outcome).toMatchObject({ kind: 'unreachable', cause });
    expect(node.counts.connections).toBe(0);
  });

  test('a name is resolved once, and only allowed addresses are connected to', async () => {
    const node = await startNode({ onExec: answering(success('sync')) });
    expect(
      (
        await run(
          { ...node.endpoint, address: 'node1.corp.example.com' },
          'sync',
          {},
          { resolve: async () => ['169.254.169.254', '127.0.0.1'] },
        )
      ).kind,
    ).toBe('ok');
  });

  test('loopback is refused outside the lab', async () => {
    const node = await startNode();
    expect(await run(node, 'sync', {}, { allowLoopback: false })).toMatchObject({
      kind: 'unreachable',
      cause: 'address',
    });
    expect(node.counts.connections).toBe(0);
  });

  test('arguments that do not fit are not sent', async () => {
    const node = await startNode();
    const tooLong = { ...arcArguments, region: 'x'.repeat(5000) };
    const outcome = await run(node, 'initializeArcIntegration', tooLong);
    expect(outcome).toMatchObject({ kind: 'protocol', sent: false, detail: expect.stringContaining('/region') });
    expect(node.counts.connections).toBe(0);
  });
});
