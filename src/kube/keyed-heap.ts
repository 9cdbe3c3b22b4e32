/** Keys in the order of their ranks; of equal ranks, in the order in which they were set. A key is in it once. */
export interface KeyedHeap {
  /** Puts the key in, or moves it. */
  set(key: string, rank: number): void;
  delete(key: string): void;
  rankOf(key: string): number | undefined;
  first(): { key: string; rank: number } | undefined;
  clear(): void;
  readonly size: number;
}

interface Entry {
  key: string;
  rank: number;
  order: number;
  position: number;
}

export function createKeyedHeap(): KeyedHeap {
  const entries = new Map<string, Entry>();
  const heap: Entry[] = [];
  let order = 0;

  const isBefore = (left: Entry, right: Entry) =>
    left.rank === right.rank ? left.order < right.order : left.rank < right.rank;

  function place(entry: Entry, position: number): void {
    heap[position] = entry;
    entry.position = position;
  }

  function rise(entry: Entry): void {
    let position = entry.position;
    while (position > 0) {
      const parent = heap[(position - 1) >> 1];
      if (parent === undefined || isBefore(parent, entry)) break;
      const above = parent.position;
      place(parent, position);
      position = above;
    }
    place(entry, position);
  }

  function sink(entry: Entry): void {
    let position = entry.position;
    for (;;) {
      const left = heap[2 * position + 1];
      const right = heap[2 * position + 2];
      const child = left !== undefined && right !== undefined && isBefore(right, left) ? right : left;
      if (child === undefined || isBefore(entry, child)) break;
      const below = child.position;
      place(child, position);
      position = below;
    }
    place(entry, position);
  }

  function remove(key: string): void {
    const entry = entries.get(key);
    if (entry === undefined) return;
    entries.delete(key);
    const last = heap.pop();
    if (last === undefined || last === entry) return;
    place(last, entry.position);
    rise(last);
    sink(last);
  }

  return {
    set(key, rank) {
      remove(key);
      const entry = { key, rank, order: order++, position: heap.length };
      entries.set(key, entry);
      heap.push(entry);
      rise(entry);
    },
    delete: remove,
    rankOf: (key) => entries.get(key)?.rank,
    first: () => heap[0],
    clear() {
      entries.clear();
      heap.length = 0;
    },
    get size() {
      return heap.length;
    },
  };
}
