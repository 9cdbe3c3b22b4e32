import { decodeJwt } from 'jose';
import { Type, type Static } from 'typebox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeClient } from './client.ts';
import { namespaces, secrets } from './core.ts';
import { createEventRecorder } from './events.ts';
import { addFinalizer, removeFinalizer } from './finalizers.ts';
import {
  apply,
  create,
  createServiceAccountToken,
  deleteObject,
  get,
  list,
  mergePatch,
  type ResourceType,
} from './resource.ts';
import { gadgetIn, gadgets } from './testing/gadgets.ts';
import { installGadgets, startRealServer, startTimeoutMs, type RealServer } from './testing/real-server.ts';
import { ObjectMeta, parser, type KubeObject } from './schema.ts';

const fieldManager = 'kube-e2e';
const force = { fieldManager, force: true } as const;
const namespace = 'kube-e2e';

let server: RealServer;
let client: KubeClient;

beforeAll(async () => {
  server = await startRealServer('kube-e2e');
  ({ client } = server);
  await create(client, namespaces, { metadata: { name: namespace } }, { fieldManager });
  await installGadgets(client, fieldManager);
}, startTimeoutMs);

afterAll(() => server?.stop(), 60_000);

const gadget = gadgetIn(namespace);
const applyGadget = (name: string, size = 1) => apply(client, gadgets, gadget(name, { size }), force);
const applyStatus = (name: string, status: object, metadata: object = {}) =>
  apply(client, gadgets, { metadata: { namespace, name, ...metadata }, status }, { ...force, subresource: 'status' });

const recorder = (onError: (error: unknown) => void) =>
  createEventRecorder(client, {
    reportingController: 'example.com/kube-e2e',
    reportingInstance: 'kube-e2e-0',
    repeatAfterMs: 60_000,
    onError,
  });
const subject = async (name: string) => ({
  apiVersion: 'example.com/v1',
  kind: 'Gadget',
  metadata: (await applyGadget(name)).metadata,
});
describe('get', () => {
  it('tells an absent object from a kind that the server does not serve', async () => {
    await expect(get(client, gadgets, { namespace, name: 'nobody' })).resolves.toBeUndefined();
    await expect(get(client, { ...gadgets, plural: 'gizmos' }, { namespace, name: 'nobody' })).rejects.toMatchObject({
      status: 404,
      reason: 'NoStatus',
    });
  });

  it('never takes a collection for an object', async () => {
    const preconditions = { uid: 'any' };
    await expect(deleteObject(client, gadgets, { namespace, name: '' }, { preconditions })).rejects.toThrow(TypeError);
    await expect(deleteObject(client, gadgets, { name: 'a' }, { preconditions })).rejects.toThrow(TypeError);
  });
});

describe('server-side apply', () => {
  it('writes status apart from spec, and removes what it no longer says', async () => {
    const created = await applyGadget('status');
    const first = await applyStatus('status', { phase: 'Ready', note: 'first' });
    expect(first).toMatchObject({ spec: { size: 1 }, status: { phase: 'Ready', note: 'first' } });
    expect(first.metadata.generation).toBe(created.metadata.generation);
    const second = await applyStatus('status', { phase: 'Ready' });
    expect(second.status).toEqual({ phase: 'Ready' });
    const respecified = await applyGadget('status', 2);
    expect(respecified).toMatchObject({ spec: { size: 2 }, status: { phase: 'Ready' } });
    expect(respecified.metadata.generation).toBe(2);
    expect(respecified.metadata).not.toHaveProperty('managedFields');
  });

  it('does not touch an object through the status of an absent one', async () => {
    await expect(applyStatus('nobody', { phase: 'Ready' })).rejects.toMatchObject({ status: 404, reason: 'NotFound' });
  });

  it('is a conflict when another manager owns the field, unless forced', async () => {
    await applyGadget('owned', 1);
    const body = gadget('owned', { size: 2 });
    const other = { fieldManager: 'another', force: false };
    await expect(apply(client, gadgets, body, other)).rejects.toMatchObject({
      status: 409,
      reason: 'Conflict',
      retryable: false,
    });
    await expect(apply(client, gadgets, body, { ...other, force: true })).resolves.toMatchObject({ spec: { size: 2 } });
  });

  it('is a conflict for another version or another object than the one meant', async () => {
    const { metadata } = await applyGadget('version');
    await applyStatus('version', { phase: 'Ready' });
    const { resourceVersion } = metadata;
    await expect(applyStatus('version', { phase: 'Late' }, { resourceVersion })).rejects.toMatchObject({
      reason: 'Conflict',
    });
    const body = gadget('another-object', { size: 1 }, { uid: metadata.uid });
    await expect(apply(client, gadgets, body, force)).rejects.toMatchObject({ reason: 'Conflict' });
    await expect(get(client, gadgets, { namespace, name: 'another-object' })).resolves.toBeUndefined();
  });

  it('names what the API server refuses', async () => {
    await expect(apply(client, gadgets, gadget('invalid', { size: -1 }), force)).rejects.toMatchObject({
      reason: 'Invalid',
      retryable: false,
      message: expect.stringContaining('spec.size'),
    });
  });
});

