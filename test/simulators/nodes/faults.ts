import { Type, type Static } from 'typebox';

const closed = { additionalProperties: false };

export type FaultEffect = Static<typeof FaultEffect>;
const FaultEffect = Type.Union([
  Type.Object(
    { fail: Type.Object({ message: Type.String(), id: Type.String(), reason: Type.String() }, closed) },
    closed,
  ),
  Type.Object({ dropResponse: Type.Literal(true) }, closed),
  Type.Object({ dropRequest: Type.Literal(true) }, closed),
  Type.Object({ delaySeconds: Type.Number({ minimum: 0 }) }, closed),
  Type.Object({ hang: Type.Literal(true) }, closed),
  Type.Object(
    {
      raw: Type.Object(
        {
          stdout: Type.Optional(Type.String()),
          stderr: Type.Optional(Type.String()),
          exitStatus: Type.Optional(Type.Integer({ minimum: 0, maximum: 255 })),
        },
        closed,
      ),
    },
    closed,
  ),
]);

export const Fault = Type.Object(
  {
    cluster: Type.Optional(Type.String()),
    node: Type.Optional(Type.String()),
    operation: Type.Optional(Type.String()),
    times: Type.Optional(Type.Integer({ minimum: 1 })),
    after: Type.Optional(Type.Integer({ minimum: 0 })),
    effect: FaultEffect,
  },
  closed,
);
export type Fault = Static<typeof Fault>;

export interface Faults {
  readonly replace: (faults: readonly Fault[]) => void;
  /** The effect of the first fault that is due for this operation. Counts matches. */
  readonly take: (cluster: string, node: string, operation: string) => FaultEffect | undefined;
}

export const createFaults = (): Faults => {
  let active: { readonly fault: Fault; matched: number }[] = [];
  return {
    replace: (faults) => {
      active = faults.map((fault) => ({ fault, matched: 0 }));
    },
    take: (cluster, node, operation) => {
      for (const entry of active) {
        const { fault } = entry;
        if ((fault.cluster ?? cluster) !== cluster) continue;
        if ((fault.node ?? node) !== node) continue;
        if ((fault.operation ?? operation) !== operation) continue;
        entry.matched += 1;
        const nth = entry.matched - (fault.after ?? 0);
        if (nth >= 1 && nth <= (fault.times ?? Number.POSITIVE_INFINITY)) return fault.effect;
      }
      return undefined;
    },
  };
};
