import { expect, test, vi } from 'vitest';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import type { KubeClient, KubeRequest } from '../kube/client.ts';
import { KubeError } from '../kube/kube-error.ts';
import { createArcSecretStore } from './arc-secret.ts';
import { buildRegistration } from './testing/builders.ts';

const Body = Type.Object({
  metadata: Type.Object({
    annotations: Type.Record(Type.String(), Type.String()),
    labels: Type.Record(Type.String(), Type.String()),
  }),
  data: Type.Optional(Type.Record(Type.String(), Type.String())),
});
const password = (keyId: string) => ({
  secretText: `text of ${keyId}`,
  keyId,
  startDateTime: '2026-03-01T00:00:00.000Z',
  endDateTime: '2028-03-01T00:00:00.000Z',
});
const dates = { notBefore: '2026-03-01T00:00:00.000Z', notAfter: '2028-03-01T00:00:00.000Z' };

/** An API server with one Secret, that refuses the next so many writes of a text. */
function given() {
  let secret: object | undefined;
  let refusals = 0;
  const kube: KubeClient = {
    async request({ method, body }: KubeRequest) {
      const metadata = { name: 'hci001-arc-service-principal', namespace: 'edge', uid: 'uid', resourceVersion: '1' };
      if (method === 'PATCH') {
        const written = Value.Parse(Body, body);
        if (written.data !== undefined && refusals > 0) {
          refusals -= 1;
          throw new KubeError({ status: 500, reason: 'InternalError', message: 'refused', retryable: true });
        }
        secret = { ...written, metadata: { ...metadata, ...written.metadata } };
      }
      if (secret === undefined)
        throw new KubeError({ status: 404, reason: 'NotFound', message: 'not found', retryable: false });
      return structuredClone(secret);
    },
    stream: () => Promise.reject(new Error('not expected: a watch')),
    close: async () => {},
  };
  const pause = vi.fn<(ms: number) => Promise<void>>(async () => {});
  return {
    store: createArcSecretStore(kube, buildRegistration(), pause),
    pause,
    refuse: (times: number) => {
      refusals = times;
    },
  };
}
const { signal } = new AbortController();

test('what the nodes hold stays known while its successor is made, kept and handed over', async () => {
  const { store } = given();
  await store.prepare('app');
  await store.keep('app', password('key-1'), {});
  expect(await store.read(signal)).toMatchObject({
    value: { handedOver: undefined, held: { keyId: 'key-1', ...dates }, answered: {} },
  });
  await store.dropText('app');
  await store.prepare('app');
  expect(await store.read(signal)).toMatchObject({ value: { handedOver: { keyId: 'key-1' }, held: undefined } });
  await store.keep('app', password('key-2'), { rotate: '1' });
  expect(await store.readText()).toBe('text of key-2');
  expect(await store.read(signal)).toMatchObject({
    value: { handedOver: { keyId: 'key-1' }, held: { keyId: 'key-2' }, answered: { rotate: '1' } },
  });
  await store.dropText('app');
  await expect(store.readText()).rejects.toThrow('holds no secret');
  expect(await store.read(signal)).toEqual({
    found: true,
    value: {
      appId: 'app',
      handedOver: { keyId: 'key-2', ...dates },
      held: undefined,
      answered: { rotate: '1', repair: undefined },
    },
  });
});

test('of another application nothing is taken over', async () => {
  const { store } = given();
  await store.keep('app', password('key-1'), { rotate: '1' });
  await store.dropText('another');
  expect(await store.read(signal)).toMatchObject({ value: { appId: 'app', held: { keyId: 'key-1' } } });
  await store.prepare('another');
  expect(await store.read(signal)).toEqual({
    found: true,
    value: { appId: 'another', handedOver: undefined, held: undefined, answered: {} },
  });
});

test('a secret that was made is kept at the fourth try; when that fails too, its key id is told, and its text is not', async () => {
  const { store, pause, refuse } = given();
  refuse(3);
  await store.keep('app', password('key-1'), {});
  expect(pause.mock.calls).toEqual([[250], [1000], [4000]]);
  refuse(4);
  const failed: unknown = await store.keep('app', password('key-2'), {}).catch((error: unknown) => error);
  expect(String(failed)).toContain('az ad app credential delete --id app --key-id key-2');
  expect(String(failed)).not.toContain('text of');
});
