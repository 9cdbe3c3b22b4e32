import { bindElements, bindTo } from './binding.ts';
import { dataCommands } from './dataCommands.ts';
import { jsonCommands } from './jsonCommands.ts';
import { objectCommands } from './objectCommands.ts';
import type { LanguageCommand } from './languageCommand.ts';
import { streamCommands } from './streamCommands.ts';
import type { Runtime, Scope } from './runtime.ts';
import type { Command } from './syntax.ts';

// The cmdlets that are part of the language rather than of a node.

const commands = new Map<string, LanguageCommand>(
  [...streamCommands, ...objectCommands, ...jsonCommands, ...dataCommands].map((each) => [
    each.name.toLowerCase(),
    each,
  ]),
);

export const languageCommandNames: readonly string[] = [...commands.values()].map(({ name }) => name);

export const findLanguageCommand = (name: string): LanguageCommand | undefined => commands.get(name.toLowerCase());

export const runLanguageCommand = async (
  language: LanguageCommand,
  invocation: {
    readonly command: Command;
    readonly input: readonly unknown[] | undefined;
    readonly scope: Scope;
    readonly output: unknown[];
    readonly runtime: Runtime;
  },
): Promise<void> => {
  const { command, input, scope, output, runtime } = invocation;
  const { name, values = [], switches = [], positions = [] } = language;
  const isSwitch = (parameter: string): boolean | undefined => {
    if (switches.some((each) => each.toLowerCase() === parameter)) return true;
    return values.some((each) => each.toLowerCase() === parameter) ? false : undefined;
  };
  const bound = await bindElements(command, name, isSwitch, scope, runtime);
  const parameters = bindTo(bound, name, [...values, ...switches], positions);
  await language.run({
    get: (parameter) => parameters.get(parameter),
    has: (parameter) => parameters.has(parameter),
    input,
    errorAction: bound.errorAction,
    at: command.at,
    conversion: runtime.conversion(command.at),
    scope,
    output,
    runtime,
  });
};
