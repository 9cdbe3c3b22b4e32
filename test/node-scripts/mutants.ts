import { arcRegistrationTaskScript, encodeCommand, nodeScript } from '../../src/nodes/script/script.ts';

// The node script without one of its lines.

export interface Mutant {
  /** The text that was taken out. */
  readonly line: string;
  readonly where: string;
  readonly script: string;
}

const isEffective = (line: string): boolean => line.trim() !== '' && !line.trim().startsWith('#');

const without = (lines: readonly string[], index: number): string =>
  [...lines.slice(0, index), ...lines.slice(index + 1)].join('\n');

const mutantsOf = (text: string, where: string, build: (mutated: string) => string): readonly Mutant[] => {
  const lines = text.split('\n');
  return lines.flatMap((line, index) =>
    isEffective(line)
      ? [{ line: line.trim(), where: `${where}:${index + 1}`, script: build(without(lines, index)) }]
      : [],
  );
};

/** One for each effective line of the script and of the text of the clustered task within it. */
export const allMutants = (): readonly Mutant[] => {
  const script = nodeScript();
  const task = arcRegistrationTaskScript();
  return [
    ...mutantsOf(script, 'hcireg.ps1', (mutated) => mutated),
    ...mutantsOf(task, 'ArcRegistrationTask', (mutated) => script.replace(encodeCommand(task), encodeCommand(mutated))),
  ];
};

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
const random = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

export const sample = <T>(all: readonly T[], size: number, seed: number): readonly T[] => {
  const next = random(seed);
  return all
    .map((each) => ({ each, key: next() }))
    .toSorted((a, b) => a.key - b.key)
    .slice(0, size)
    .map(({ each }) => each);
};

/** Lines whose loss changes nothing that can be seen from outside, each with the reason. */
export const unseen: readonly { readonly line: RegExp; readonly because: string }[] = [
  { line: /^\$\w+ = (?:\$null|'')$/, because: 'a variable that nothing has set is null' },
  { line: /^return (?:\$null|''|\$Text)$/, because: 'what follows comes to the same' },
  { line: /^exit 0$/, because: 'a script that ends well exits with 0' },
  {
    line: /^\$(?:ErrorAction|Progress|Warning|Confirm)Preference = /,
    because: 'a second line behind each command’s own -ErrorAction',
  },
  { line: /^\[Console\]::OutputEncoding = /, because: 'code pages are not simulated' },
  { line: /^Confirm-RegistryKey -Path \$recordsPath$/, because: 'the lock has made the key before' },
  { line: /New-ItemProperty -Path \$path -Name 'CorrelationId'/, because: 'for a person who looks at a lock' },
];
