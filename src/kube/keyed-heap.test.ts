import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { createKeyedHeap } from './keyed-heap.ts';

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
const operation = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), key, rank: fc.nat(5) }),
  fc.record({ kind: fc.constant('delete' as const), key, rank: fc.constant(0) }),
  fc.record({ kind: fc.constant('take' as const), key, rank: fc.constant(0) }),
);

it('is what sorting would make of it', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 100 }), (operations) => {
      const heap = createKeyedHeap();
      let model: { key: string; rank: number }[] = [];
      const sorted = () => model.toSorted((left, right) => left.rank - right.rank);
      for (const each of operations) {
        const gone = each.kind === 'take' ? heap.first()?.key : each.key;
        model = model.filter((entry) => entry.key !== gone);
        if (each.kind === 'set') {
          heap.set(each.key, each.rank);
          model.push({ key: each.key, rank: each.rank });
        } else if (gone !== undefined) {
          heap.delete(gone);
        }
        expect(heap.size).toBe(model.length);
        expect(heap.first()?.key).toBe(sorted()[0]?.key);
        expect(heap.rankOf(each.key)).toBe(model.find((entry) => entry.key === each.key)?.rank);
      }
    }),
    { numRuns: 300 },
  );
});

it('forgets everything', () => {
  const heap = createKeyedHeap();
  heap.set('a', 1);
  heap.clear();
  expect([heap.size, heap.first(), heap.rankOf('a')]).toEqual([0, undefined, undefined]);
});
