import { Type, type Static, type TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { invalidAnswer } from './kube-error.ts';

/**
 * A function that returns the value it is given when that fits the schema and otherwise throws a `KubeError` naming the first field that
 * does not (never its content: it may be a secret). Fields that the schema does not name are let through.
 * @param what the value's name in the error
 */
export function parser<S extends TSchema>(what: string, schema: S): (value: unknown) => Static<S> {
  const validator = Compile(schema);
  return (value) => {
    if (validator.Check(value)) return value;
    const [first] = validator.Errors(value);
    throw invalidAnswer(`${what}${first?.instancePath ?? ''} ${first?.message ?? 'is not valid'}`, false);
  };
}

const Strings = Type.Record(Type.String(), Type.String());

/** What this folder and its users read of `metadata`, as it is on the wire: instants are RFC 3339 strings. */
export const ObjectMeta = Type.Object({
  name: Type.String(),
  namespace: Type.Optional(Type.String()),
  uid: Type.String(),
  resourceVersion: Type.String(),
  generation: Type.Optional(Type.Integer()),
  creationTimestamp: Type.Optional(Type.String()),
  deletionTimestamp: Type.Optional(Type.String()),
  labels: Type.Optional(Strings),
  annotations: Type.Optional(Strings),
  finalizers: Type.Optional(Type.Array(Type.String())),
});
export type ObjectMeta = Static<typeof ObjectMeta>;

export const KubeObject = Type.Object({ metadata: ObjectMeta });
export type KubeObject = Static<typeof KubeObject>;

/** client-node's models hold instants as `Date`; on the wire they are strings. */
export type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? Wire<Item>[]
    : T extends object
      ? { [Key in keyof T]: Wire<T[Key]> }
      : T;
