import { runAudit } from './audit.ts';
import type { Prepared } from './prepare.ts';
import { runRefusals } from './refusals.ts';
import type { Result } from './result.ts';
import { runTasks } from './tasks.ts';
import { runTogether } from './together.ts';

/** All that is no single operation in a state. Rejects with UnsupportedPowerShell for a script outside the subset. */
export const runOthers = async (prepared: Prepared, script: string): Promise<readonly Result[]> => [
  ...(await runRefusals(prepared, script)),
  ...(await runAudit(prepared, script)),
  await runTogether(prepared, script),
  ...(await runTasks(prepared, script)),
];
