import { Type, type Static, type TSchema } from 'typebox';

// Helpers for schemas that are at once TypeScript types, runtime checks and the CRD's OpenAPI schema.

export interface Rule {
  rule: string;
  message?: string;
  messageExpression?: string;
  fieldPath?: string;
}

interface Keywords {
  description?: string;
  default?: unknown;
  rules?: Rule[];
  [keyword: string]: unknown;
}

const keywords = ({ rules, ...rest }: Keywords) =>
  rules === undefined ? rest : { ...rest, 'x-kubernetes-validations': rules };

export const object = <T extends Record<string, TSchema>>(properties: T, options: Keywords = {}) =>
  Type.Object(properties, keywords(options));

export const string = (options: Keywords & { maxLength: number }) => Type.String(keywords(options));

export const oneOf = <const T extends string[]>(values: [...T], options: Keywords = {}) =>
  Type.Enum(values, { type: 'string', ...keywords(options) });

export const optional = Type.Optional;
export const integer = (options: Keywords = {}) => Type.Integer({ format: 'int32', ...keywords(options) });
export const boolean = (options: Keywords = {}) => Type.Boolean(keywords(options));

export const list = <T extends TSchema>(items: T, options: Keywords & { maxItems: number }) =>
  Type.Array(items, keywords(options));

/** A list that server-side apply merges by these keys. */
export const mapList = <T extends TSchema>(items: T, keys: string[], options: Keywords & { maxItems: number }) =>
  Type.Array(items, {
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': keys,
    ...keywords(options),
  });

export const instant = (description: string) => Type.String({ format: 'date-time', description });

const guidPattern = '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$';
export const guid = (name: string, description: string) =>
  string({
    maxLength: 36,
    description,
    rules: [
      {
        rule: `self.matches('${guidPattern}')`,
        message: `${name} is a GUID such as 00000000-0000-0000-0000-000000000000`,
      },
    ],
  });

/** A Go duration of hours, minutes and seconds, as Kubernetes writes them. */
export const duration = (options: { default: string; atLeast: string; description: string }) =>
  string({
    maxLength: 16,
    default: options.default,
    description: options.description,
    rules: [
      {
        rule: `self.matches('^([0-9]+h)?([0-9]+m)?([0-9]+s)?$') && size(self) > 1 && duration(self) >= duration('${options.atLeast}')`,
        message: `a duration of hours, minutes and seconds such as ${options.default}, at least ${options.atLeast}`,
      },
    ],
  });

/** Milliseconds of a duration that the schema has accepted. */
export function durationMilliseconds(value: string): number {
  const match = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(value);
  if (match === null || value === '') throw new RangeError(`not a duration: ${value}`);
  const [hours, minutes, seconds] = [match[1], match[2], match[3]].map((part) => Number(part ?? 0));
  return (((hours ?? 0) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)) * 1000;
}

/** Requires exactly the member that `type` names. */
export const unionRules = (members: Record<string, string>): Rule[] =>
  Object.entries(members).map(([type, member]) => ({
    rule: `self.type == '${type}' ? has(self.${member}) : !has(self.${member})`,
    message: `set ${member} when type is ${type}, and only then: exactly the member that type names may be set`,
  }));

export type { Static, TSchema };
