import { cast, toBoolean, toText, type Conversion } from './convert.ts';
import { ErrorRecord, PowerShellError, PowerShellException, raise, Raised } from './errors.ts';
import { getIndex, getProperty, setIndex, setProperty, setStaticProperty } from './members.ts';
import { callMethod, callStatic, getStatic } from './methods.ts';
import { applyBinary, invalidIndex, negate } from './operators.ts';
import { match } from './textOperators.ts';
import { findVariable, setLocal, type Runtime, type Scope } from './runtime.ts';
import type { At, Expression } from './syntax.ts';
import { fullTypeName } from './types.ts';
import { UnsupportedPowerShell } from './unsupported.ts';
import {
  emit,
  enumerate,
  Hashtable,
  isArray,
  NetObject,
  PropertyCollection,
  ScriptBlock,
  TypeValue,
} from './values.ts';

// Expressions.

/** An error that is not yet anywhere gets its place. */
export const locate = (error: unknown, at: At, runtime: Runtime, activity = '', target?: unknown): unknown => {
  if (!(error instanceof Raised)) return error;
  const record = new ErrorRecord({
    exception: error.exception,
    fullyQualifiedErrorId: error.id,
    category: error.category,
    activity,
    target,
    at,
    path: runtime.path,
  });
  return new PowerShellError(record, 'statement');
};

const languageModes: Readonly<Record<string, number>> = { FullLanguage: 0, ConstrainedLanguage: 3 };

const automatic = (name: string, runtime: Runtime): unknown => {
  const { host } = runtime;
  switch (name) {
    case 'null':
      return null;
    case 'true':
      return true;
    case 'false':
      return false;
    case 'pid':
      return host.processId;
    case '?':
      return runtime.succeeded;
    case 'error':
      return [...runtime.errors];
    case 'executioncontext': {
      const { languageMode } = host;
      const type = 'System.Management.Automation.PSLanguageMode';
      const LanguageMode = { type, name: languageMode, value: languageModes[languageMode] ?? 0 };
      const SessionState = new NetObject('System.Management.Automation.SessionState', '', { LanguageMode });
      return new NetObject('System.Management.Automation.EngineIntrinsics', '', { SessionState });
    }
    case 'psversiontable': {
      const version = new NetObject('System.Version', '5.1.20348.1', { Major: 5, Minor: 1, Build: 20348, Revision: 1 });
      return new Hashtable([
        ['PSVersion', version],
        ['PSEdition', 'Desktop'],
      ]);
    }
    default:
      return undefined;
  }
};

const readVariable = (expression: Expression & { kind: 'variable' }, scope: Scope, runtime: Runtime): unknown => {
  const { name, at } = expression;
  if (expression.scope === 'env') {
    const { environment } = runtime.host;
    const key = Object.keys(environment).find((each) => each.toLowerCase() === name.toLowerCase());
    return key === undefined ? null : environment[key];
  }
  if (expression.scope === 'script' || expression.scope === 'global') {
    const variable = runtime.scriptScope.variables.get(name.toLowerCase());
    return variable === undefined ? null : variable.value;
  }
  if (expression.scope !== undefined) throw new UnsupportedPowerShell(`$${expression.scope}:${name}`, at.line);
  const constant = automatic(name.toLowerCase(), runtime);
  if (constant !== undefined) return constant;
  const variable = findVariable(scope, name);
  return variable === undefined ? null : variable.value;
};

const constants = new Set(['true', 'false', 'pid', 'executioncontext', 'psversiontable', '?', 'error']);

const assignVariable = (
  expression: Expression & { kind: 'variable' },
  value: unknown,
  type: string | undefined,
  scope: Scope,
  runtime: Runtime,
): void => {
  const name = expression.name.toLowerCase();
  const { line } = expression.at;
  if (name === 'null') return;
  if (constants.has(name)) throw new UnsupportedPowerShell(`assigning to $${expression.name}`, line);
  if (expression.scope !== undefined && expression.scope !== 'script')
    throw new UnsupportedPowerShell(`assigning to $${expression.scope}:${expression.name}`, line);
  const target = expression.scope === 'script' ? runtime.scriptScope : scope;
  const known = type ?? target.variables.get(name)?.type;
  const converted = known === undefined ? value : cast(value, known, runtime.conversion(expression.at));
  setLocal(target, name, converted, known);
};

