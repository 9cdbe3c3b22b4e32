/** One check and all that is wrong; empty when it passed. */
export interface Result {
  readonly name: string;
  readonly problems: readonly string[];
}
