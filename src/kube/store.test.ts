import { beforeEach, expect, it } from 'vitest';
import { compareResourceVersions, createStore, type WritableStore } from './store.ts';
import type { Widget } from './testing/collection.ts';

const widget = (name: string, resourceVersion: string, uid = `uid-${name}`, size = 1): Widget => ({
  metadata: { namespace: 'default', name, uid, resourceVersion },
  size,
});

const version = (object: Widget | undefined) => object?.metadata.resourceVersion ?? '-';
const names = (objects: Widget[]) => objects.map(({ metadata }) => metadata.name);

let changes: string[];
let store: WritableStore<Widget, 'size'>;

beforeEach(() => {
  changes = [];
  store = createStore<Widget, 'size'>(
    (key, previous, next) => {
      changes.push(`${key} ${version(previous)} ${version(next)}`);
    },
    { size: ({ size }) => [String(size)] },
  );
});

it('tells each change once', () => {
  store.set(widget('a', '1'));
  store.set(widget('a', '2'));
  store.remove('default/a', '3');
  store.remove('default/a', '3');
  expect(changes).toEqual(['default/a - 1', 'default/a 1 2', 'default/a 2 -']);
});

it('ignores what is not newer', () => {
  store.set(widget('a', '10'));
  store.set(widget('a', '9'));
  store.set(widget('a', '10'));
  store.remove('default/a', '9');
  store.set(widget('a', '8', 'of-an-object-before'));
  expect(changes).toEqual(['default/a - 10']);
  expect(store.get('default/a')?.metadata.resourceVersion).toBe('10');
});

it('takes what the server says when versions cannot be compared', () => {
  store.set(widget('a', 'x2'));
  store.set(widget('a', 'x1'));
  store.set(widget('a', 'x1'));
  store.remove('default/a', 'x0');
  expect(changes).toEqual(['default/a - x2', 'default/a x2 x1', 'default/a x1 -']);
});

it('tells the deletion of an object that was made anew', () => {
  store.set(widget('a', '9', 'old'));
  store.set(widget('a', '10', 'new'));
  expect(changes).toEqual(['default/a - 9', 'default/a 9 -', 'default/a - 10']);
});

it('deletes what there is no more, except what is newer', () => {
  store.set(widget('gone', '1'));
  store.set(widget('changed', '2'));
  store.set(widget('newer', '9'));
  changes.length = 0;
  store.set(widget('changed', '5'));
  store.retain(new Set(['default/changed']), '8');
  expect(changes).toEqual(['default/changed 2 5', 'default/gone 1 -']);
  expect(names(store.list())).toEqual(['changed', 'newer']);
  expect([...store.keys()]).toEqual(['default/changed', 'default/newer']);
  expect(store.size).toBe(2);
});

it('takes over older versions of a server that has gone back in time', () => {
  store.set(widget('kept', '100'));
  store.set(widget('changed', '101'));
  store.set(widget('unborn', '102'));
  changes.length = 0;
  store.rewind();
  store.set(widget('changed', '7'));
  store.set(widget('kept', '3'));
  store.retain(new Set(['default/changed', 'default/kept']), '8');
  expect(changes).toEqual(['default/changed 101 7', 'default/kept 100 3', 'default/unborn 102 -']);
  store.set(widget('kept', '2'));
  expect(store.get('default/kept')?.metadata.resourceVersion).toBe('3');
});

it('finds objects by index, wherever they have moved', () => {
  store.set(widget('a', '1', 'a', 5));
  store.set(widget('b', '2', 'b', 5));
  expect(names(store.byIndex('size', '5'))).toEqual(['a', 'b']);
  store.set(widget('a', '3', 'a', 6));
  expect(names(store.byIndex('size', '5'))).toEqual(['b']);
  expect(names(store.byIndex('size', '6'))).toEqual(['a']);
  store.remove('default/b', '4');
  expect(store.byIndex('size', '5')).toEqual([]);
});

it('keeps what was written until the server has told of it', () => {
  store.set(widget('a', '1'));
  store.setAhead(widget('a', '5'));
  store.setAhead(widget('made', '6'));
  for (const older of ['2', '3']) {
    store.set(widget('a', older));
    store.confirmed(older);
  }
  expect(version(store.get('default/a'))).toBe('5');
  store.set(widget('a', '5'));
  store.confirmed('5');
  store.set(widget('made', '6'));
  store.confirmed('6');
  store.confirmed('100');
  expect(names(store.list())).toEqual(['a', 'made']);
  expect(changes).toEqual(['default/a - 1', 'default/a 1 5', 'default/made - 6']);
});

it('forgets what was written when the server has gone past it without a word', () => {
  store.setAhead(widget('outside-the-selection', '5'));
  store.confirmed('4');
  expect(store.size).toBe(1);
  store.confirmed('5');
  expect(changes).toEqual(['default/outside-the-selection - 5', 'default/outside-the-selection 5 -']);
});

it('does not lose an object that was made anew to the late deletion of the one before', () => {
  store.set(widget('a', '1', 'old'));
  store.setAhead(widget('a', '9', 'new'));
  store.set(widget('a', '7', 'old'));
  store.remove('default/a', '8');
  expect(store.get('default/a')?.metadata.uid).toBe('new');
});

it.each([
  ['2', '1', 1],
  ['1', '1', 0],
  ['10', '9', 1],
  ['9', '10', -1],
  ['99999999999999999999', '99999999999999999998', 1],
  ['same', 'same', 0],
  ['1', 'other', undefined],
  ['', '1', undefined],
])('compareResourceVersions(%s, %s) is %s', (left, right, expected) => {
  expect(compareResourceVersions(left, right)).toBe(expected);
});
