import { Type } from 'typebox';
import { Value } from 'typebox/value';

const List = Type.Object({
  kind: Type.String(),
  apiVersion: Type.String(),
  metadata: Type.Object({ resourceVersion: Type.String() }),
  items: Type.Array(Type.Record(Type.String(), Type.Unknown())),
});

/** The path of the list that an old view is read by: the API server itself answers from that revision. */
export function listAt(target: URL, revision: bigint): string {
  const query = new URLSearchParams({ resourceVersion: String(revision), resourceVersionMatch: 'Exact' });
  for (const name of ['labelSelector', 'fieldSelector', 'limit']) {
    const value = target.searchParams.get(name);
    if (value !== null) query.set(name, value);
  }
  return `${target.pathname}?${query.toString()}`;
}

/** The same as the start of a streaming list (`sendInitialEvents`): an event for each object, and the bookmark that ends them. */
export function initialEvents(answer: unknown): { events: string; resourceVersion: string } {
  const { kind: listKind, apiVersion, metadata, items } = Value.Parse(List, answer);
  const kind = listKind.replace(/List$/, '');
  const { resourceVersion } = metadata;
  const annotations = { 'k8s.io/initial-events-end': 'true' };
  const events = [
    ...items.map((item) => ({ type: 'ADDED', object: { kind, apiVersion, ...item } })),
    { type: 'BOOKMARK', object: { kind, apiVersion, metadata: { resourceVersion, annotations } } },
  ];
  return { events: events.map((event) => `${JSON.stringify(event)}\n`).join(''), resourceVersion };
}
