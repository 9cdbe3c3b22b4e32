import { spawnSync } from 'node:child_process';

// All static checks, each to its end, then a line that counts them.

const checks: [name: string, command: string, args: string[]][] = [
  ['types', 'tsc', ['-p', '.']],
  ['lint', 'oxlint', ['--type-aware', '--deny-warnings']],
  ['format', 'oxfmt', ['--check']],
  ['dead code', 'knip', []],
  ['rooms', 'node', ['tools/rooms.ts']],
  ['generated files', 'node', ['tools/generate.ts', '--check']],
];

let failed = 0;
for (const [name, command, args] of checks) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  const ok = status === 0;
  process.stdout.write(`${ok ? 'ok  ' : 'FAIL'}  ${name}\n`);
  if (ok) continue;
  failed += 1;
  process.stdout.write(`${stdout}${stderr}`.replace(/^/gm, '      ') + '\n');
}
process.stdout.write(`check: ${checks.length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
