import { registrationCrd } from '../src/api/crd.ts';
import { apiVersion, finalizer, fluxPoke, pokes } from '../src/api/group.ts';
import { markTag } from '../src/registration/target.ts';
import { describeObject, page, readSchema, type NoteOf } from './generate-markdown.ts';

// What src/api does not say: which conditions there are, and what an annotation asks for today.
const conditions = `
| Type | True means | Present |
| --- | --- | --- |
| Ready | Registered, connected, Arc as asked, no credential expired, and nothing left to do. With managementPolicy Observe: it could be read | once looked at |
| Reconciling | There is work to do, or a retry is scheduled | only while True |
| Stalled | Only a person or a change helps. Never together with Reconciling | only while True |
| Authenticated | A token for Azure Resource Manager was obtained | once looked at |
| PermissionsSatisfied | The effective actions in the subscription cover what is needed. Blocks nothing by itself | once looked at |
| NodesReachable | Every node answered its last probe | once looked at |
| Registered | The cluster resource exists, and every node says that it is registered to it | once looked at |
| Connected | Every node's ConnectionStatus is Connected, and the last synchronisation is less than a day old | once looked at |
| ArcConnected | arcSettings shows every node as Connected. Unknown with NotRequested when spec.arc.state is not Enabled | once looked at |
| CredentialsCurrent | No tracked credential has expired. Unknown while an expiry is not known | once looked at |
| InSync | No step is left to do | once looked at |
| ClockSkew | The controller's clock and Azure's differ by more than 5 minutes | only while True |
| Suspended | spec.suspend is true. The others then say what was known last; an object that was never looked at has no others | only while True |
| Deleting | The object is being deleted and cannot go yet; the message says why | only while True |
`;

const answers: Record<keyof typeof pokes, string> = {
  reconcile: 'lastHandledReconcileAt',
  sync: 'lastHandledSyncAt',
  rotate: 'lastHandledRotateAt',
  repair: 'lastHandledRepairAt',
};

const refused = 'answered with `Stalled`, reason `NotSupportedYet`; nothing is changed.';
const withoutEffect = 'without effect.';

/** Where the schema is ahead of the controller. Every path must exist. */
const notYet: ReadonlyMap<string, string> = new Map([
  ['spec.nodes.transport.type', `WinRM is ${refused}`],
  ['spec.nodes.transport.ssh.user', 'there is no node installer.'],
  ['spec.nodes.transport.winRM', refused],
  ['spec.arc.state', `Disabled is ${refused}`],
  ['spec.arc.onboarding.type', `ClusterIdentity is ${refused}`],
  ['spec.arc.proxy', refused],
  ['spec.credentialRotation', withoutEffect],
  [
    'spec.deletion.policy',
    'Unregister is not carried out: the object stays, and says so with reason `UnregisterNotSupported`.',
  ],
  ['spec.deletion.whenNodesUnreachable', withoutEffect],
  ['spec.deletion.extensions', withoutEffect],
  ['status.lastHandledRotateAt', 'the request is answered without a rotation.'],
  ['status.lastHandledRepairAt', 'everything is read again and what is missing is mended; no credential is renewed.'],
  ['status.credentials[].name', 'SignIn is not tracked.'],
  ['status.credentials[].renewalTime', 'never set.'],
]);

/** docs/reference.md: every field of HciClusterRegistration. */
export function referencePage(path: string): Promise<string> {
  const { spec } = registrationCrd();
  const { names, versions } = spec;
  const [version] = versions;
  if (version === undefined) throw new Error('the CRD has no version');
  const schema = readSchema(version.schema.openAPIV3Schema);
  const unused = new Set(notYet.keys());
  const noteOf: NoteOf = (field) => {
    unused.delete(field);
    return notYet.get(field);
  };
  const part = (name: string) => {
    const node = schema.properties?.[name];
    if (node === undefined) throw new Error(`the schema has no ${name}`);
    return describeObject([name], node, noteOf);
  };
  const sections = [...part('spec'), ...part('status')];
  if (unused.size > 0) throw new Error(`there is no ${[...unused].join(', ')}`);
  const columns = version.additionalPrinterColumns.map(
    ({ name, description, jsonPath, priority }) =>
      `| ${name.toUpperCase()} | ${description} | \`${jsonPath}\` | ${priority === 1 ? '`-o wide`' : 'always'} |`,
  );
  const annotations = Object.entries(answers).map(([poke, field]) => {
    const annotation = Object.entries(pokes).find(([name]) => name === poke)?.[1];
    return `| \`${annotation}\` | \`status.${field}\` |`;
  });
  return page(path, 'src/api', [
    `# ${names.kind}`,
    `${schema.description ?? ''} \`apiVersion: ${apiVersion}\`, ${spec.scope.toLowerCase()}. kubectl knows it as ${[names.plural, ...names.shortNames].map((name) => `\`${name}\``).join(', ')}, and as part of the categories ${names.categories.map((name) => `\`${name}\``).join(' and ')}.`,
    'The API server refuses an object that breaks a rule below, with the message that stands there. Some values are accepted and not carried out by this version of the controller; the [README](../README.md#what-this-version-does-not-do) lists them.',
    '## Rules for the whole object',
    (schema['x-kubernetes-validations'] ?? []).map(({ message }) => `- ${message}`).join('\n'),
    ...sections,
    '## Conditions',
    'Each is a `metav1.Condition`; [reasons.md](reasons.md) explains every reason.',
    conditions.trim(),
    '## Annotations',
    `Any of these, set to a value that it did not have before, makes the controller read everything again at once, drop its pauses after failures, and try what is due. When the pass is done, the value stands in the status field. The values are opaque; a time is usual. \`sync\` also has the nodes synchronise with Azure once, \`rotate\` also makes a new Arc secret, and \`repair\` also does what \`Register-AzStackHCI -RepairRegistration\` does: see [credentials.md](credentials.md).`,
    [
      '| Annotation | Answered in |',
      '| --- | --- |',
      ...annotations,
      `| \`${fluxPoke}\` (Flux; counts when the first one is absent) | \`status.lastHandledReconcileAt\` |`,
    ].join('\n'),
    '## Columns of kubectl get',
    ['| Column | Shows | From | Shown |', '| --- | --- | --- | --- |', ...columns].join('\n'),
    `Objects can be selected by field: ${version.selectableFields.map(({ jsonPath }) => `\`--field-selector ${jsonPath.slice(1)}=…\``).join(', ')}.`,
    '## Marks',
    `- The finalizer \`${finalizer}\` is on the object from before the first write until it is released.\n- The tag \`${markTag}\` on the cluster resource in Azure says which object it belongs to: \`<instanceId>/<namespace>/<name>\`.`,
  ]);
}
