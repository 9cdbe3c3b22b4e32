import { beforeEach, expect, it } from 'vitest';
import { createStore, isNewer, type WritableStore } from './store.ts';
import type { Widget } from './testing/collection.ts';

const widget = (name: string, resourceVersion: string, uid = `uid-${name}`): Widget => ({
  metadata: { namespace: 'default', name, uid, resourceVersion },
  size: 1,
});

const version = (object: Widget | undefined) => object?.metadata.resourceVersion ?? '-';

let changes: string[];
let store: WritableStore<Widget>;

beforeEach(() => {
  changes = [];
  store = createStore<Widget>((key, previous, next) => {
    changes.push(`${key} ${version(previous)} ${version(next)}`);
  });
});

it('tells each change once', () => {
  store.set(widget('a', '1'));
  store.set(widget('a', '2'));
  store.remove('default/a');
  store.remove('default/a');
  expect(changes).toEqual(['default/a - 1', 'default/a 1 2', 'default/a 2 -']);
});

it('ignores what is not newer', () => {
  store.set(widget('a', '10'));
  store.set(widget('a', '9'));
  store.set(widget('a', '10'));
  expect(changes).toEqual(['default/a - 10']);
  expect(store.get('default/a')?.metadata.resourceVersion).toBe('10');
});

it('tells the deletion of an object that was made anew, whatever the versions', () => {
  store.set(widget('a', '10', 'old'));
  store.set(widget('a', '9', 'new'));
  expect(changes).toEqual(['default/a - 10', 'default/a 10 -', 'default/a - 9']);
});

it('deletes what a list lacks, except what is newer than the list', () => {
  store.set(widget('gone', '1'));
  store.set(widget('changed', '2'));
  store.set(widget('same', '3'));
  store.set(widget('newer', '9'));
  changes.length = 0;
  store.replace([widget('changed', '5'), widget('same', '3')], '8');
  expect(changes).toEqual(['default/gone 1 -', 'default/changed 2 5']);
  expect(store.list().map(({ metadata }) => metadata.name)).toEqual(['changed', 'same', 'newer']);
  expect(store.size).toBe(3);
});

it.each([
  ['2', '1', true],
  ['1', '1', false],
  ['10', '9', true],
  ['9', '10', false],
  ['99999999999999999999', '99999999999999999998', true],
])('isNewer(%s, %s) is %s', (left, right, expected) => expect(isNewer(left, right)).toBe(expected));
