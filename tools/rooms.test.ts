import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rooms-'));
  await mkdir(join(directory, 'tools'));
  await writeFile(join(directory, 'package.json'), '{"type":"module"}');
  await copyFile(join(import.meta.dirname, 'rooms.ts'), join(directory, 'tools/rooms.ts'));
});
afterEach(() => rm(directory, { recursive: true }));

async function judge(files: Record<string, string>) {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  const { status, stdout } = spawnSync(process.execPath, [join(directory, 'tools/rooms.ts')], { encoding: 'utf8' });
  return { status, stdout };
}

test.each([
  ['src/kube/client.ts', '../azure/errors.ts'],
  ['src/kube/client.ts', '@azure/identity'],
  ['src/azure/reads.ts', '../kube/client.ts'],
  ['src/azure/reads.ts', '../registration/plan.ts'],
  ['src/azure/reads.ts', '@kubernetes/client-node'],
  ['src/nodes/ssh.ts', '../azure/errors.ts'],
  ['src/api/spec.ts', '../kube/client.ts'],
  ['src/registration/plan.ts', './act.ts'],
  ['src/registration/plan.ts', '../azure/reads.ts'],
  ['src/registration/report.ts', 'node:fs/promises'],
  ['src/registration/guards.ts', '@azure/core-rest-pipeline'],
  ['src/registration/steps/sync.ts', './sync.act.ts'],
  ['src/registration/steps/sync.ts', '../clients.ts'],
  ['src/main.ts', '../test/lab/lab.ts'],
])('%s must not import %s', async (file, imported) => {
  const { status, stdout } = await judge({ [file]: `import { x } from '${imported}';\n` });
  expect(status).toBe(1);
  expect(stdout).toMatch(new RegExp(`^${file} imports .*: .+\\n$`));
});

test.each([
  ['an import over several lines', "import {\n  x,\n} from '../azure/errors.ts';"],
  ['an import of types', "import type { X } from '../azure/errors.ts';"],
  ['an export from elsewhere', "export { x } from '../azure/errors.ts';"],
  ['an import for its effect', "import '../azure/errors.ts';"],
  ['an import at run time', "await import('../azure/errors.ts');"],
])('%s counts', async (_, text) => {
  expect((await judge({ 'src/kube/client.ts': text })).status).toBe(1);
});

test('what keeps to its room passes, and tests and their helpers may look anywhere', async () => {
  const { status, stdout } = await judge({
    'src/registration/plan.ts': "import { a } from '../azure/resource-ids.ts';\nimport { b } from './guards.ts';\n",
    'src/registration/steps/sync.act.ts': "import { a } from '../clients.ts';\n",
    'src/registration/plan.test.ts': "import { a } from './act.ts';\n",
    'src/registration/testing/world.ts': "import { a } from '../act.ts';\n",
  });
  expect({ status, stdout }).toEqual({ status: 0, stdout: '2 files keep to their rooms\n' });
});
