import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';

const Command = Type.Array(Type.String(), { minItems: 2 });

/** What the image gives to Node before the program: whatever runs the bundle here runs it the same way. */
export const nodeFlags: readonly string[] = flagsOf(
  readFileSync(join(import.meta.dirname, '../../Dockerfile'), 'utf8'),
);

/** @throws an Error when the Dockerfile has no ENTRYPOINT that is a program, flags and a script */
export function flagsOf(dockerfile: string): string[] {
  const [, entryPoint] = /^ENTRYPOINT (\[.*\])$/m.exec(dockerfile) ?? [];
  if (entryPoint === undefined) throw new Error('the Dockerfile has no ENTRYPOINT in JSON on one line');
  const [, ...rest] = Value.Parse(Command, JSON.parse(entryPoint));
  const flags = rest.slice(0, -1);
  if (!flags.every((flag) => flag.startsWith('--'))) throw new Error(`not flags: ${flags.join(' ')}`);
  return flags;
}
