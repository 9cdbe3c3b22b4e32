import { reasons } from '../src/api/reasons.ts';
import { page } from './generate-markdown.ts';

/** docs/reasons.md: what each reason means and what to do. */
export function reasonsPage(path: string): Promise<string> {
  const names = Object.keys(reasons).toSorted((one, other) => one.localeCompare(other));
  return page(path, 'src/api/reasons.ts', [
    '# Reasons',
    'Each condition of an `HciClusterRegistration` or `HciOrphanSweep` carries one of these words as its reason, and so do its events. The message beside it says what it is about and when the next try is. [operations.md](operations.md) tells how to read the conditions.',
    names.map((name) => `[${name}](#${name.toLowerCase()})`).join(' · '),
    ...Object.entries(reasons).flatMap(([name, { meaning, action }]) => [
      `## ${name}`,
      meaning,
      `**What to do:** ${action}`,
    ]),
  ]);
}
