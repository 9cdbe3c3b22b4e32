import { Type, type Static, type TObject, type TProperties } from 'typebox';
import { Value } from 'typebox/value';
import { builds, type BuildFeatures } from '../builds.ts';
import { nodeOf, type NodeContext } from '../world.ts';

/** What PowerShell's catch block sees: `$_.Exception`, `$_.FullyQualifiedErrorId`, `$_.CategoryInfo.Reason`. */
export class CmdletError extends Error {
  override name = 'CmdletError';
  readonly fullyQualifiedErrorId: string;
  readonly reason: string;
  /** `$_.Exception.InnerException.Detail.Error`: the registration cmdlets put what Azure said here. */
  readonly detail: string | undefined;
  constructor(message: string, fullyQualifiedErrorId: string, reason: string, detail?: string) {
    super(message);
    this.fullyQualifiedErrorId = fullyQualifiedErrorId;
    this.reason = reason;
    this.detail = detail;
  }
}

/** A .NET enumeration value: over JSON it would be its number, so a script has to ask for its name. */
export interface EnumValue {
  readonly type: string;
  readonly name: string;
  readonly value: number;
}

/** Values by name, as the real enumeration numbers them. */
export const enumeration =
  (type: string, names: Readonly<Record<string, number>>) =>
  (nameOrNumber: string | number): EnumValue => {
    const found = Object.entries(names).find(([name, value]) => name === nameOrNumber || value === nameOrNumber);
    if (found === undefined) throw new Error(`${type} has no ${nameOrNumber}`);
    return { type, name: found[0], value: found[1] };
  };

export interface Cmdlet<P extends TProperties, R> {
  readonly name: string;
  readonly module: string;
  readonly exists: (features: BuildFeatures) => boolean;
  readonly run: (context: NodeContext, parameters: Static<TObject<P>>) => Promise<R>;
  /** As a script calls it: names in any case, aliases, values of any type. */
  readonly bind: (context: NodeContext, parameters: Readonly<Record<string, unknown>>) => Promise<R>;
}

export interface CmdletDefinition<P extends TProperties, R> {
  readonly name: string;
  readonly module: string;
  readonly parameters: P;
  readonly aliases?: Readonly<Record<string, keyof P & string>>;
  readonly exists?: (features: BuildFeatures) => boolean;
  readonly run: (context: NodeContext, parameters: Static<TObject<P>>) => Promise<R> | R;
}

const always = (): boolean => true;

export const cmdlet = <P extends TProperties, R>(definition: CmdletDefinition<P, R>): Cmdlet<P, R> => {
  const { name, module, aliases = {}, exists = always } = definition;
  const schema = Type.Object(definition.parameters, { additionalProperties: false });
  const canonical = new Map<string, string>([
    ...Object.keys(definition.parameters).map((each): [string, string] => [each.toLowerCase(), each]),
    ...Object.entries(aliases).map(([alias, each]): [string, string] => [alias.toLowerCase(), each]),
  ]);

  const run = async (context: NodeContext, parameters: unknown): Promise<R> => {
    if (!exists(builds[nodeOf(context).build])) {
      throw new CmdletError(
        `The term '${name}' is not recognized as the name of a cmdlet, function, script file, or operable program. Check the spelling of the name, or if a path was included, verify that the path is correct and try again.`,
        'CommandNotFoundException',
        'CommandNotFoundException',
      );
    }
    if (!Value.Check(schema, parameters)) {
      const where = Value.Errors(schema, parameters).map(({ instancePath, message }) => `${instancePath} ${message}`);
      throw new CmdletError(
        `Cannot bind the parameters of ${name}: ${where.join(', ')}.`,
        `ParameterArgumentValidationError,${name}`,
        'ParameterBindingValidationException',
      );
    }
    return definition.run(context, parameters);
  };

  return {
    name,
    module,
    exists,
    run,
    bind: (context, parameters) => {
      const bound: Record<string, unknown> = {};
      for (const [given, value] of Object.entries(parameters)) {
        const parameter = canonical.get(given.toLowerCase());
        if (parameter === undefined) {
          const message = `A parameter cannot be found that matches parameter name '${given}'.`;
          return Promise.reject(
            new CmdletError(message, `NamedParameterNotFound,${name}`, 'ParameterBindingException'),
          );
        }
        bound[parameter] = value;
      }
      return run(context, bound);
    },
  };
};
