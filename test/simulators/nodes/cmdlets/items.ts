import { builds } from '../builds.ts';
import type { NodeState } from '../state.ts';
import { clusterOf, nodeOf, type NodeContext } from '../world.ts';
import { CmdletError } from './cmdlet.ts';

// What lies under a path: registry keys with their values, folders and files. What Windows itself has there is not in the state.

export const agentProgram = 'C:\\Program Files\\AzureConnectedMachineAgent\\azcmagent.exe';
export const scriptPath = 'C:\\Program Files\\HciRegistration\\hcireg.ps1';
export const imdsKey = 'HKLM:\\SOFTWARE\\Microsoft\\Windows Azure\\CurrentVersion\\IMDS';
export const stampKey = 'HKLM:\\SOFTWARE\\Microsoft\\AzureStackStampInformation';
export const microsoftUpdateKey =
  'HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WindowsUpdate\\Services\\7971F918-A847-4430-9279-4A52D1EFE18D';
export const proxyKey = 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment';
const versionKey = 'HKLM:\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion';
const clusterKey = 'HKLM:\\Cluster';

/** The id of the core resource "Cluster Name". */
export const clusterNameResource = (context: NodeContext): string =>
  `${clusterOf(context).id.slice(0, -12)}00000000c1a0`;

const cloudManagementPrograms: Readonly<Record<string, string>> = {
  HciClusterAgentSvc: 'C:\\Windows\\System32\\azshci\\HciClusterAgentSvc.exe',
  HciCloudManagementSvc: 'C:\\Windows\\System32\\azshci\\cloudmanagement\\HciCloudManagementSvc.exe',
};

const systemFolders = [
  'C:',
  'C:\\Program Files',
  'C:\\ProgramData',
  'C:\\Windows\\System32',
  'C:\\Windows\\Tasks',
  'C:\\Windows\\Temp',
];

type RegistryValues = NodeState['registry'][string];

export interface ItemPath {
  readonly provider: 'registry' | 'file';
  readonly path: string;
}

export const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
const isUnder = (path: string, folder: string): boolean => path.toLowerCase().startsWith(`${folder.toLowerCase()}\\`);
export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('\\'));
export const leafOf = (path: string): string => path.slice(path.lastIndexOf('\\') + 1);

export const parsePath = (given: string, command: string): ItemPath => {
  const path = given.replaceAll('/', '\\').replace(/\\+$/, '');
  const key = /^(?:Registry::)?(?:HKLM:|HKEY_LOCAL_MACHINE)(\\.*)?$/i.exec(path);
  if (key !== null) return { provider: 'registry', path: `HKLM:${key[1] ?? ''}` };
  if (/^C:(\\[^:*?"<>|]*)?$/i.test(path)) return { provider: 'file', path };
  const drive = path.split(':')[0] ?? '';
  throw new CmdletError(
    `Cannot find drive. A drive with the name '${drive}' does not exist.`,
    `DriveNotFound,${command}`,
    'DriveNotFoundException',
    { terminating: false },
  );
};

const windowsKeys = (context: NodeContext): Readonly<Record<string, RegistryValues>> => {
  const { build } = nodeOf(context);
  return {
    [versionKey]: {
      UBR: builds[build].updateRevision,
      DisplayVersion: build,
      CurrentBuild: String(builds[build].number),
      ProductName: 'Azure Stack HCI',
    },
    [clusterKey]: { ClusterName: context.clusterName, ClusterNameResource: clusterNameResource(context) },
    'HKLM:\\SOFTWARE\\Microsoft\\Windows Azure\\CurrentVersion': {},
    'HKLM:\\SYSTEM': {},
  };
};

/** A key's own name in the state, in whatever case it is asked for. */
const nameIn = (entries: Readonly<Record<string, unknown>>, path: string): string | undefined =>
  Object.keys(entries).find((each) => same(each, path));

/** The values of a key; undefined where it does not exist. */
export const keyValues = (context: NodeContext, path: string): RegistryValues | undefined => {
  const { registry } = nodeOf(context);
  const windows = windowsKeys(context);
  const ownName = nameIn(registry, path);
  const windowsName = nameIn(windows, path);
  if (ownName !== undefined || windowsName !== undefined) {
    return {
      ...(windowsName === undefined ? {} : windows[windowsName]),
      ...(ownName === undefined ? {} : registry[ownName]),
    };
  }
  const known = [...Object.keys(windows), ...Object.keys(registry)];
  return known.some((each) => isUnder(each, path)) ? {} : undefined;
};

export const createKey = (context: NodeContext, path: string): void => {
  const { registry } = nodeOf(context);
  registry[nameIn(registry, path) ?? path] ??= {};
};

/** Values are found in any case of their name. */
export const setKeyValue = (context: NodeContext, path: string, name: string, value: string | number): void => {
  createKey(context, path);
  const { registry } = nodeOf(context);
  const values = registry[nameIn(registry, path) ?? path] ?? {};
  values[nameIn(values, name) ?? name] = value;
};

/** False where there is no such value. */
export const removeKeyValue = (context: NodeContext, path: string, name: string): boolean => {
  const { registry } = nodeOf(context);
  const values = registry[nameIn(registry, path) ?? path];
  const own = values === undefined ? undefined : nameIn(values, name);
  return values !== undefined && own !== undefined && Reflect.deleteProperty(values, own);
};

export const subkeys = (context: NodeContext, path: string): readonly string[] => [
  ...new Set(
    Object.keys(nodeOf(context).registry)
      .filter((each) => isUnder(each, path))
      .map((each) => each.slice(path.length + 1).split('\\')[0] ?? ''),
  ),
];

const systemFiles = (context: NodeContext): readonly string[] => [
  ...nodeOf(context).cloudManagementServices.map((name) => cloudManagementPrograms[name] ?? ''),
  ...(nodeOf(context).agent === undefined ? [] : [agentProgram]),
  ...(clusterOf(context).execution === 'Dispatcher' ? [scriptPath] : []),
];

/** Undefined where it does not exist. Files of Windows show as empty ones. */
export const fileAt = (context: NodeContext, path: string): { readonly content?: string | undefined } | undefined => {
  const { files } = nodeOf(context);
  const own = files[nameIn(files, path) ?? ''];
  if (own !== undefined) return own;
  const system = systemFiles(context);
  if (system.some((each) => same(each, path))) return { content: '' };
  const folders = [...systemFolders, ...system, ...Object.keys(files)];
  return systemFolders.some((each) => same(each, path)) || folders.some((each) => isUnder(each, path)) ? {} : undefined;
};

export const writeFile = (context: NodeContext, path: string, entry: { content?: string }): void => {
  const { files } = nodeOf(context);
  files[nameIn(files, path) ?? path] = entry;
};

export const exists = (context: NodeContext, { provider, path }: ItemPath): boolean =>
  (provider === 'registry' ? keyValues(context, path) : fileAt(context, path)) !== undefined;

/** What lies directly or deeper under a path in the state, without the path itself. */
export const below = (context: NodeContext, { provider, path }: ItemPath): readonly string[] =>
  Object.keys(provider === 'registry' ? nodeOf(context).registry : nodeOf(context).files).filter((each) =>
    isUnder(each, path),
  );

/** With all that lies under it. */
export const removeItemAt = (context: NodeContext, at: ItemPath): void => {
  const entries: Record<string, unknown> =
    at.provider === 'registry' ? nodeOf(context).registry : nodeOf(context).files;
  for (const each of Object.keys(entries)) {
    if (same(each, at.path) || isUnder(each, at.path)) Reflect.deleteProperty(entries, each);
  }
};
