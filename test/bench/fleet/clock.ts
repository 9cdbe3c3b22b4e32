/** Moves the time that the whole process sees, Microsoft's libraries and the simulators included. Timers go on as they do. */
export function moveClock(): { now: () => number; advanceTo: (at: number) => void; restore: () => void } {
  const real = Date;
  const realNow = Date.now.bind(Date);
  let offsetMs = 0;
  const now = () => realNow() + offsetMs;
  globalThis.Date = new Proxy(real, {
    construct: (target, given: unknown[], newTarget) =>
      Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget),
    get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
  });
  return {
    now,
    /** Never back. */
    advanceTo: (at) => {
      offsetMs += Math.max(0, at - now());
    },
    restore: () => {
      globalThis.Date = real;
    },
  };
}
