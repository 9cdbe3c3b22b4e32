import { sweepCrd } from '../src/api/crd.ts';
import { apiVersion } from '../src/api/group.ts';
import { describeObject, page, readSchema } from './generate-markdown.ts';

/** docs/reference-sweep.md: every field of HciOrphanSweep. */
export function sweepReferencePage(path: string): Promise<string> {
  const { names, versions } = sweepCrd().spec;
  const [version] = versions;
  if (version === undefined) throw new Error('the CRD has no version');
  const schema = readSchema(version.schema.openAPIV3Schema);
  const part = (name: string) => {
    const node = schema.properties?.[name];
    if (node === undefined) throw new Error(`the schema has no ${name}`);
    return describeObject([name], node, () => undefined);
  };
  const columns = version.additionalPrinterColumns.map(
    ({ name, description, jsonPath, priority }) =>
      `| ${name.toUpperCase()} | ${description} | \`${jsonPath}\` | ${priority === 1 ? '`-o wide`' : 'always'} |`,
  );
  return page(path, 'src/api', [
    `# ${names.kind}`,
    `${schema.description ?? ''} \`apiVersion: ${apiVersion}\`, namespaced. kubectl knows it as ${[names.plural, ...names.shortNames].map((name) => `\`${name}\``).join(', ')}, and as part of the categories ${names.categories.map((name) => `\`${name}\``).join(' and ')}. [orphans.md](orphans.md) tells how to use it.`,
    ...part('spec'),
    ...part('status'),
    '## Columns of kubectl get',
    ['| Column | Shows | From | Shown |', '| --- | --- | --- | --- |', ...columns].join('\n'),
  ]);
}
