import type { Difference } from './compare.ts';

/** A difference that stays, and why. Patterns are tested against the whole text. */
export interface Explanation {
  /** Name of the recording. */
  readonly recording: RegExp;
  /** `METHOD path` with the recording's own ids. */
  readonly exchange: RegExp;
  /** Where the answers differ (`Difference.at`); `everything`: the exchange is not sent at all. */
  readonly at: RegExp | 'everything';
  readonly reason: string;
}

export interface Explainer {
  /** The explanation of a whole exchange that is not sent. */
  readonly skip: (recording: string, exchange: string) => Explanation | undefined;
  /** Differences that nothing explains. */
  readonly unexplained: (recording: string, exchange: string, differences: readonly Difference[]) => Difference[];
  /** What explained nothing. */
  readonly unused: () => Explanation[];
}

export function createExplainer(explanations: readonly Explanation[]): Explainer {
  const used = new Set<Explanation>();
  const applying = (recording: string, exchange: string) =>
    explanations.filter((one) => whole(one.recording, recording) && whole(one.exchange, exchange));
  const use = (explanation: Explanation | undefined): Explanation | undefined => {
    if (explanation !== undefined) used.add(explanation);
    return explanation;
  };
  return {
    skip: (recording, exchange) => use(applying(recording, exchange).find(({ at }) => at === 'everything')),
    unexplained: (recording, exchange, differences) => {
      const candidates = applying(recording, exchange);
      return differences.filter(
        ({ at }) => use(candidates.find((one) => one.at !== 'everything' && whole(one.at, at))) === undefined,
      );
    },
    unused: () => explanations.filter((explanation) => !used.has(explanation)),
  };
}

const whole = (pattern: RegExp, text: string): boolean => pattern.exec(text)?.[0] === text;
