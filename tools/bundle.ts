import { chmod, copyFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type BuildOptions } from 'esbuild';
import { scriptFiles } from '../src/nodes/script/script.ts';

// One file for the image: it starts in a third of the time and half of the memory that the packages take. The parts of the
// node script stand beside it, as they stand beside script.ts.

const root = join(import.meta.dirname, '..');
const outfile = join(root, 'dist/controller.js');
const pluginFile = join(root, 'dist/kubectl-hci.js');

const options: BuildOptions = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  legalComments: 'linked',
  logLevel: 'warning',
  // Optional native parts of ssh2: it does without them.
  external: ['cpu-features', '*.node'],
  // The CommonJS packages among the dependencies call require.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url), __dirname = import.meta.dirname;",
  },
};
await build({ ...options, entryPoints: [join(root, 'src/main.ts')], outfile });
// Found by kubectl under the name kubectl-hci, so it starts by itself.
const shebang = { js: `#!/usr/bin/env node\n${options.banner?.['js'] ?? ''}` };
await build({ ...options, banner: shebang, entryPoints: [join(root, 'src/cli/main.ts')], outfile: pluginFile });
await chmod(pluginFile, 0o755);
for (const file of scriptFiles.map((url) => fileURLToPath(url)))
  await copyFile(file, join(root, 'dist', basename(file)));
for (const file of [outfile, pluginFile])
  process.stdout.write(`dist/${basename(file)}: ${((await stat(file)).size / 1024 / 1024).toFixed(1)} MB\n`);
