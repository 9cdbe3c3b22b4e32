import { Type, type Static } from 'typebox';
import { KnownRefusal } from './knownRefusals.ts';

export const Host = Type.Union([
  Type.Literal('arm'),
  Type.Literal('login'),
  Type.Literal('graph'),
  Type.Literal('dataPlane'),
  Type.Literal('instanceMetadata'),
]);
export type Host = Static<typeof Host>;

const closed = { additionalProperties: false };

export const FaultEffect = Type.Union([
  Type.Object(
    {
      respond: Type.Object(
        {
          status: Type.Integer({ minimum: 200, maximum: 599 }),
          headers: Type.Optional(Type.Record(Type.String(), Type.String())),
          body: Type.Optional(Type.Unknown()),
        },
        closed,
      ),
    },
    closed,
  ),
  Type.Object({ refuse: KnownRefusal }, closed),
  Type.Object({ dropResponse: Type.Literal(true) }, closed),
  Type.Object({ dropRequest: Type.Literal(true) }, closed),
  Type.Object({ delaySeconds: Type.Number({ minimum: 0 }) }, closed),
  Type.Object({ hang: Type.Literal(true) }, closed),
]);
export type FaultEffect = Static<typeof FaultEffect>;

export const Fault = Type.Object(
  {
    method: Type.Optional(Type.String()),
    path: Type.String({ format: 'regex' }),
    body: Type.Optional(Type.String({ format: 'regex' })),
    host: Type.Optional(Host),
    times: Type.Optional(Type.Integer({ minimum: 1 })),
    after: Type.Optional(Type.Integer({ minimum: 0 })),
    effect: FaultEffect,
  },
  closed,
);
export type Fault = Static<typeof Fault>;

export interface Faults {
  readonly replace: (faults: readonly Fault[]) => void;
  /** The effect of the first fault that is due for this request. Counts matches. */
  readonly take: (host: Host, method: string, pathAndQuery: string, body?: string) => FaultEffect | undefined;
}

export function createFaults(): Faults {
  let active: { fault: Fault; path: RegExp; body: RegExp; matched: number }[] = [];
  return {
    replace: (faults) => {
      active = faults.map((fault) => ({
        fault,
        path: new RegExp(fault.path, 'i'),
        body: new RegExp(fault.body ?? '', 'i'),
        matched: 0,
      }));
    },
    take: (host, method, pathAndQuery, body = '') => {
      for (const entry of active) {
        const { fault } = entry;
        if (fault.host !== undefined && fault.host !== host) continue;
        if (fault.method !== undefined && fault.method.toUpperCase() !== method) continue;
        if (!entry.path.test(pathAndQuery) || !entry.body.test(body)) continue;
        entry.matched += 1;
        const nth = entry.matched - (fault.after ?? 0);
        if (nth >= 1 && nth <= (fault.times ?? Infinity)) return fault.effect;
      }
      return undefined;
    },
  };
}
