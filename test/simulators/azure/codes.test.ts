import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

// No refusal without its source, and none that nothing brings about.

const parts = globSync(join(import.meta.dirname, '**/*.ts'));
const textOf = (file: string): string => readFileSync(file, 'utf8');
const errorCode = /(?:Error\(\s*(?:\d+|status),\s*|\bcode: |\brefuse\(\d+, )'(\w+)'/g;
const signInNumber = /(?:SignInRefused\(\s*\d+,\s*'\w+',\s*|signInError\(\s*now,\s*|noMatch\()(\d+)/g;

const codes = new Set(
  parts
    .filter((file) => !file.endsWith('.test.ts'))
    .flatMap((file) => [...textOf(file).matchAll(errorCode), ...textOf(file).matchAll(signInNumber)])
    .flatMap((match) => match.slice(1)),
);
const isIn = (text: string) => (code: string) => new RegExp(`(?<!\\w)(AADSTS)?${code}(?!\\w)`).test(text);

test('the codes are found', () => {
  expect(codes.size).toBeGreaterThan(100);
  for (const code of ['ResourceNotFound', 'ScopeLocked', 'NamespaceInTransition', '7000215', '700212', '53003']) {
    expect(codes).toContain(code);
  }
});

test('every error code stands in test/README.md', () => {
  const readme = textOf(join(import.meta.dirname, '../../README.md'));
  expect([...codes].filter((code) => !isIn(readme)(code))).toEqual([]);
});

test('every error code stands in a test', () => {
  const tests = parts
    .filter((file) => file.endsWith('.test.ts') && file !== import.meta.filename)
    .concat(join(import.meta.dirname, '../../conformance/wrong-requests.test.ts'));
  const text = tests.map(textOf).join('\n');
  expect([...codes].filter((code) => !isIn(text)(code))).toEqual([]);
});
