import { toBoolean, toNumber } from './convert.ts';
import { ErrorRecord, PowerShellError } from './errors.ts';
import { assign, listOf, locate, thrownRecord } from './evaluate.ts';
import { applyBinary, equals } from './operators.ts';
import { errorPreference, report } from './errorStream.ts';
import { runPipeline } from './pipeline.ts';
import {
  BreakSignal,
  ContinueSignal,
  ExitSignal,
  findVariable,
  isSignal,
  ReturnSignal,
  setLocal,
  withLocal,
  type Runtime,
  type Scope,
} from './runtime.ts';
import type { Statement } from './syntax.ts';
import { UnsupportedPowerShell } from './unsupported.ts';
import { collect } from './values.ts';

// Statements.

const maximumStatements = 1_000_000;

const executeTry = async (
  statement: Statement & { kind: 'try' },
  scope: Scope,
  output: unknown[],
  runtime: Runtime,
): Promise<void> => {
  const body = async (): Promise<void> => {
    runtime.tryDepth += 1;
    try {
      await runtime.execute(statement.body, scope, output);
    } finally {
      runtime.tryDepth -= 1;
    }
  };
  const guarded = async (): Promise<void> => {
    try {
      await body();
    } catch (error) {
      if (!(error instanceof PowerShellError)) throw error;
      const clause = statement.catches.find(({ types }) => catches(types, error.record, statement.at.line));
      if (clause === undefined) throw error;
      if (!runtime.errors.includes(error.record)) runtime.errors.unshift(error.record);
      await withLocal(scope, '_', error.record, () => runtime.execute(clause.body, scope, output));
    }
  };
  try {
    await guarded();
  } catch (error) {
    if (error instanceof PowerShellError || isSignal(error)) await runtime.execute(statement.finally, scope, output);
    throw error;
  }
  await runtime.execute(statement.finally, scope, output);
};

const catches = (types: readonly string[], { exception }: ErrorRecord, line: number): boolean => {
  if (types.length === 0) return true;
  const names = types.map((type) => type.toLowerCase().replace(/^system\./, ''));
  if (names.includes('exception')) return true;
  if (names.includes('management.automation.runtimeexception'))
    throw new UnsupportedPowerShell('catch [System.Management.Automation.RuntimeException]', line);
  return names.includes(exception.type.toLowerCase().replace(/^system\./, ''));
};

/** Runs a loop's body; false when the loop is to end. */
const runLoopBody = async (
  body: readonly Statement[],
  scope: Scope,
  output: unknown[],
  runtime: Runtime,
): Promise<boolean> => {
  try {
    await runtime.execute(body, scope, output);
    return true;
  } catch (error) {
    if (error instanceof ContinueSignal) return true;
    if (error instanceof BreakSignal) return false;
    throw error;
  }
};

const executeForeach = async (
  statement: Statement & { kind: 'foreach' },
  scope: Scope,
  output: unknown[],
  runtime: Runtime,
): Promise<void> => {
  const items = await runtime.valueOf(statement.items, scope);
  if (items === null) return;
  for (const item of listOf(items)) {
    setLocal(scope, statement.variable, item);
    if (!(await runLoopBody(statement.body, scope, output, runtime))) return;
  }
};

const executeSwitch = async (
  statement: Statement & { kind: 'switch' },
  scope: Scope,
  output: unknown[],
  runtime: Runtime,
): Promise<void> => {
  const value = await runtime.valueOf(statement.value, scope);
  for (const item of value === null ? [null] : listOf(value)) {
    const goesOn = await withLocal(scope, '_', item, () => runLoopBodyOf(statement, item, scope, output, runtime));
    if (!goesOn) return;
  }
};

const runLoopBodyOf = async (
  statement: Statement & { kind: 'switch' },
  item: unknown,
  scope: Scope,
  output: unknown[],
  runtime: Runtime,
): Promise<boolean> => {
  let found = false;
  for (const { condition, body } of statement.clauses) {
    if (condition === undefined) continue;
    const tested = await runtime.evaluate(condition, scope);
    if (condition.kind === 'block')
      throw new UnsupportedPowerShell('a script block as a switch condition', condition.at.line);
    if (!equals(tested, item, runtime.conversion(condition.at))) continue;
    found = true;
    if (!(await runLoopBody(body, scope, output, runtime))) return false;
  }
  const otherwise = statement.clauses.find(({ condition }) => condition === undefined);
  return found || otherwise === undefined ? true : runLoopBody(otherwise.body, scope, output, runtime);
};

