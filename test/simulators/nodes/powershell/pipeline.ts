import { CmdletError } from '../cmdlets/cmdlet.ts';
import { bindElements, missingMandatory, notBound, type BoundArguments } from './binding.ts';
import { cast, toText } from './convert.ts';
import {
  commandNotFound,
  endsStatement,
  ErrorRecord,
  fromCmdletError,
  PowerShellError,
  PowerShellException,
  Raised,
} from './errors.ts';
import { errorPreference, preference, writeError } from './errorStream.ts';
import { locate } from './evaluate.ts';
import { findLanguageCommand, runLanguageCommand } from './languageCommands.ts';
import { createScope, ReturnSignal, setLocal, type HostCommand, type Runtime, type Scope } from './runtime.ts';
import type { At, BlockSyntax, Command, Pipeline, Redirection } from './syntax.ts';
import { UnsupportedPowerShell } from './unsupported.ts';
import { asDateTime, Char, emit, isArray, ScriptBlock } from './values.ts';

// Pipelines and commands. A stage runs to its end before the next one starts: only the order of side effects differs from PowerShell.

interface Invocation {
  readonly command: Command;
  /** Undefined: nothing is piped in. */
  readonly input: readonly unknown[] | undefined;
  readonly scope: Scope;
  readonly output: unknown[];
  readonly runtime: Runtime;
}

const findFunction = (
  scope: Scope,
  name: string,
): { readonly name: string; readonly block: BlockSyntax } | undefined => {
  for (let each: Scope | undefined = scope; each !== undefined; each = each.parent) {
    const found = each.functions.get(name.toLowerCase());
    if (found !== undefined) return found;
  }
  return undefined;
};

const bindParameters = async (
  name: string,
  block: BlockSyntax,
  bound: BoundArguments,
  at: At,
  inner: Scope,
  runtime: Runtime,
): Promise<void> => {
  const unknown = bound.named.find(
    (argument) => !block.parameters.some((each) => each.name.toLowerCase() === argument.name.toLowerCase()),
  );
  if (unknown !== undefined)
    throw new UnsupportedPowerShell(
      `-${unknown.name}, which ${name} does not have (it would silently become $args)`,
      at.line,
    );
  const positional = [...bound.positional];
  for (const parameter of block.parameters) {
    const argument = bound.named.find((each) => each.name.toLowerCase() === parameter.name.toLowerCase());
    const isSwitch = parameter.type?.toLowerCase() === 'switch';
    const isGiven = argument !== undefined || (positional.length > 0 && !isSwitch);
    let value: unknown = argument === undefined && isGiven ? positional.shift() : argument?.value;
    if (!isGiven && parameter.mandatory) throw missingMandatory(parameter.name, name);
    if (!isGiven) {
      value =
        parameter.initial === undefined ? (isSwitch ? false : null) : await runtime.evaluate(parameter.initial, inner);
    }
    const isUntouched =
      !isGiven && parameter.initial === undefined && !/^(?:string|int|long|bool|double)$/i.test(parameter.type ?? '');
    setLocal(
      inner,
      parameter.name,
      isUntouched ? value : converted(value, parameter, name, at, runtime),
      parameter.type,
    );
  }
  if (positional.length > 0 && block.parameters.length > 0)
    throw new UnsupportedPowerShell(`more arguments than ${name} has parameters`, at.line);
  setLocal(inner, 'args', positional);
};

const converted = (
  value: unknown,
  parameter: BlockSyntax['parameters'][number],
  command: string,
  at: At,
  runtime: Runtime,
): unknown => {
  if (parameter.type === undefined) return value ?? null;
  try {
    return cast(value ?? null, parameter.type, runtime.conversion(at));
  } catch (error) {
    throw error instanceof Raised ? notBound(parameter.name, error.message, command) : error;
  }
};