/** `$x = …`, `$x.y = …`, `$x[…] = …`, `[type]$x = …`, `[Console]::OutputEncoding = …` */
export const assign = async (target: Expression, value: unknown, scope: Scope, runtime: Runtime): Promise<void> => {
  const conversion = runtime.conversion(target.at);
  if (target.kind === 'variable') {
    assignVariable(target, value, undefined, scope, runtime);
    return;
  }
  if (target.kind === 'cast' && target.operand.kind === 'variable') {
    assignVariable(target.operand, value, target.type, scope, runtime);
    return;
  }
  if (target.kind === 'member') {
    if (target.isStatic && target.target.kind === 'type' && typeof target.name === 'string') {
      setStaticProperty(fullTypeName(target.target.type) ?? target.target.type, target.name, conversion);
      return;
    }
    const object = await runtime.evaluate(target.target, scope);
    const name =
      typeof target.name === 'string' ? target.name : toText(await runtime.evaluate(target.name, scope), conversion);
    setProperty(object, name, value, conversion);
    return;
  }
  if (target.kind === 'index') {
    const object = await runtime.evaluate(target.target, scope);
    if (object === null || object === undefined) throw invalidIndex();
    setIndex(object, await runtime.evaluate(target.index, scope), value, conversion);
    return;
  }
  throw new UnsupportedPowerShell(`assigning to "${target.at.text}"`, target.at.line);
};

const matchOperators = new Set(['-match', '-cmatch', '-notmatch', '-cnotmatch']);

const evaluateBinary = async (
  expression: Expression & { kind: 'binary' },
  scope: Scope,
  runtime: Runtime,
): Promise<unknown> => {
  const { operator } = expression;
  const left = await runtime.evaluate(expression.left, scope);
  if (operator === '-and') return toBoolean(left) && toBoolean(await runtime.evaluate(expression.right, scope));
  if (operator === '-or') return toBoolean(left) || toBoolean(await runtime.evaluate(expression.right, scope));
  const right =
    expression.right.kind === 'type' ? typeValue(expression.right) : await runtime.evaluate(expression.right, scope);
  const conversion = runtime.conversion(expression.at);
  if (matchOperators.has(operator) && !isArray(left)) {
    const found = match(left, right, operator.startsWith('-c'), conversion);
    if (found !== undefined) setLocal(scope, 'Matches', found);
    return (found !== undefined) === !operator.includes('not');
  }
  return applyBinary(operator, left, right, conversion);
};

const typeValue = ({ type, at }: Expression & { kind: 'type' }): TypeValue => {
  const fullName = fullTypeName(type);
  if (fullName === undefined) throw new UnsupportedPowerShell(`the type [${type}]`, at.line);
  return new TypeValue(fullName);
};

const evaluateUnary = (operator: string, value: unknown, conversion: Conversion): unknown => {
  switch (operator) {
    case '-not':
    case '!':
      return !toBoolean(value);
    case '-':
      return negate(value, conversion);
    case '+':
      return applyBinary('+', 0, value, conversion);
    case ',':
      return [value ?? null];
    case '-join':
      return applyBinary('-join', value, '', conversion);
    case '-split': {
      const words = applyBinary('-split', value, '\\s+', conversion);
      return isArray(words) ? words.filter((word) => word !== '') : words;
    }
    default:
      throw new UnsupportedPowerShell(`the operator ${operator}`, conversion.line);
  }
};

const evaluateHash = async (
  expression: Expression & { kind: 'hash' },
  ordered: boolean,
  scope: Scope,
  runtime: Runtime,
): Promise<Hashtable> => {
  const table = new Hashtable([], ordered);
  for (const entry of expression.entries) {
    const key = await runtime.evaluate(entry.key, scope);
    if (table.has(key))
      throw raise(
        `Duplicate keys '${toText(key, runtime.conversion(entry.key.at))}' are not allowed in hash literals.`,
        'DuplicateKeyInHashLiteral',
      );
    table.set(key, await runtime.valueOf(entry.value, scope));
  }
  return table;
};

const evaluateCast = async (
  expression: Expression & { kind: 'cast' },
  scope: Scope,
  runtime: Runtime,
): Promise<unknown> => {
  const { type, operand } = expression;
  const isPlain = /^(?:ordered|pscustomobject)$/i.test(type);
  if (isPlain && operand.kind === 'hash') {
    const table = await evaluateHash(operand, true, scope, runtime);
    return /^ordered$/i.test(type) ? table : cast(table, type, runtime.conversion(expression.at));
  }
  if (/^ordered$/i.test(type))
    throw new UnsupportedPowerShell('[ordered] of anything but a hash literal', expression.at.line);
  return cast(await runtime.evaluate(operand, scope), type, runtime.conversion(expression.at));
};

const evaluateText = async (
  expression: Expression & { kind: 'text' },
  scope: Scope,
  runtime: Runtime,
): Promise<string> => {
  const parts: string[] = [];
  for (const part of expression.parts) {
    parts.push(
      typeof part === 'string' ? part : toText(await runtime.evaluate(part, scope), runtime.conversion(part.at)),
    );
  }
  return parts.join('');
};