describe('finalizers', () => {
  const finalizer = 'example.com/e2e';

  it('are added and removed, and hold the object in between', async () => {
    const name = { namespace, name: 'held' };
    const created = await applyGadget('held');
    const added = await addFinalizer(client, gadgets, created, finalizer, { fieldManager });
    if (added.outcome !== 'done') throw new Error(added.outcome);
    expect(added.object.metadata.finalizers).toEqual([finalizer]);
    await expect(addFinalizer(client, gadgets, added.object, finalizer, { fieldManager })).resolves.toEqual(added);

    const preconditions = { uid: created.metadata.uid };
    await expect(deleteObject(client, gadgets, name, { preconditions })).resolves.toBe('deleted');
    const deleting = await get(client, gadgets, name);
    if (deleting === undefined) throw new Error('the finalizer did not hold the object');
    expect(deleting.metadata.deletionTimestamp).toBeDefined();

    await expect(removeFinalizer(client, gadgets, added.object, finalizer, { fieldManager })).resolves.toEqual({
      outcome: 'conflict',
    });
    await expect(removeFinalizer(client, gadgets, deleting, finalizer, { fieldManager })).resolves.toMatchObject({
      outcome: 'done',
    });
    await expect(get(client, gadgets, name)).resolves.toBeUndefined();
    await expect(removeFinalizer(client, gadgets, deleting, finalizer, { fieldManager })).resolves.toEqual({
      outcome: 'absent',
    });
  });

  it('are not added to a changed object, nor to another one of the same name', async () => {
    const created = await applyGadget('changed');
    await applyGadget('changed', 2);
    await expect(addFinalizer(client, gadgets, created, finalizer, { fieldManager })).resolves.toEqual({
      outcome: 'conflict',
    });
    await deleteObject(client, gadgets, created.metadata, { preconditions: { uid: created.metadata.uid } });
    await applyGadget('changed');
    await expect(addFinalizer(client, gadgets, created, finalizer, { fieldManager })).resolves.toEqual({
      outcome: 'conflict',
    });
  });

  it('leave those of others alone', async () => {
    await applyGadget('shared');
    const others = await mergePatch(
      client,
      gadgets,
      { namespace, name: 'shared' },
      { metadata: { finalizers: ['example.com/other'] } },
      { fieldManager: 'another' },
    );
    const added = await addFinalizer(client, gadgets, others, finalizer, { fieldManager });
    if (added.outcome !== 'done') throw new Error(added.outcome);
    expect(added.object.metadata.finalizers).toEqual(['example.com/other', finalizer]);
    await expect(removeFinalizer(client, gadgets, added.object, finalizer, { fieldManager })).resolves.toMatchObject({
      object: { metadata: { finalizers: ['example.com/other'] } },
    });
  });
});

describe('create and delete', () => {
  it('deletes only the object that is meant', async () => {
    const name = { namespace, name: 'secret' };
    const created = await create(client, secrets, { metadata: name, data: { key: 'dmFsdWU=' } }, { fieldManager });
    expect(created.data).toEqual({ key: 'dmFsdWU=' });
    await expect(create(client, secrets, { metadata: name }, { fieldManager })).rejects.toMatchObject({
      reason: 'AlreadyExists',
    });
    const { uid, resourceVersion } = created.metadata;
    const remove = (preconditions: { uid: string; resourceVersion?: string }) =>
      deleteObject(client, secrets, name, { preconditions });
    await expect(remove({ uid: 'another' })).resolves.toBe('conflict');
    await expect(remove({ uid, resourceVersion: '1' })).resolves.toBe('conflict');
    await expect(remove({ uid, resourceVersion })).resolves.toBe('deleted');
    await expect(remove({ uid })).resolves.toBe('absent');
  });
});

