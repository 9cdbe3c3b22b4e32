import { expect, test } from 'vitest';
import { choose, repeat, type Choice, type NamedWrite } from './cases.ts';
import { modes } from './modes.ts';

const onNodes = Array.from({ length: 20 }, (_, index): NamedWrite => ({
  name: `NODE${index} sync`,
  series: 'nodes',
  fault: { cluster: 'c', node: `NODE${index}`, operation: 'sync' },
}));
const writes: NamedWrite[] = [
  ...onNodes,
  { name: 'PUT g', series: 'azure', fault: { method: 'PUT', host: 'arm', path: 'g' } },
  { name: 'PATCH secret s', series: 'kubernetes' },
];
const choice = (given: Partial<Choice> = {}): Choice => ({
  seed: '1',
  kubernetes: false,
  modes: undefined,
  only: undefined,
  sample: undefined,
  ...given,
});

test('without a wish: kill-after for each write to Azure and nodes, and one further mode', () => {
  const cases = choose(writes, choice());
  for (const { name } of writes.filter(({ series }) => series !== 'kubernetes')) {
    const chosen = cases.filter(({ write }) => write === name).map(({ mode }) => mode);
    expect(chosen).toHaveLength(2);
    expect(chosen.filter((mode) => mode === 'kill-after')).toHaveLength(1);
  }
  expect(cases.some(({ write }) => write === 'PATCH secret s')).toBe(false);
  expect(new Set(cases.map(({ mode }) => mode)).size).toBe(modes.length);
});

test('a seed chooses the same again, another seed something else', () => {
  expect(choose(writes, choice())).toEqual(choose(writes, choice()));
  expect(choose(writes, choice())).not.toEqual(choose(writes, choice({ seed: '2' })));
  const sampled = choose(writes, choice({ sample: 5 }));
  expect(sampled).toHaveLength(5);
  expect(choose(writes.toReversed(), choice({ sample: 5 }))).toEqual(sampled);
});

test('one case by itself is the case that it was among the others', () => {
  for (const one of choose(writes, choice({ modes }))) {
    expect(choose(writes, choice({ modes: [one.mode], only: one.write }))).toEqual([one]);
    expect(repeat('register', one, '1')).toBe(
      `npm run crash -- register --seed 1 --mode ${one.mode} --only '${one.write}'`,
    );
  }
  const [kubernetes] = choose(writes, choice({ kubernetes: true }));
  if (kubernetes === undefined) throw new Error('there is a write to Kubernetes');
  expect(repeat('register', kubernetes, '1')).toContain(' --kubernetes ');
});

test('a name that no write has is refused, with those that there are', () => {
  expect(() => choose(writes, choice({ only: 'PUT h' }))).toThrow(/no write "PUT h"[\s\S]*\n {2}PUT g/);
});
