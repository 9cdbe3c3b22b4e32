import { toText } from './convert.ts';
import { raise, raiseBinding } from './errors.ts';
import { findVariable, type Runtime, type Scope } from './runtime.ts';
import type { At, Command } from './syntax.ts';
import { UnsupportedPowerShell } from './unsupported.ts';
import { Hashtable, isArray } from './values.ts';

// The arguments of one call, evaluated: names and values, before anybody knows which command takes them.

export interface BoundArguments {
  /** In the order and case they were written. A parameter without a value is a switch: true. */
  readonly named: readonly { readonly name: string; readonly value: unknown; readonly at: At }[];
  readonly positional: readonly unknown[];
  /** -ErrorAction in lower case. */
  readonly errorAction: string | undefined;
}

/** Common parameters without an effect here. */
const ignored = new Set(['warningaction', 'informationaction', 'verbose', 'debug']);
const refused = new Set([
  'errorvariable',
  'warningvariable',
  'outvariable',
  'outbuffer',
  'pipelinevariable',
  'ea',
  'wa',
]);
const actions = ['stop', 'silentlycontinue', 'continue', 'ignore'];

const splatted = (name: string, at: At, scope: Scope): unknown => {
  const variable = findVariable(scope, name);
  if (variable === undefined) throw new UnsupportedPowerShell(`splatting @${name}, which is not set`, at.line);
  return variable.value;
};

/** `isSwitch`: of a parameter that takes no value; undefined where that is not known, so that whatever follows is its value. */
export const bindElements = async (
  command: Command,
  commandName: string,
  isSwitch: (name: string) => boolean | undefined,
  scope: Scope,
  runtime: Runtime,
): Promise<BoundArguments> => {
  const named: { name: string; value: unknown; at: At }[] = [];
  const positional: unknown[] = [];
  const { elements } = command;
  for (let index = 0; index < elements.length; index += 1) {
    const element = elements[index];
    if (element === undefined) break;
    if (element.kind === 'value') {
      positional.push((await runtime.evaluate(element.value, scope)) ?? null);
    } else if (element.kind === 'splat') {
      const value = splatted(element.name, element.at, scope);
      if (value instanceof Hashtable) {
        for (const key of value.keys) {
          named.push({ name: toText(key, runtime.conversion(element.at)), value: value.get(key), at: element.at });
        }
      } else if (isArray(value)) positional.push(...value);
      else throw new UnsupportedPowerShell(`splatting @${element.name}, which is no hashtable`, element.at.line);
    } else {
      const { name, at } = element;
      const next = elements[index + 1];
      if (element.value !== undefined) {
        named.push({ name, value: (await runtime.evaluate(element.value, scope)) ?? null, at });
      } else if (next?.kind === 'value' && isSwitch(name.toLowerCase()) !== true) {
        named.push({ name, value: (await runtime.evaluate(next.value, scope)) ?? null, at });
        index += 1;
      } else if (isSwitch(name.toLowerCase()) === false) {
        throw raiseBinding(
          `Missing an argument for parameter '${name}'. Specify a parameter and try again.`,
          `MissingArgument,${commandName}`,
        );
      } else {
        named.push({ name, value: true, at });
      }
    }
  }
  return takeCommon(named, positional, commandName, runtime);
};

const takeCommon = (
  all: BoundArguments['named'],
  positional: readonly unknown[],
  commandName: string,
  runtime: Runtime,
): BoundArguments => {
  const named: { name: string; value: unknown; at: At }[] = [];
  let errorAction: string | undefined;
  for (const argument of all) {
    const name = argument.name.toLowerCase();
    if (refused.has(name)) throw new UnsupportedPowerShell(`-${argument.name}`, argument.at.line);
    if (name === 'erroraction') {
      errorAction = toText(argument.value, runtime.conversion(argument.at)).toLowerCase();
      if (!actions.includes(errorAction)) {
        throw raiseBinding(
          `Cannot bind parameter 'ErrorAction'. Cannot convert value "${errorAction}" to type "System.Management.Automation.ActionPreference".`,
          `CannotConvertArgumentNoMessage,${commandName}`,
        );
      }
    } else if (named.some((each) => each.name.toLowerCase() === name)) {
      throw raiseBinding(
        `Cannot bind parameter because parameter '${argument.name}' is specified more than once.`,
        `ParameterAlreadyBound,${commandName}`,
      );
    } else if (!ignored.has(name)) named.push(argument);
  }
  return { named, positional, errorAction };
};

/** For commands whose parameters are known: the values by the parameter's own name. */
export const bindTo = (
  bound: BoundArguments,
  commandName: string,
  parameters: readonly string[],
  positions: readonly string[],
): ReadonlyMap<string, unknown> => {
  const values = new Map<string, unknown>();
  for (const { name, value, at } of bound.named) {
    const parameter = parameters.find((each) => each.toLowerCase() === name.toLowerCase());
    if (parameter === undefined) throw new UnsupportedPowerShell(`-${name} of ${commandName}`, at.line);
    values.set(parameter, value);
  }
  const free = positions.filter((each) => !values.has(each));
  for (const [index, value] of bound.positional.entries()) {
    const parameter = free[index];
    if (parameter === undefined) {
      throw raiseBinding(
        `A positional parameter cannot be found that accepts argument '${typeof value === 'string' ? value : ''}'.`,
        `PositionalParameterNotFound,${commandName}`,
      );
    }
    values.set(parameter, value);
  }
  return values;
};

export const missingMandatory = (name: string, commandName: string): Error =>
  raiseBinding(
    `Cannot process command because of one or more missing mandatory parameters: ${name}.`,
    `MissingMandatoryParameter,${commandName}`,
  );

export const notBound = (name: string, message: string, commandName: string): Error =>
  raise(
    `Cannot process argument transformation on parameter '${name}'. ${message}`,
    `ParameterArgumentTransformationError,${commandName}`,
    'InvalidData',
  );
