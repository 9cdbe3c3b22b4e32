import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { answer, answerStatus, send, startStream, type Handler } from './testing/fault-server.ts';
import { sizeOf, soon, startReflectorLab, type ReflectorLab } from './testing/reflector-lab.ts';

let lab: ReflectorLab;
beforeEach(async () => {
  // A server that does not stream: reading everything and watching are apart. Of one that does: reflector.streaming.test.ts.
  lab = await startReflectorLab(false);
});
afterEach(() => lab.close());

describe('list and watch', () => {
  it('tells additions, changes and deletions', async () => {
    lab.collection.put('a', 1);
    const reflector = lab.start();
    await reflector.synced;
    await lab.openWatch();
    lab.collection.put('a', 2);
    lab.collection.put('b', 3);
    lab.collection.remove('a');
    await lab.expectToFollow(reflector);
    expect(lab.changes.slice(0, 4)).toEqual([
      'default/a - uid-11/1',
      'default/a uid-11/1 uid-11/2',
      'default/b - uid-13/3',
      'default/a uid-11/2 -',
    ]);
    expect(lab.errors).toEqual([]);
  });

  it('has synced when all of the first list has been told', async () => {
    lab.collection.put('a', 1);
    const seen: boolean[] = [];
    const reflector = lab.start({ onChange: () => seen.push(reflector.hasSynced()) });
    expect(reflector.hasSynced()).toBe(false);
    await reflector.synced;
    expect(reflector.hasSynced()).toBe(true);
    expect(seen).toEqual([false]);
  });

  it('asks for pages, bookmarks, a bounded watch and its selection', async () => {
    const reflector = lab.start({ namespace: 'default', labelSelector: 'size=big' });
    await lab.expectToFollow(reflector);
    expect(lab.lists()[0]).toMatchObject({ path: '/apis/example.com/v1/namespaces/default/widgets' });
    expect(lab.lists()[0]?.query.toString()).toBe('limit=500&labelSelector=size%3Dbig');
    const query = lab.watches()[0]?.query;
    expect(query?.get('allowWatchBookmarks')).toBe('true');
    expect(query?.get('resourceVersion')).toBe('10');
    expect(query?.get('labelSelector')).toBe('size=big');
    const seconds = Number(query?.get('timeoutSeconds'));
    expect(seconds).toBeGreaterThanOrEqual(300);
    expect(seconds).toBeLessThanOrEqual(600);
  });

  it('reads all pages, and starts again with one answer when the snapshot has expired', async () => {
    const [a, b, c] = [lab.collection.put('a', 1), lab.collection.put('b', 2), lab.collection.put('c', 3)];
    const page = (items: unknown[], next?: string): Handler => {
      const metadata = { resourceVersion: lab.collection.resourceVersion(), continue: next };
      return (_request, response) => answer(response, 200, { metadata, items });
    };
    lab.listFaults = [
      page([a], 'two'),
      page([b], 'three'),
      (_request, response) => answerStatus(response, 410, 'Expired'),
      page([b, c]),
    ];
    const reflector = lab.start();
    await reflector.synced;
    expect(lab.lists().map(({ query }) => query.toString())).toEqual([
      'limit=500',
      'limit=500&continue=two',
      'limit=500&continue=three',
      '',
    ]);
    expect(reflector.store.list()).toEqual([b, c]);
  });

  it('goes on from the last bookmark', async () => {
    lab.watchFaults = [
      (_request, response) => {
        send(startStream(response), 'BOOKMARK', { metadata: { resourceVersion: '4711' } });
        response.end();
      },
    ];
    lab.start();
    await vi.waitFor(() => expect(lab.watches()[1]?.query.get('resourceVersion')).toBe('4711'), soon);
  });

  it('keeps no managedFields', async () => {
    const written = lab.collection.put('a', 1);
    Object.assign(written.metadata, { managedFields: [{ manager: 'somebody' }] });
    const reflector = lab.start();
    await reflector.synced;
    expect(reflector.store.get('default/a')?.metadata).not.toHaveProperty('managedFields');
    await lab.openWatch();
    send(await lab.openWatch(), 'MODIFIED', { ...written, metadata: { ...written.metadata, resourceVersion: '99' } });
    await vi.waitFor(() => expect(reflector.store.get('default/a')?.metadata.resourceVersion).toBe('99'), soon);
    expect(reflector.store.get('default/a')?.metadata).not.toHaveProperty('managedFields');
  });

  it('leaves out and reports an object that its type refuses', async () => {
    lab.collection.put('good', 1);
    Object.assign(lab.collection.put('bad', 2), { size: 'large' });
    const reflector = lab.start();
    await reflector.synced;
    expect(reflector.store.list()).toHaveLength(1);
    Object.assign(lab.collection.put('good', 3), { size: 'large' });
    const { metadata } = lab.collection.put('good', 4);
    send(await lab.openWatch(), 'MODIFIED', { metadata: { ...metadata, resourceVersion: '50' }, size: 'large' });
    await vi.waitFor(() => expect(reflector.store.size).toBe(0), soon);
    expect(lab.errors.at(0)).toMatchObject({ reason: 'InvalidAnswer', message: 'Widget/size must be integer' });
    expect(lab.errors.length).toBeGreaterThanOrEqual(2);
  });
});

