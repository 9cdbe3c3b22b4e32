import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Step } from '../src/registration/step.ts';
import { steps } from '../src/registration/steps/index.ts';
import { page, root } from './generate-markdown.ts';

const folder = 'src/registration/steps';

/** docs/steps.md: from Microsoft's words, cmdlets and event ids to the files that do the same here. */
export async function stepsPage(path: string): Promise<string> {
  const files = await filesOfSteps();
  const documented: Record<string, Omit<Step<unknown>, 'affects' | 'evaluate'>> = steps;
  const sections = Object.entries(documented).flatMap(
    ([name, { microsoft, after, submits, optional, leftWhenForbidden }], index) => {
      const file = files.get(name);
      if (file === undefined) throw new Error(`${folder} has no file for the step ${name}`);
      const link = (target: string) => `[${target}](../${folder}/${target})`;
      return [
        `## ${name}`,
        `Step ${index + 1} of ${Object.keys(steps).length}. ${microsoft.words}.`,
        [
          `- Command: \`${microsoft.command}\``,
          ...(microsoft.events === undefined ? [] : [`- Event ids: ${microsoft.events.join(', ')}`]),
          `- Waits for: ${after.length === 0 ? 'nothing' : after.map((earlier) => `[${earlier}](#${earlier.toLowerCase()})`).join(', ')}`,
          ...(submits === undefined
            ? []
            : [
                `- Started once, on record in \`status.submissions\` before it starts; its effect is awaited for ${submits.waitSeconds} s before it is started again`,
              ]),
          ...(optional === true
            ? ['- Its failure holds nothing else and does not keep the object from being Ready']
            : []),
          ...(leftWhenForbidden === true
            ? [
                '- It cleans up: where Azure refuses it for want of the right (403), what it would remove is left, told, and holds nothing',
              ]
            : []),
          `- Files: ${link(`${file}.ts`)} decides, ${link(`${file}.act.ts`)} does the one write`,
        ].join('\n'),
      ];
    },
  );
  return page(path, folder, [
    '# Steps',
    "What a registration consists of, in the order in which `Register-AzStackHCI` does it, and then, in the order of `Unregister-AzStackHCI`, how it is taken away. Each step makes one write, in Azure, on a node, or to the controller's own Secret (GeneratePassword: in Azure and to the Secret), and is left out when what it brings about is already there. Steps that do not wait for each other are done side by side. `status.plan` and the events of an object use these names; the command is what Microsoft's own cmdlets call, and the event ids are those that they write to the Application log (source HCI Registration).",
    ...sections,
  ]);
}

/** Step name to the file that defines it, without extensions. */
async function filesOfSteps(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const name of await readdir(join(root, folder))) {
    if (!/^[a-z-]+\.ts$/.test(name)) continue;
    const text = await readFile(join(root, folder, name), 'utf8');
    for (const [, constant = ''] of text.matchAll(/^export const (\w+): Step</gm)) {
      const base = name.slice(0, -'.ts'.length);
      await access(join(root, folder, `${base}.act.ts`));
      found.set(`${constant.charAt(0).toUpperCase()}${constant.slice(1)}`, base);
    }
  }
  return found;
}
