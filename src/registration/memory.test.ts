import { expect, test } from 'vitest';
import { createMemory, expire, forgetRefusalsOfAzure, readAgain, rememberedKeys } from './memory.ts';
import { after, now, present, unknown } from './testing/builders.ts';

function remembering(keys: readonly ('resource' | 'cluster' | `probe/${string}` | `provider/${string}`)[]) {
  const memory = createMemory();
  for (const key of keys)
    Object.assign(memory.facts, { [key]: { fact: present({}), readAgainAt: after(100), failures: 0 } });
  return memory;
}

test('what a step affects is forgotten, and nothing else', () => {
  const memory = remembering(['resource', 'cluster', 'probe/NODE1', 'probe/NODE2', 'provider/A']);
  expire(memory, ['probe/NODE1', 'arcRoles']);
  expect(rememberedKeys(memory)).toEqual(['resource', 'cluster', 'probe/NODE2', 'provider/A']);
  expire(memory, ['probe/', 'resource']);
  expect(rememberedKeys(memory)).toEqual(['cluster', 'provider/A']);
});

test('a fact is read again earlier, never later', () => {
  const memory = remembering(['resource']);
  readAgain(memory, ['resource', 'cluster'], after(500));
  expect(memory.facts.resource?.readAgainAt).toEqual(after(100));
  readAgain(memory, ['resource', 'cluster'], now);
  expect(memory.facts.resource?.readAgainAt).toEqual(now);
  expect(rememberedKeys(memory)).toEqual(['resource']);
});

test('a restart knows the submissions of status only', () => {
  const submissions = [{ step: 'CreateClusterIdentity', target: 'hci001', submittedTime: 'a', waitUntilTime: 'b' }];
  expect(createMemory(submissions)).toMatchObject({ submissions, facts: {} });
});

test('what another credential may read is read again; a node that is silent is not asked the sooner, and is asked', () => {
  const memory = remembering(['resource', 'cluster', 'probe/NODE1', 'provider/A']);
  for (const key of rememberedKeys(memory).slice(1))
    Object.assign(memory.facts, { [key]: { fact: unknown(), readAgainAt: after(2), failures: 1 } });
  forgetRefusalsOfAzure(memory);
  expect(rememberedKeys(memory)).toEqual(['resource', 'cluster', 'probe/NODE1']);
});
