/**
 * Runs code that is not ours, so that its exception cannot end a loop. An exception goes to `report`; one thrown by a reporter itself
 * becomes a process warning, the only place left.
 */
export function contain(action: () => void, report: (error: unknown) => void = warn): void {
  try {
    action();
  } catch (error) {
    report(error);
  }
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}