describe('service account tokens', () => {
  it('are issued for an audience, and what their holder may not do is an error of its own', async () => {
    const serviceAccounts: ResourceType<KubeObject> = { ...secrets, plural: 'serviceaccounts', kind: 'ServiceAccount' };
    await create(client, serviceAccounts, { metadata: { namespace, name: 'robot' } }, { fieldManager });
    const before = Date.now();
    const { token, expirationTimestamp } = await createServiceAccountToken(
      client,
      { namespace, name: 'robot' },
      { audiences: ['api://AzureADTokenExchange'], expirationSeconds: 3600 },
    );
    expect(decodeJwt(token)).toMatchObject({
      sub: `system:serviceaccount:${namespace}:robot`,
      aud: ['api://AzureADTokenExchange'],
    });
    expect(Date.parse(expirationTimestamp)).toBeGreaterThan(before);

    const robot = await server.connect(await server.controlPlane.kubeconfigFor({ namespace, name: 'robot' }));
    await expect(get(robot, secrets, { namespace, name: 'any' })).rejects.toMatchObject({
      status: 403,
      reason: 'Forbidden',
      retryable: false,
    });
    await robot.close();
  });
});

describe('events', () => {
  const Event = Type.Object({
    metadata: ObjectMeta,
    note: Type.String(),
    reason: Type.String(),
    type: Type.String(),
    regarding: Type.Object({ uid: Type.Optional(Type.String()) }),
    reportingController: Type.String(),
  });
  const events: ResourceType<Static<typeof Event>> = {
    group: 'events.k8s.io',
    version: 'v1',
    plural: 'events',
    kind: 'Event',
    namespaced: true,
    parse: parser('Event', Event),
  };
  const content = { type: 'Normal', reason: 'Registered', action: 'Register', note: 'registered' } as const;
  const eventsOf = async (uid: string) =>
    (await list(client, events, { namespace })).items.filter(({ regarding }) => regarding.uid === uid);

  it('are written once for each change', async () => {
    const errors: unknown[] = [];
    const recording = recorder((error) => errors.push(error));
    const about = await subject('events');
    await recording.record(about, content);
    await recording.record(about, content);
    await recording.record(about, { ...content, type: 'Warning', reason: 'Lost', note: 'lost' });
    const written = await eventsOf(about.metadata.uid);
    expect(written.map(({ reason, note, type }) => `${type} ${reason} ${note}`).toSorted()).toEqual([
      'Normal Registered registered',
      'Warning Lost lost',
    ]);
    expect(written[0]?.reportingController).toBe('example.com/kube-e2e');
    expect(errors).toEqual([]);
  });

  it('are counted in one event when they are repeated', async () => {
    const about = await subject('repeated-event');
    const recording = createEventRecorder(client, {
      reportingController: 'example.com/kube-e2e',
      reportingInstance: 'kube-e2e-0',
      repeatAfterMs: 0,
      onError: (error) => expect.unreachable(String(error)),
    });
    for (let i = 0; i < 3; i++) await recording.record(about, content);
    expect(await eventsOf(about.metadata.uid)).toMatchObject([{ note: 'registered', series: { count: 3 } }]);
  });

  it('are cut to what the API server takes, between characters', async () => {
    const errors: unknown[] = [];
    const about = await subject('long-event');
    await recorder((error) => errors.push(error)).record(about, { ...content, note: `x${'ü'.repeat(2000)}` });
    expect(errors).toEqual([]);
    const [event] = await eventsOf(about.metadata.uid);
    expect(event?.note).toMatch(/^xü+…$/);
    expect(Buffer.byteLength(event?.note ?? '')).toBeGreaterThan(1020);
  });

  it('report a failure, throw nothing, and are tried again the next time', async () => {
    const errors: unknown[] = [];
    const recording = recorder((error) => errors.push(error));
    const about = {
      ...(await subject('lost-event')),
      metadata: { namespace: 'no-such-namespace', name: 'a', uid: 'a' },
    };
    await recording.record(about, content);
    await recording.record(about, content);
    expect(errors).toMatchObject([{ reason: 'NotFound' }, { reason: 'NotFound' }]);
  });
});