describe('handlers', () => {
  it('survives a handler that throws', async () => {
    lab.collection.put('a', 1);
    const onChange = vi.fn<() => void>(() => {
      throw new Error('handler');
    });
    const reflector = lab.start({ onChange });
    await lab.expectToFollow(reflector);
    expect(sizeOf(reflector, 'a')).toBe(1);
    expect(lab.errors).toEqual([new Error('handler'), new Error('handler')]);
    expect(lab.watches()).toHaveLength(1);
  });

  it('survives a reporter that throws', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    lab.listFaults = [(_request, response) => answerStatus(response, 500, 'InternalError')];
    const onError = vi.fn<() => void>(() => {
      throw new Error('reporter');
    });
    await lab.expectToFollow(lab.start({ onError }));
    expect(onError).toHaveBeenCalledOnce();
    expect(warned).toHaveBeenCalledWith(new Error('reporter'));
    warned.mockRestore();
  });
});

describe('own writes', () => {
  it('are seen at once, and their events are not told again', async () => {
    const reflector = lab.start();
    await lab.expectToFollow(reflector);
    const watch = await lab.openWatch();
    lab.collection.watches.delete(watch);
    const written = lab.collection.put('probe', 77);
    reflector.record(written);
    expect(sizeOf(reflector, 'probe')).toBe(77);
    lab.collection.watches.add(watch);
    send(watch, 'MODIFIED', written);
    lab.collection.put('probe', 78);
    await vi.waitFor(() => expect(sizeOf(reflector, 'probe')).toBe(78), soon);
    expect(lab.changes.slice(1)).toEqual(['default/probe uid-11/10 uid-11/77', 'default/probe uid-11/77 uid-11/78']);
  });

  it('are there before the server tells of them, also of an object that was not there', async () => {
    const reflector = lab.start();
    await lab.expectToFollow(reflector);
    const watch = await lab.openWatch();
    lab.collection.watches.delete(watch);
    const made = lab.collection.put('made', 1);
    reflector.record(made);
    expect(sizeOf(reflector, 'made')).toBe(1);
    // What happened before it is told only now.
    const { metadata } = lab.collection.list()[0] ?? made;
    send(watch, 'MODIFIED', { metadata: { ...metadata, resourceVersion: '11' }, size: 11 });
    send(watch, 'ADDED', made);
    lab.collection.watches.add(watch);
    await lab.expectToFollow(reflector);
    expect(sizeOf(reflector, 'made')).toBe(1);
    expect(lab.changes.filter((change) => change.startsWith('default/made'))).toEqual(['default/made - uid-12/1']);
  });

  it('do not bring back what is gone', async () => {
    const reflector = lab.start();
    await lab.expectToFollow(reflector);
    const late = lab.collection.put('a', 1);
    lab.collection.remove('a');
    await lab.expectToFollow(reflector);
    reflector.record(late);
    expect(reflector.store.get('default/a')).toBeUndefined();
    const outside = { ...late, metadata: { ...late.metadata, name: 'outside', resourceVersion: '9999' } };
    reflector.record(outside);
    expect(reflector.store.get('default/outside')).toBeDefined();
    send(await lab.openWatch(), 'BOOKMARK', { metadata: { resourceVersion: '9999' } });
    await vi.waitFor(() => expect(reflector.store.get('default/outside')).toBeUndefined(), soon);
  });
});

