import type { Exchange } from '../simulators/shared/admin.ts';
import { describeFinding, validateTraffic } from './oav.ts';
import { hasRecordedTruth } from './recordedTruth.ts';

const shown = 20;

/** Throws where what went over the wire is not what Azure's OpenAPI files say; tests call it with all that their lab saw. */
export async function expectAsPublished(exchanges: readonly Exchange[]): Promise<void> {
  if (!hasRecordedTruth()) return;
  const { findings } = await validateTraffic(exchanges);
  if (findings.length === 0) return;
  const lines = new Set(findings.map(describeFinding));
  throw new Error(`not as Azure's OpenAPI files say:\n${[...lines].slice(0, shown).join('\n')}`);
}
