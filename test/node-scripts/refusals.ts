import { decodeCliXml } from '../../src/nodes/frame.ts';
import type { NodeExecution } from '../../src/nodes/transport.ts';
import { ask, documentFor } from './ask.ts';
import type { Prepared } from './prepare.ts';
import type { Result } from './result.ts';

// Commands and documents that no node script may take.

interface Refusal {
  readonly name: string;
  readonly execution: NodeExecution;
  readonly command: string;
  readonly stdin: (script: string) => string;
  readonly exitCode: number;
  /** In what is said on stderr, or as the error's id. */
  readonly words: RegExp;
}

const commands: readonly (readonly [string, RegExp])[] = [
  ['hcireg/2 probe', /version 2 of the operations was asked for.*has version 1/],
  ['hcireg/0 probe', /version 0/],
  ['hcireg/1 Probe', /no operation Probe/],
  ['hcireg/1 nothing', /no operation nothing/],
  ['hcireg/1  probe', /only operations/],
  ['hcireg/1 probe; whoami', /only operations/],
  ['hcireg/1 probe\nwhoami', /only operations/],
  ['HCIREG/1 probe', /only operations/],
  ['whoami', /only operations/],
  ['', /only operations/],
];

const documents: readonly (readonly [string, unknown])[] = [
  ['no arguments', { correlationId: 'x' }],
  ['arguments that are nothing', { correlationId: 'x', arguments: null }],
  ['no correlation id', { arguments: {} }],
  ['a correlation id that is no text', { correlationId: 1, arguments: {} }],
];

const texts: readonly (readonly [string, string])[] = [
  ['nothing', ''],
  ['half a document', '{"correlationId":"x","argum'],
  ['a text', '"probe"'],
  ['no object', '[]'],
];

const operation = 'newRegistrationCertificate';
const asked = `hcireg/1 ${operation}`;

const inlineDocument = (script: string, command: string, document: object): string =>
  JSON.stringify({ script, command, ...document });

const refusals: readonly Refusal[] = [
  ...commands.flatMap(([command, words]): Refusal[] => [
    {
      name: `the command ${JSON.stringify(command)}`,
      execution: 'Dispatcher',
      command,
      stdin: (script) => documentFor(script, 'Dispatcher', operation, {}),
      exitCode: 126,
      words,
    },
    {
      name: `the command ${JSON.stringify(command)}`,
      execution: 'Inline',
      command: '',
      stdin: (script) => inlineDocument(script, command, { correlationId: 'x', arguments: {} }),
      exitCode: 126,
      words,
    },
  ]),
  ...documents.flatMap(([name, document]): Refusal[] => [
    {
      name: `a document with ${name}`,
      execution: 'Dispatcher',
      command: asked,
      stdin: () => JSON.stringify(document),
      exitCode: 10,
      words: /"InvalidDocument"/,
    },
    {
      name: `a document with ${name}`,
      execution: 'Inline',
      command: '',
      stdin: (script) => inlineDocument(script, asked, Object.assign({}, document)),
      exitCode: 10,
      words: /"InvalidDocument"/,
    },
  ]),
  ...texts.map(([name, text]): Refusal => ({
    name: `${name} for a document`,
    execution: 'Dispatcher',
    command: asked,
    stdin: () => text,
    exitCode: 10,
    words: /"InvalidDocument"/,
  })),
];

const runRefusal = async ({ context, stages }: Prepared, script: string, refusal: Refusal): Promise<Result> => {
  context.world.state = structuredClone(stages.fresh);
  const { execution, command, stdin, exitCode, words } = refusal;
  const inlineCommand = execution === 'Inline' ? undefined : command;
  const { ran } = await ask(context, script, execution, operation, {}, inlineCommand, stdin(script));
  const said = exitCode === 126 ? decodeCliXml(ran.stderr).replace(/\s+/g, ' ') : ran.stdout;
  return {
    name: `${execution}: ${refusal.name}`,
    problems: [
      ...(ran.exitCode === exitCode ? [] : [`the exit code is ${ran.exitCode}, not ${exitCode}`]),
      ...(words.test(said) ? [] : [`it says ${said.slice(0, 300)}`]),
      ...(exitCode !== 126 || ran.stdout === '' ? [] : [`stdout is ${ran.stdout.slice(0, 200)}`]),
      ...(context.world.state.counters.certificatesCreated === 0 ? [] : ['it ran']),
    ],
  };
};

/** What comes of all of them. Rejects with UnsupportedPowerShell for a script outside the subset. */
export const runRefusals = async (prepared: Prepared, script: string): Promise<readonly Result[]> => {
  const results: Result[] = [];
  for (const refusal of refusals) results.push(await runRefusal(prepared, script, refusal));
  return results;
};