const callBlock = async (
  name: string,
  block: BlockSyntax,
  { command, input, scope, output, runtime }: Invocation,
): Promise<void> => {
  if (input !== undefined) throw new UnsupportedPowerShell(`piping into ${name}`, command.at.line);
  const isSwitch = (parameter: string): boolean | undefined => {
    const found = block.parameters.find((each) => each.name.toLowerCase() === parameter);
    return found === undefined ? undefined : found.type?.toLowerCase() === 'switch';
  };
  const bound = await bindElements(command, name, isSwitch, scope, runtime);
  if (bound.errorAction !== undefined)
    throw new UnsupportedPowerShell(`-ErrorAction for the function ${name}`, command.at.line);
  const inner = createScope(scope);
  await bindParameters(name, block, bound, command.at, inner, runtime);
  try {
    await runtime.execute(block.body, inner, output);
  } catch (error) {
    if (!(error instanceof ReturnSignal)) throw error;
  }
};

/** Host commands get JavaScript's own dates and strings. */
const forHost = (value: unknown): unknown => {
  const date = asDateTime(value);
  if (date !== undefined) return new Date(date.milliseconds);
  if (value instanceof Char) return value.text;
  return isArray(value) ? value.map(forHost) : (value ?? null);
};

const showProgress = (scope: Scope, runtime: Runtime): void => {
  if (runtime.hasShownProgress || preference('ProgressPreference', scope, runtime) === 'silentlycontinue') return;
  runtime.hasShownProgress = true;
  runtime.stderr.push({ kind: 'progress', text: 'Preparing modules for first use.' });
};

const callHost = async (
  name: string,
  hostCommand: HostCommand,
  { command, input, scope, output, runtime }: Invocation,
): Promise<void> => {
  const bound = await bindElements(command, name, () => undefined, scope, runtime);
  if (bound.positional.length > 0)
    throw new UnsupportedPowerShell(`an argument of ${name} without its parameter's name`, command.at.line);
  showProgress(scope, runtime);
  const parameters = Object.fromEntries(bound.named.map((each) => [each.name, forHost(each.value)]));
  try {
    emit(await hostCommand.invoke(parameters, (input ?? []).map(forHost)), output);
  } catch (error) {
    if (!(error instanceof CmdletError)) throw error;
    emit(error.output, output);
    const failure = locate(fromCmdletError(error), command.at, runtime, name);
    if (!(failure instanceof PowerShellError) || endsStatement(error)) throw failure;
    writeError(failure.record, bound.errorAction, scope, runtime);
  }
};

const programArguments = async ({ command, scope, runtime }: Invocation): Promise<readonly string[]> => {
  const texts: string[] = [];
  const add = (value: unknown): void => {
    for (const each of isArray(value) ? value : [value]) {
      const text = toText(each, runtime.conversion(command.at));
      // Windows PowerShell drops empty arguments and does not escape quotes.
      if (text.includes('"')) throw new UnsupportedPowerShell("a quote in a program's argument", command.at.line);
      if (text !== '') texts.push(text);
    }
  };
  for (const element of command.elements) {
    if (element.kind === 'parameter') {
      if (element.value !== undefined)
        throw new UnsupportedPowerShell(`-${element.name}: for a program`, element.at.line);
      texts.push(`-${element.name}`);
    } else if (element.kind === 'value') add(await runtime.evaluate(element.value, scope));
    else throw new UnsupportedPowerShell('splatting for a program', element.at.line);
  }
  return texts;
};

const linesOf = (text: string): readonly string[] => {
  const lines = text.split(/\r?\n/);
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
};

const nativeError = (text: string, path: string, at: At, runtime: Runtime): ErrorRecord =>
  new ErrorRecord({
    exception: new PowerShellException('System.Management.Automation.RemoteException', text),
    fullyQualifiedErrorId: 'NativeCommandError',
    category: 'NotSpecified',
    activity: path.split('\\').at(-1) ?? path,
    target: text,
    at,
    path: runtime.path,
  });