const executeFlow = async (
  statement: Statement & { kind: 'flow' },
  scope: Scope,
  output: unknown[],
  runtime: Runtime,
): Promise<never> => {
  const { word, value, at } = statement;
  switch (word) {
    case 'break':
      throw new BreakSignal();
    case 'continue':
      throw new ContinueSignal();
    case 'return':
      if (value !== undefined) await executeStatement(value, scope, output, runtime);
      throw new ReturnSignal();
    case 'exit': {
      const code = value === undefined ? 0 : await runtime.valueOf(value, scope);
      throw new ExitSignal(toNumber(code, runtime.conversion(at)));
    }
    case 'throw': {
      const thrown = value === undefined ? findVariable(scope, '_')?.value : await runtime.valueOf(value, scope);
      if (value === undefined && !(thrown instanceof ErrorRecord))
        throw new PowerShellError(thrownRecord(undefined, at, runtime), 'script');
      throw new PowerShellError(thrownRecord(thrown, at, runtime), 'script');
    }
  }
};

const executeAssignment = async (
  statement: Statement & { kind: 'assignment' },
  scope: Scope,
  runtime: Runtime,
): Promise<void> => {
  const value = await runtime.valueOf(statement.value, scope);
  const { target, operator } = statement;
  if (operator === '=') {
    await assign(target, value, scope, runtime);
    return;
  }
  const before = await runtime.evaluate(target, scope);
  const after = applyBinary(operator === '+=' ? '+' : '-', before, value, runtime.conversion(statement.at));
  await assign(target, after, scope, runtime);
};

const executeStatement = async (
  statement: Statement,
  scope: Scope,
  output: unknown[],
  runtime: Runtime,
): Promise<void> => {
  switch (statement.kind) {
    case 'pipeline':
      await runPipeline(statement, scope, output, runtime);
      return;
    case 'assignment':
      await executeAssignment(statement, scope, runtime);
      return;
    case 'if': {
      for (const { condition, body } of statement.branches) {
        if (toBoolean(await runtime.valueOf(condition, scope))) {
          await runtime.execute(body, scope, output);
          return;
        }
      }
      await runtime.execute(statement.otherwise, scope, output);
      return;
    }
    case 'foreach':
      await executeForeach(statement, scope, output, runtime);
      return;
    case 'while':
      while (toBoolean(await runtime.valueOf(statement.condition, scope))) {
        if (!(await runLoopBody(statement.body, scope, output, runtime))) return;
      }
      return;
    case 'switch':
      await executeSwitch(statement, scope, output, runtime);
      return;
    case 'try':
      await executeTry(statement, scope, output, runtime);
      return;
    case 'function':
      scope.functions.set(statement.name.toLowerCase(), { name: statement.name, block: statement.block });
      return;
    case 'flow':
      await executeFlow(statement, scope, output, runtime);
  }
};

/** Runs statements. An error that ends only its statement is shown and the next one runs, unless a `try` or the preference says otherwise. */
export const execute = async (
  statements: readonly Statement[],
  scope: Scope,
  output: unknown[],
  runtime: Runtime,
): Promise<void> => {
  for (const statement of statements) {
    runtime.statements += 1;
    if (runtime.statements > maximumStatements) throw new Error(`line ${statement.at.line}: the script does not end`);
    try {
      await executeStatement(statement, scope, output, runtime);
    } catch (caught) {
      const error = locate(caught, statement.at, runtime);
      if (!(error instanceof PowerShellError) || error.ends === 'script' || runtime.tryDepth > 0) throw error;
      const preference = errorPreference(scope, runtime);
      if (preference === 'stop') throw error;
      if (preference === 'continue') report(error.record, runtime);
      else runtime.errors.unshift(error.record);
    }
  }
};

/** As the right side of an assignment sees a statement: an expression's value as it is, else the collected output. */
export const valueOf = async (statement: Statement, scope: Scope, runtime: Runtime): Promise<unknown> => {
  if (statement.kind === 'pipeline' && statement.commands.length === 0 && statement.first !== undefined)
    return runtime.evaluate(statement.first, scope);
  if (statement.kind === 'assignment') {
    await executeAssignment(statement, scope, runtime);
    return runtime.evaluate(statement.target, scope);
  }
  const output: unknown[] = [];
  await executeStatement(statement, scope, output, runtime);
  return collect(output);
};

/** Runs a script block in this very scope, as ForEach-Object does; `return` ends the block only. */
export const runBlock = async (
  statements: readonly Statement[],
  scope: Scope,
  item: unknown,
  output: unknown[],
  runtime: Runtime,
): Promise<void> => {
  try {
    await withLocal(scope, '_', item, () => runtime.execute(statements, scope, output));
  } catch (error) {
    if (!(error instanceof ReturnSignal)) throw error;
  }
};
