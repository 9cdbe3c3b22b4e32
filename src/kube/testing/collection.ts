import type { ServerResponse } from 'node:http';
import { Type, type Static } from 'typebox';
import type { ResourceType } from '../resource.ts';
import { ObjectMeta, parser } from '../schema.ts';
import { answer, answerStatus, send, startStream, type Handler, type SeenRequest } from './fault-server.ts';

const Widget = Type.Object({ metadata: ObjectMeta, size: Type.Integer() });
export type Widget = Static<typeof Widget>;

export const widgets: ResourceType<Widget> = {
  group: 'example.com',
  version: 'v1',
  plural: 'widgets',
  kind: 'Widget',
  namespaced: true,
  parse: parser('Widget', Widget),
};

/** What a list and a watch of one kind are answered from. */
export interface Collection {
  /** Creates or changes; returns the object. */
  put(name: string, size: number): Widget;
  remove(name: string): void;
  /** Forgets history: watches from before now are answered 410. */
  compact(): void;
  list(): Widget[];
  /** The watches that are open. */
  watches: Set<ServerResponse>;
  resourceVersion(): string;
  handle: Handler;
}

/** @param streams whether a watch can start with everything there is */
export function createCollection(streams = true): Collection {
  const objects = new Map<string, Widget>();
  const history: { version: number; type: string; object: Widget }[] = [];
  const watches = new Set<ServerResponse>();
  let version = 10;
  let oldest = version;

  function happen(type: string, object: Widget): Widget {
    history.push({ version, type, object });
    for (const open of watches) send(open, type, object);
    return object;
  }

  const next = (name: string, uid: string, size: number): Widget => ({
    metadata: { namespace: 'default', name, uid, resourceVersion: String(++version) },
    size,
  });

  function watch(request: SeenRequest, response: ServerResponse): void {
    const isInitial = request.query.get('sendInitialEvents') === 'true';
    if (isInitial && !streams) return answerStatus(response, 422, 'Invalid');
    const from = isInitial ? version : Number(request.query.get('resourceVersion'));
    if (from < oldest) return answerStatus(response, 410, 'Expired');
    startStream(response);
    if (isInitial) {
      for (const object of objects.values()) send(response, 'ADDED', object);
      const annotations = { 'k8s.io/initial-events-end': 'true' };
      send(response, 'BOOKMARK', { metadata: { resourceVersion: String(version), annotations } });
    }
    for (const event of history) if (event.version > from) send(response, event.type, event.object);
    watches.add(response);
    response.on('close', () => watches.delete(response));
  }

  return {
    put(name, size) {
      const previous = objects.get(name);
      const object = next(name, previous?.metadata.uid ?? `uid-${version + 1}`, size);
      objects.set(name, object);
      return happen(previous === undefined ? 'ADDED' : 'MODIFIED', object);
    },
    remove(name) {
      const previous = objects.get(name);
      if (previous === undefined) return;
      objects.delete(name);
      happen('DELETED', next(name, previous.metadata.uid, previous.size));
    },
    compact() {
      oldest = version;
      history.length = 0;
    },
    list: () => [...objects.values()],
    watches,
    resourceVersion: () => String(version),
    handle(request, response) {
      if (request.query.get('watch') === 'true') watch(request, response);
      else answer(response, 200, { metadata: { resourceVersion: String(version) }, items: [...objects.values()] });
    },
  };
}
