/**
 * A construct, operator, type, member or parameter outside the house subset. It is no PowerShell error: a script's `try` does not catch it,
 * so whoever runs the script fails loudly. The message names the construct and its line.
 */
export class UnsupportedPowerShell extends Error {
  override name = 'UnsupportedPowerShell';
  /** 1-based */
  readonly line: number;
  constructor(what: string, line: number) {
    super(`line ${line}: ${what} is outside the subset of PowerShell that node scripts may use`);
    this.line = line;
  }
}
