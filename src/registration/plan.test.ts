import { expect, test } from 'vitest';
import { plan } from './plan.ts';
import { buildInput } from './testing/builders.ts';

test('nothing is left to do where everything is as it should be', () => {
  expect(plan(buildInput())).toEqual({ pending: [], runnable: [], refusal: undefined });
});
