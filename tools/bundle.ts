import { chmod, copyFile, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type BuildOptions } from 'esbuild';
import { scriptFiles } from '../src/nodes/script/script.ts';
import { bundleOptions } from './bundle-options.ts';

// One file for the image: it starts in a third of the time and half of the memory that the packages take. The parts of the
// node script stand beside it, as they stand beside script.ts.

const root = join(import.meta.dirname, '..');
const outfile = join(root, 'dist/controller.js');
const pluginFile = join(root, 'dist/kubectl-hci.js');

const options: BuildOptions = {
  ...bundleOptions,
  legalComments: 'linked',
  // Optional native parts of ssh2: it does without them.
  external: ['cpu-features', '*.node'],
};
await build({ ...options, entryPoints: [join(root, 'src/main.ts')], outfile });
// esbuild leaves regular expressions as they are, and one of a dependency is not ASCII: see bundleOptions.
const text = await readFile(outfile, 'utf8');
const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
await writeFile(outfile, text.replaceAll(/[^\0-\x7f]/g, escaped));
// Found by kubectl under the name kubectl-hci, so it starts by itself.
const shebang = { js: `#!/usr/bin/env node\n${bundleOptions.banner.js}` };
await build({ ...options, banner: shebang, entryPoints: [join(root, 'src/cli/main.ts')], outfile: pluginFile });
await chmod(pluginFile, 0o755);
for (const file of scriptFiles.map((url) => fileURLToPath(url)))
  await copyFile(file, join(root, 'dist', basename(file)));
for (const file of [outfile, pluginFile])
  process.stdout.write(`dist/${basename(file)}: ${((await stat(file)).size / 1024 / 1024).toFixed(1)} MB\n`);
