import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';

// Run after a change of dependencies. A registry that mirrors only this machine's platform makes npm leave the other platforms'
// optional packages out of the lockfile, and `npm ci` (npm >= 11) then refuses it: "Missing: …-win32-x64 from lock file".
// Entries that only say for which platform they are let it pass everywhere; none of them is installed on Linux x64.

const Entry = Type.Object({
  dev: Type.Optional(Type.Boolean()),
  optionalDependencies: Type.Optional(Type.Record(Type.String(), Type.String())),
});
const Lockfile = Type.Object({ packages: Type.Record(Type.String(), Entry) });

const platform =
  /(android|darwin|freebsd|linux|openharmony|win32|netbsd|openbsd|sunos|aix)-(x64|arm64|arm|ia32|ppc64|riscv64|s390x|loong64)(?:-(gnu|musl|msvc|eabi|gnueabihf|musleabihf))?$/;

const file = join(import.meta.dirname, '../package-lock.json');
const lockfile = Value.Parse(Lockfile, JSON.parse(await readFile(file, 'utf8')));
const packages: Record<string, unknown> = { ...lockfile.packages };
let added = 0;
for (const [path, { dev, optionalDependencies }] of Object.entries(lockfile.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies ?? {})) {
    const key = `node_modules/${name}`;
    const match = platform.exec(name);
    if (path === '' || key in packages || `${path}/${key}` in packages || match === null) continue;
    const [, os, cpu, abi = ''] = match;
    const libc = os !== 'linux' || abi === '' ? undefined : [abi.startsWith('musl') ? 'musl' : 'glibc'];
    packages[key] = { version, cpu: [cpu], dev, libc, optional: true, os: [os] };
    added += 1;
  }
}
const sorted = Object.fromEntries(Object.entries(packages).toSorted(([a], [b]) => (a < b ? -1 : 1)));
await writeFile(file, `${JSON.stringify({ ...lockfile, packages: sorted }, undefined, 2)}\n`);
process.stdout.write(`${added} platform packages added to package-lock.json\n`);
