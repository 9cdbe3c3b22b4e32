export const between = (low: number, high: number): number => low + Math.random() * (high - low);

/** Each pause is random between `min` and three times the one before, so that many clients do not come back together. */
export function createBackoff({ min, max }: { min: number; max: number }): { next(): number; reset(): void } {
  let previous = min;
  return {
    next: () => (previous = Math.min(max, between(min, previous * 3))),
    reset: () => void (previous = min),
  };
}
