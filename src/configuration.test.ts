import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfiguration } from './configuration.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'configuration-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function read(text: string) {
  const file = join(directory, 'controller.yaml');
  await writeFile(file, text);
  return readConfiguration(file);
}
const defaults = {
  clouds: {},
  managedIdentityNamespaces: [],
  allowLoopbackNodeAddresses: false,
  workers: 32,
  massDeletion: { limit: 10, windowMinutes: 10 },
  leaderElection: { enabled: true },
  server: { port: 8080 },
  logLevel: 'info',
};

test('without a file, and with an empty one, the defaults hold', async () => {
  expect(await readConfiguration(undefined)).toEqual(defaults);
  expect(await read('')).toEqual(defaults);
  expect(await read('# nothing yet\n')).toEqual(defaults);
});

test('what is written is taken', async () => {
  const text =
    'workers: 3\nclouds: { AzureCloud: { login: "https://login.example.com" } }\nmanagedIdentityNamespaces: [edge]\n';
  expect(await read(text)).toEqual({
    ...defaults,
    workers: 3,
    clouds: { AzureCloud: { login: 'https://login.example.com' } },
    managedIdentityNamespaces: ['edge'],
  });
});

describe('what is wrong is named, with file and field', () => {
  test.each([
    ['workers: many', /controller\.yaml is not valid: workers /],
    ['workers: 0', /workers /],
    ['workers: 65', /workers /],
    ['logLevel: loud', /logLevel /],
    ['instanceId: "a/b"', /instanceId /],
    ['clouds: { AzureCloud: { login: 7 } }', /clouds\.AzureCloud\.login /],
    ['worker: 3', /worker\b/],
    ['clouds: { AzureCloud: { graphScope: https://graph.example.com } }', /graphScope/],
    ['clouds: { AzureGermanCloud: {} }', /AzureGermanCloud/],
    ['- a', /controller\.yaml is not valid: the file /],
    ['text', /controller\.yaml is not valid: the file /],
    ['a: [', /./],
  ])('%s', async (text, message) => {
    await expect(read(text)).rejects.toThrow(message);
  });
  test('a file that is not there', async () => {
    await expect(readConfiguration(join(directory, 'none.yaml'))).rejects.toThrow(/none\.yaml/);
  });
});