const callProgram = async (path: string, invocation: Invocation): Promise<void> => {
  const { command, input, scope, output, runtime } = invocation;
  const program = runtime.host.program(path);
  if (program === undefined) throw commandNotFound(path);
  const texts = await programArguments(invocation);
  const conversion = runtime.conversion(command.at);
  const stdin = (input ?? []).map((each) => `${toText(each, conversion)}\r\n`).join('');
  const { stdout, stderr, exitCode } = await program(texts, stdin);
  setLocal(runtime.scriptScope, 'LASTEXITCODE', exitCode);
  output.push(...linesOf(stdout));
  runtime.succeeded = exitCode === 0;
  if (runtime.errorTarget === 'stderr') {
    if (stderr !== '') runtime.stderr.push({ kind: 'raw', text: stderr });
    return;
  }
  // Windows PowerShell makes errors of a redirected stderr, also of one that goes to $null.
  for (const line of linesOf(stderr)) {
    const record = nativeError(line, path, command.at, runtime);
    if (errorPreference(scope, runtime) === 'stop') throw new PowerShellError(record, 'script');
    if (runtime.errorTarget !== 'nothing') runtime.errorTarget.push(record);
  }
};

const callNamed = async (name: string, invocation: Invocation): Promise<void> => {
  const { command, scope, runtime } = invocation;
  const found = findFunction(scope, name);
  if (found !== undefined) {
    await callBlock(found.name, found.block, invocation);
    return;
  }
  const language = findLanguageCommand(name);
  if (language !== undefined) {
    await runLanguageCommand(language, invocation);
    return;
  }
  const hostCommand = runtime.host.command(name);
  if (hostCommand === undefined) throw locate(commandNotFound(name), command.at, runtime, '', name);
  await callHost(name, hostCommand, invocation);
};

const call = async (invocation: Invocation): Promise<void> => {
  const { command, scope, runtime } = invocation;
  if (typeof command.name === 'string') {
    await callNamed(command.name, invocation);
    return;
  }
  const callee = await runtime.evaluate(command.name, scope);
  if (callee instanceof ScriptBlock) await callBlock('the script block', callee.syntax, invocation);
  else if (typeof callee !== 'string')
    throw new UnsupportedPowerShell('calling what is neither a name nor a script block', command.at.line);
  else if (/[\\/]/.test(callee)) await callProgram(callee, invocation);
  else await callNamed(callee, invocation);
};

const errorTargetOf = (redirections: readonly Redirection[], output: unknown[]): 'nothing' | unknown[] | undefined => {
  const [redirected] = redirections.filter(({ stream }) => stream === '2' || stream === '*');
  if (redirected === undefined) return undefined;
  return redirected.to === 'nothing' ? 'nothing' : output;
};

const runCommand = async (invocation: Invocation): Promise<void> => {
  const { command, runtime } = invocation;
  const { redirections } = command;
  const isDropped = redirections.some(({ stream, to }) => to === 'nothing' && (stream === '1' || stream === '*'));
  const before = runtime.errorTarget;
  runtime.errorTarget = errorTargetOf(redirections, invocation.output) ?? before;
  runtime.succeeded = true;
  try {
    await call(isDropped ? { ...invocation, output: [] } : invocation);
  } catch (error) {
    runtime.succeeded = false;
    const name = typeof command.name === 'string' ? command.name : '';
    throw locate(error, command.at, runtime, name);
  } finally {
    runtime.errorTarget = before;
  }
};

export const runPipeline = async (
  pipeline: Pipeline,
  scope: Scope,
  output: unknown[],
  runtime: Runtime,
): Promise<void> => {
  const { first, commands } = pipeline;
  let input: unknown[] | undefined;
  if (first !== undefined) {
    const value = await runtime.evaluate(first, scope);
    if (first.kind === 'increment' && commands.length === 0) return;
    input = [];
    emit(value, input);
    if (commands.length === 0) {
      const isDropped = pipeline.redirections.some(({ to }) => to === 'nothing');
      if (!isDropped) output.push(...input);
      return;
    }
  }
  for (const [index, command] of commands.entries()) {
    const stage: unknown[] = index === commands.length - 1 ? output : [];
    await runCommand({ command, input, scope, output: stage, runtime });
    input = stage;
  }
};
