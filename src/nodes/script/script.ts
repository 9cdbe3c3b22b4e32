import { readFileSync } from 'node:fs';

// The node script as text. Its parts stand beside this file, in the source and beside the bundle.

const answer = new URL('./answer.ps1', import.meta.url);
const records = new URL('./records.ps1', import.meta.url);
const lock = new URL('./lock.ps1', import.meta.url);
const agent = new URL('./agent.ps1', import.meta.url);
const probe = new URL('./probe.ps1', import.meta.url);
const read = new URL('./read.ps1', import.meta.url);
const registration = new URL('./registration.ps1', import.meta.url);
const arc = new URL('./arc.ps1', import.meta.url);
const main = new URL('./main.ps1', import.meta.url);
const arcRegistrationTask = new URL('./arc-registration-task.ps1', import.meta.url);
const bootstrapPart = new URL('./bootstrap.ps1', import.meta.url);

/** What has to stand beside the bundle. */
export const scriptFiles: readonly URL[] = [
  answer,
  records,
  lock,
  agent,
  probe,
  read,
  registration,
  arc,
  main,
  arcRegistrationTask,
  bootstrapPart,
];

const textOf = (file: URL): string => readFileSync(file, 'utf8').trimEnd();

/** What `powershell.exe -EncodedCommand` takes: base64 of UTF-16LE. */
export const encodeCommand = (text: string): string => Buffer.from(text, 'utf16le').toString('base64');

/** Comments and indentation only cost length on a command line. */
const condensed = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .join('\n');

/** What the clustered task ArcRegistrationTask runs. */
export const arcRegistrationTaskScript = (): string => condensed(textOf(arcRegistrationTask));

/** The whole script, ASCII: what deploy/nodes/hcireg.ps1 holds and what a controller sends along (Inline). */
export const nodeScript = (): string =>
  [
    ...[answer, records, lock, agent, probe, read, registration].map(textOf),
    // The console host would have to encode it with a type that constrained language forbids.
    `# The text of src/nodes/script/arc-registration-task.ps1, as powershell.exe -EncodedCommand takes it.\n$arcRegistrationTask = '${encodeCommand(arcRegistrationTaskScript())}'`,
    ...[arc, main].map(textOf),
  ].join('\n\n') + '\n';

/** The fixed text on the command line that runs a script which comes on stdin (Inline). Under 3033 characters, so that cmd.exe takes it encoded. */
export const bootstrap = (): string => textOf(bootstrapPart) + '\n';
