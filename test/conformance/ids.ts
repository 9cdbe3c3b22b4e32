// What a recorded session calls by one id and the simulator by another.

const guid = /[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}/gi;
const plain = (id: string): string => id.replaceAll('-', '').toLowerCase();
const skeleton = (text: string): string => text.replaceAll(guid, '<id>');

function pairs(recorded: string, simulated: string): { recorded: string; simulated: string }[] {
  const ours = simulated.match(guid) ?? [];
  return (recorded.match(guid) ?? []).map((id, index) => ({ recorded: plain(id), simulated: ours[index] ?? '' }));
}

export interface Ids {
  /** A recorded text with the simulator's ids for those that are known. */
  readonly toSimulated: (recorded: string) => string;
  /** Pairs the GUIDs of two texts that are otherwise alike. The first pairing of an id stands. */
  readonly learn: (recorded: string, simulated: string) => void;
  /** Whether two texts are the same when recorded ids are read as the simulator's. Case counts, except within a GUID. */
  readonly same: (recorded: string, simulated: string) => boolean;
}

/** `known`: for a recorded id what it stands for; the first of several is what is sent (recorders write zeros for more than one id). */
export function createIds(known: Readonly<Record<string, readonly string[]>>): Ids {
  const ids = new Map(Object.entries(known).map(([recorded, simulated]) => [plain(recorded), simulated]));
  return {
    toSimulated: (recorded) =>
      recorded.replaceAll(guid, (id) => {
        const simulated = ids.get(plain(id))?.[0];
        if (simulated === undefined) return id;
        return id.includes('-') ? simulated : plain(simulated);
      }),
    learn: (recorded, simulated) => {
      if (skeleton(recorded) !== skeleton(simulated)) return;
      for (const pair of pairs(recorded, simulated)) {
        if (!ids.has(pair.recorded)) ids.set(pair.recorded, [pair.simulated]);
      }
    },
    same: (recorded, simulated) =>
      skeleton(recorded) === skeleton(simulated) &&
      pairs(recorded, simulated).every((pair) =>
        (ids.get(pair.recorded) ?? [pair.recorded]).some((id) => plain(id) === plain(pair.simulated)),
      ),
  };
}
