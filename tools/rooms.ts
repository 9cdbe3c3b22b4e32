import { glob, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

// Which room may import which (docs/architecture.md). A file is judged by the first rule that its path fits.

interface Rule {
  files: RegExp;
  /** What it must not import, by path from the root, or by package name. */
  never: RegExp;
  because: string;
  /** Types may be imported: they do nothing. */
  typesAllowed?: true;
}

/** The files of src/registration that read, write or keep; all others decide. */
const doing = String.raw`(act|arc-secret|clients|detach|held-secrets|observe|observe-azure|observe-nodes|observe-onboarding|onboarding-secret|owned-secret|perform|reader|reconcile|referenced-secrets|status-writer|tell|steps/.*\.act)\.ts$`;

const rules: Rule[] = [
  {
    files: /^src\/kube\//,
    never: /^(src\/(?!kube\/)|@azure\/|ssh2$)/,
    because: 'the runtime knows nothing of HCI, Azure or nodes',
  },
  {
    files: /^src\/azure\//,
    never: /^(src\/(?!azure\/)|@kubernetes\/|ssh2$)/,
    because: 'Azure knows neither Kubernetes nor nodes nor what is done with them',
  },
  {
    files: /^src\/nodes\//,
    never: /^(src\/(?!nodes\/)|@kubernetes\/|@azure\/)/,
    because: 'nodes know neither Kubernetes nor Azure',
  },
  {
    files: /^src\/sign-in\//,
    never: /^src\/(registration|orphans|nodes)\//,
    because: 'signing in does not depend on what for',
  },
  {
    files: /^src\/api\//,
    never: /^(src\/(?!api\/|kube\/schema)|@kubernetes\/|@azure\/|ssh2$)/,
    because: 'the API is data',
  },
  {
    // failures.ts tells errors apart by their class.
    files: new RegExp(`^src/registration/(?!${doing}|failures\\.ts$)`),
    never: new RegExp(
      `^src/registration/${doing}|^src/(sign-in/sessions|kube/(?!schema)|azure/(resource-manager|reads|credentials|budget)|nodes/(ssh|transport))|^(@azure/|@kubernetes/|ssh2$|node:(fs|net|http|https|child_process))`,
    ),
    because: 'decisions do no I/O',
    typesAllowed: true,
  },
  {
    files: /^src\/orphans\/(judge|plan|report|schedule|fleet|observed)\.ts$/,
    never:
      /(\.act\.ts$|^src\/orphans\/(observe|reconcile|controller)\.ts$|^src\/(sign-in\/sessions|kube\/(?!schema)|azure\/(?!resource-ids))|^(@azure\/|@kubernetes\/|ssh2$|node:(fs|net|http|https|child_process)))/,
    because: 'decisions do no I/O',
    typesAllowed: true,
  },
  { files: /^src\//, never: /^test\//, because: 'the controller does not know the simulators' },
];

const root = join(import.meta.dirname, '..');
const problems: string[] = [];
let count = 0;
for await (const file of glob('src/**/*.ts', { cwd: root })) {
  if (/\.test\.ts$|\/testing\//.test(file)) continue;
  count += 1;
  const text = await readFile(join(root, file), 'utf8');
  for (const [, how = '', from = ''] of text.matchAll(/(import type [^;]*?from|from|import)\s*\(?\s*'([^']+)'/g)) {
    const imported = from.startsWith('.') ? relative(root, join(root, dirname(file), from)) : from;
    for (const { files, never, because, typesAllowed } of rules) {
      if (typesAllowed === true && how.startsWith('import type')) continue;
      if (files.test(file) && never.test(imported)) problems.push(`${file} imports ${imported}: ${because}`);
    }
  }
}
process.stdout.write(problems.length === 0 ? `${count} files keep to their rooms\n` : `${problems.join('\n')}\n`);
process.exitCode = problems.length === 0 ? 0 : 1;