describe('stop', () => {
  it('is final while a watch is being opened', async () => {
    const held = Promise.withResolvers<ServerResponse>();
    lab.watchFaults = [(_request, response) => held.resolve(response)];
    lab.start();
    const response = await held.promise;
    lab.stop.abort();
    await lab.running;
    send(startStream(response), 'ADDED', lab.collection.put('late', 1));
    await lab.client.request({ method: 'GET', path: '/apis/example.com/v1/widgets' });
    expect(lab.changes).toEqual([]);
    expect(lab.watches()).toHaveLength(1);
  });

  it('is final while a list is being answered', async () => {
    const held = Promise.withResolvers<ServerResponse>();
    lab.listFaults = [(_request, response) => held.resolve(response)];
    const reflector = lab.start();
    const response = await held.promise;
    lab.stop.abort();
    await lab.running;
    answer(response, 200, { metadata: { resourceVersion: '1' }, items: [lab.collection.put('late', 1)] });
    expect([lab.changes, lab.errors, reflector.hasSynced()]).toEqual([[], [], false]);
  });

  it('is final during a pause', async () => {
    lab.listFaults = [(_request, response) => answerStatus(response, 500, 'InternalError')];
    const failed = Promise.withResolvers<void>();
    lab.start({ backoffMs: { min: 3_600_000, max: 3_600_000 }, onError: () => failed.resolve() });
    await failed.promise;
    lab.stop.abort();
    await lab.running;
    expect(lab.lists()).toHaveLength(1);
  });

  it('is final within a burst of events', async () => {
    const seen: string[] = [];
    const reflector = lab.start({
      onChange: (key) => {
        seen.push(key);
        if (key === 'default/b') lab.stop.abort();
      },
    });
    await reflector.synced;
    const watch = await lab.openWatch();
    const objects = ['a', 'b', 'c'].map((name) => ({ type: 'ADDED', object: { ...lab.collection.put(name, 1) } }));
    watch.write(objects.map((event) => `${JSON.stringify(event)}\n`).join(''));
    await lab.running;
    reflector.record(lab.collection.put('a', 5));
    expect(seen).toEqual(['default/a', 'default/b']);
    expect(reflector.store.get('default/c')).toBeUndefined();
    expect(lab.errors).toEqual([]);
  });

  it('is final within the first list', async () => {
    lab.collection.put('a', 1);
    lab.collection.put('b', 1);
    const onChange = vi.fn<() => void>(() => lab.stop.abort());
    const reflector = lab.start({ onChange });
    await lab.running;
    expect(onChange).toHaveBeenCalledOnce();
    expect(reflector.hasSynced()).toBe(false);
    await expect(reflector.run(new AbortController().signal)).rejects.toThrow('runs once');
  });

  it('closes its connection', async () => {
    lab.start();
    const watch = await lab.openWatch();
    lab.stop.abort();
    await lab.running;
    await vi.waitFor(() => expect(watch.destroyed).toBe(true), soon);
  });
});
