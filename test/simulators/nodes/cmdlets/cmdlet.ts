import { Type, type Static, type TObject, type TProperties, type TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { builds, type BuildFeatures } from '../builds.ts';
import { Hashtable } from '../powershell/values.ts';
import { nodeOf, type NodeContext } from '../world.ts';

/** What PowerShell's catch block sees: `$_.Exception`, `$_.FullyQualifiedErrorId`, `$_.CategoryInfo.Reason`. */
export class CmdletError extends Error {
  override name = 'CmdletError';
  readonly fullyQualifiedErrorId: string;
  readonly reason: string;
  /** `$_.Exception.InnerException.Detail.Error`: the registration cmdlets put what Azure said here. */
  readonly detail: string | undefined;
  /** True: -ErrorAction SilentlyContinue does not silence it. */
  readonly terminating: boolean;
  /** What the cmdlet had given before. */
  readonly output: readonly unknown[];
  /** Further members of `$_.Exception`. */
  readonly exceptionProperties: Readonly<Record<string, unknown>>;
  constructor(
    message: string,
    fullyQualifiedErrorId: string,
    reason: string,
    more: {
      readonly detail?: string;
      readonly terminating?: boolean;
      readonly output?: readonly unknown[];
      readonly exceptionProperties?: Readonly<Record<string, unknown>>;
    } = {},
  ) {
    super(message);
    this.fullyQualifiedErrorId = fullyQualifiedErrorId;
    this.reason = reason;
    this.detail = more.detail;
    this.terminating = more.terminating ?? true;
    this.output = more.output ?? [];
    this.exceptionProperties = more.exceptionProperties ?? {};
  }
}

/** A .NET enumeration value: over JSON it would be its number, so a script has to ask for its name. */
export interface EnumValue {
  readonly type: string;
  readonly name: string;
  readonly value: number;
}

const EnumShape = Type.Object({ type: Type.String(), name: Type.String(), value: Type.Integer() });

/** Values by name, as the real enumeration numbers them. */
export const enumeration =
  (type: string, names: Readonly<Record<string, number>>) =>
  (nameOrNumber: string | number): EnumValue => {
    const found = Object.entries(names).find(([name, value]) => name === nameOrNumber || value === nameOrNumber);
    if (found === undefined) throw new Error(`${type} has no ${nameOrNumber}`);
    return { type, name: found[0], value: found[1] };
  };

/** One call of a cmdlet: by whom, with what, and what came down the pipeline. */
export interface Call<P extends TProperties> {
  readonly context: NodeContext;
  /** Aborts when the process that calls ends before its time. */
  readonly signal: AbortSignal;
  readonly parameters: Static<TObject<P>>;
  readonly input: readonly unknown[];
}

export interface Cmdlet {
  readonly name: string;
  readonly module: string;
  readonly exists: (features: BuildFeatures) => boolean;
  /** Of a release, without the common ones. */
  readonly parameterNames: (features: BuildFeatures) => readonly string[];
  /** As a script calls it: full names or aliases in any case. Gives one value, an array of them, or undefined. */
  readonly invoke: (
    context: NodeContext,
    signal: AbortSignal,
    parameters: Readonly<Record<string, unknown>>,
    input: readonly unknown[],
  ) => Promise<unknown>;
}

export interface CmdletDefinition<P extends TProperties> {
  readonly name: string;
  readonly module: string;
  readonly parameters: P;
  readonly aliases?: Readonly<Record<string, keyof P & string>>;
  readonly exists?: (features: BuildFeatures) => boolean;
  /** Parameters that a release does not have yet. */
  readonly lacks?: (features: BuildFeatures) => readonly (keyof P & string)[];
  readonly run: (call: Call<P>) => unknown;
}

/** A string that must be given and must not be empty, as [Parameter(Mandatory)] says. */
export const mandatory = Type.String({ minLength: 1 });
export const optional = Type.Optional(Type.String());
export const toggle = Type.Optional(Type.Boolean());

const always = (): boolean => true;
const none = (): readonly string[] => [];

const scalarText = (value: unknown): unknown => {
  if (value === null) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return Value.Check(EnumShape, value) ? value.name : value;
};

/** The conversions that the parameter binder makes. */
const converted = (schema: TSchema, value: unknown): unknown => {
  if (Type.IsString(schema)) return scalarText(value);
  if (Type.IsArray(schema))
    return (Array.isArray(value) ? value : [value]).map((each: unknown) => converted(schema.items, each));
  if (Type.IsObject(schema) && value instanceof Hashtable) {
    return Object.fromEntries(
      value.keys.map((key, index) => {
        const name = Object.keys(schema.properties).find((each) => each.toLowerCase() === String(key).toLowerCase());
        const property = name === undefined ? undefined : schema.properties[name];
        return [
          name ?? String(key),
          property === undefined ? value.values[index] : converted(property, value.values[index]),
        ];
      }),
    );
  }
  if ((Type.IsInteger(schema) || Type.IsNumber(schema)) && typeof value === 'string' && /^-?\d+$/.test(value))
    return Number(value);
  return value;
};

const bindingError = (message: string, id: string, reason: string): CmdletError => new CmdletError(message, id, reason);

export const commandNotFound = (name: string): CmdletError =>
  new CmdletError(
    `The term '${name}' is not recognized as the name of a cmdlet, function, script file, or operable program. Check the spelling of the name, or if a path was included, verify that the path is correct and try again.`,
    'CommandNotFoundException',
    'CommandNotFoundException',
  );

export const cmdlet = <P extends TProperties>(definition: CmdletDefinition<P>): Cmdlet => {
  const { name, aliases = {}, exists = always, lacks = none } = definition;
  const schemas: Readonly<Record<string, TSchema>> = definition.parameters;
  const whole = Type.Object(definition.parameters, { additionalProperties: false });
  const required = new Set(Object.keys(schemas).filter((each) => !Type.IsOptional(schemas[each])));
  const canonical = new Map<string, string>([
    ...Object.keys(schemas).map((each): [string, string] => [each.toLowerCase(), each]),
    ...Object.entries(aliases).map(([alias, each]): [string, string] => [alias.toLowerCase(), each]),
  ]);

  const bindOne = (parameter: string, schema: TSchema, given: unknown): unknown => {
    if (required.has(parameter) && given === null) {
      throw bindingError(
        `Cannot bind argument to parameter '${parameter}' because it is null.`,
        `ParameterArgumentValidationErrorNullNotAllowed,${name}`,
        'ParameterBindingValidationException',
      );
    }
    const value = converted(schema, given);
    if (required.has(parameter) && value === '') {
      throw bindingError(
        `Cannot bind argument to parameter '${parameter}' because it is an empty string.`,
        `ParameterArgumentValidationErrorEmptyStringNotAllowed,${name}`,
        'ParameterBindingValidationException',
      );
    }
    if (!Value.Check(schema, value)) {
      throw bindingError(
        `Cannot process argument transformation on parameter '${parameter}': the value does not fit.`,
        `ParameterArgumentTransformationError,${name}`,
        'ParameterBindingArgumentTransformationException',
      );
    }
    return value;
  };

  const bind = (features: BuildFeatures, parameters: Readonly<Record<string, unknown>>): Record<string, unknown> => {
    const bound: Record<string, unknown> = {};
    const lacking = new Set<string>(lacks(features));
    for (const [given, value] of Object.entries(parameters)) {
      const parameter = canonical.get(given.toLowerCase());
      const schema = parameter === undefined ? undefined : schemas[parameter];
      if (parameter === undefined || schema === undefined || lacking.has(parameter)) {
        throw bindingError(
          `A parameter cannot be found that matches parameter name '${given}'.`,
          `NamedParameterNotFound,${name}`,
          'ParameterBindingException',
        );
      }
      if (Object.hasOwn(bound, parameter)) {
        throw bindingError(
          `Cannot bind parameter because parameter '${parameter}' is specified more than once.`,
          `ParameterAlreadyBound,${name}`,
          'ParameterBindingException',
        );
      }
      bound[parameter] = bindOne(parameter, schema, value);
    }
    const missing = [...required].filter((each) => !Object.hasOwn(bound, each) && !lacking.has(each));
    if (missing.length > 0) {
      throw bindingError(
        `Cannot process command because of one or more missing mandatory parameters: ${missing.join(' ')}.`,
        `MissingMandatoryParameter,${name}`,
        'ParameterBindingException',
      );
    }
    return bound;
  };

  return {
    name,
    module: definition.module,
    exists,
    parameterNames: (features) => Object.keys(schemas).filter((each) => !lacks(features).includes(each)),
    invoke: async (context, signal, parameters, input) => {
      const features = builds[nodeOf(context).build];
      if (!exists(features)) throw commandNotFound(name);
      const bound = bind(features, parameters);
      if (!Value.Check(whole, bound)) throw new Error(`${name} was bound wrongly`);
      return definition.run({ context, signal, parameters: bound, input });
    },
  };
};