const evaluateCall = async (
  expression: Expression & { kind: 'call' },
  scope: Scope,
  runtime: Runtime,
): Promise<unknown> => {
  const { target, name, isStatic } = expression;
  const conversion = runtime.conversion(expression.at);
  const object = isStatic ? undefined : await runtime.evaluate(target, scope);
  const values: unknown[] = [];
  for (const each of expression.arguments) values.push((await runtime.evaluate(each, scope)) ?? null);
  if (!isStatic) return callMethod(object, name, values, conversion);
  if (target.kind !== 'type') throw new UnsupportedPowerShell('a static member of a computed type', expression.at.line);
  return callStatic(target.type, name, values, conversion);
};

const evaluateMember = async (
  expression: Expression & { kind: 'member' },
  scope: Scope,
  runtime: Runtime,
): Promise<unknown> => {
  const { target, name, isStatic } = expression;
  const conversion = runtime.conversion(expression.at);
  if (isStatic) {
    if (target.kind !== 'type' || typeof name !== 'string')
      throw new UnsupportedPowerShell('a static member of a computed type', expression.at.line);
    return getStatic(target.type, name, runtime.host.now, conversion);
  }
  const object = await runtime.evaluate(target, scope);
  const property = typeof name === 'string' ? name : toText(await runtime.evaluate(name, scope), conversion);
  return getProperty(object, property, conversion);
};

const evaluateKind = async (expression: Expression, scope: Scope, runtime: Runtime): Promise<unknown> => {
  switch (expression.kind) {
    case 'literal':
      return expression.value;
    case 'text':
      return evaluateText(expression, scope, runtime);
    case 'variable':
      return readVariable(expression, scope, runtime);
    case 'list': {
      const items: unknown[] = [];
      for (const item of expression.items) items.push((await runtime.evaluate(item, scope)) ?? null);
      return items;
    }
    case 'unary':
      return evaluateUnary(
        expression.operator,
        await runtime.evaluate(expression.operand, scope),
        runtime.conversion(expression.at),
      );
    case 'binary':
      return evaluateBinary(expression, scope, runtime);
    case 'cast':
      return evaluateCast(expression, scope, runtime);
    case 'type':
      return typeValue(expression);
    case 'member':
      return evaluateMember(expression, scope, runtime);
    case 'call':
      return evaluateCall(expression, scope, runtime);
    case 'index': {
      const target = await runtime.evaluate(expression.target, scope);
      const index = await runtime.evaluate(expression.index, scope);
      if (target === null || target === undefined) throw invalidIndex();
      return getIndex(target, index, runtime.conversion(expression.at));
    }
    case 'hash':
      return evaluateHash(expression, false, scope, runtime);
    case 'block':
      return new ScriptBlock(expression.block);
    case 'paren':
      return runtime.valueOf(expression.statement, scope);
    case 'sub': {
      const output: unknown[] = [];
      await runtime.execute(expression.statements, scope, output);
      return output.length <= 1 ? output[0] : output;
    }
    case 'array':
      return evaluateArray(expression, scope, runtime);
    case 'increment': {
      const before = (await runtime.evaluate(expression.target, scope)) ?? 0;
      const after = applyBinary('+', before, expression.by, runtime.conversion(expression.at));
      await assign(expression.target, after, scope, runtime);
      return before;
    }
  }
};

const evaluateArray = async (
  expression: Expression & { kind: 'array' },
  scope: Scope,
  runtime: Runtime,
): Promise<readonly unknown[]> => {
  const output: unknown[] = [];
  await runtime.execute(expression.statements, scope, output);
  return output;
};

/** The value of an expression; undefined: no output at all. */
export const evaluate = async (expression: Expression, scope: Scope, runtime: Runtime): Promise<unknown> => {
  try {
    return await evaluateKind(expression, scope, runtime);
  } catch (error) {
    throw locate(error, expression.at, runtime);
  }
};

/** What `throw` throws: a text, or any object, which is then the record's target. */
export const thrownRecord = (value: unknown, at: At, runtime: Runtime): ErrorRecord => {
  if (value instanceof ErrorRecord) return value;
  const conversion = runtime.conversion(at);
  const exception =
    value instanceof PowerShellException
      ? value
      : new PowerShellException(
          'System.Management.Automation.RuntimeException',
          value === undefined || value === null ? 'ScriptHalted' : toText(value, conversion),
        );
  return new ErrorRecord({
    exception,
    fullyQualifiedErrorId: exception.message,
    category: 'OperationStopped',
    target: value,
    at,
    path: runtime.path,
  });
};

export const listOf = (value: unknown): readonly unknown[] => {
  if (isArray(value) || value instanceof PropertyCollection) return enumerate(value);
  const output: unknown[] = [];
  emit(value, output);
  return output;
};
