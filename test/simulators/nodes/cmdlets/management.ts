import { Type } from 'typebox';
import { nodeOf, type NodeContext } from '../world.ts';
import { cmdlet, CmdletError, enumeration, mandatory, optional, toggle, type Cmdlet } from './cmdlet.ts';
import {
  below,
  createKey,
  exists,
  fileAt,
  keyValues,
  leafOf,
  parentOf,
  parsePath,
  removeItemAt,
  removeKeyValue,
  same,
  setKeyValue,
  subkeys,
  writeFile,
  type ItemPath,
} from './items.ts';

// The module Microsoft.PowerShell.Management over the registry and the files of a node, its processes and services.

const module = 'Microsoft.PowerShell.Management';
const item = { Path: mandatory };
const commands = 'Microsoft.PowerShell.Commands';

const notFound = (path: string, command: string): CmdletError =>
  new CmdletError(
    `Cannot find path '${path}' because it does not exist.`,
    `PathNotFound,${commands}.${command}`,
    'ItemNotFoundException',
    { terminating: false },
  );

const ioError = (message: string, id: string, command: string): CmdletError =>
  new CmdletError(message, `${id},${commands}.${command}`, 'IOException', { terminating: false });

const existing = (context: NodeContext, given: string, command: string): ItemPath => {
  const at = parsePath(given, `${commands}.${command}`);
  if (!exists(context, at)) throw notFound(given, command);
  return at;
};

const registryOnly = (at: ItemPath, command: string): ItemPath => {
  if (at.provider === 'registry') return at;
  throw new CmdletError(
    'Cannot use interface. The IPropertyCmdletProvider interface is not implemented by this provider for this item.',
    `NotSupported,${commands}.${command}`,
    'PSNotSupportedException',
  );
};

const provided = (at: ItemPath): Record<string, unknown> => ({
  PSPath: `Microsoft.PowerShell.Core\\${at.provider === 'registry' ? 'Registry' : 'FileSystem'}::${at.path.replace(/^HKLM:/, 'HKEY_LOCAL_MACHINE')}`,
  PSParentPath: parentOf(at.path),
  PSChildName: leafOf(at.path),
});

const noProperty = (name: string, path: string, command: string): CmdletError =>
  new CmdletError(
    `Property ${name} does not exist at path ${path.replace(/^HKLM:/, 'HKEY_LOCAL_MACHINE')}.`,
    `System.Management.Automation.PSArgumentException,${commands}.${command}`,
    'PSArgumentException',
    { terminating: false },
  );

const testPath = cmdlet({
  name: 'Test-Path',
  module,
  parameters: item,
  run: ({ context, parameters: { Path } }) => exists(context, parsePath(Path, `${commands}.TestPathCommand`)),
});

const getItemProperty = cmdlet({
  name: 'Get-ItemProperty',
  module,
  parameters: { ...item, Name: optional },
  run: ({ context, parameters: { Path, Name } }) => {
    const command = 'GetItemPropertyCommand';
    const at = registryOnly(existing(context, Path, command), command);
    const values = keyValues(context, at.path) ?? {};
    if (Name === undefined) return { ...values, ...provided(at) };
    const found = Object.entries(values).filter(([name]) => same(name, Name));
    if (found.length === 0) throw noProperty(Name, at.path, command);
    return { ...Object.fromEntries(found), ...provided(at) };
  },
});

const propertyValue = Type.Optional(Type.Union([Type.String(), Type.Number()]));
const propertyType = Type.Optional(
  Type.Enum(['String', 'ExpandString', 'DWord', 'QWord', 'MultiString', 'Binary'], { type: 'string' }),
);

/** As the registry keeps it: only numbers for a DWord. */
const stored = (value: string | number | undefined, type: string | undefined): string | number =>
  type === 'DWord' || type === 'QWord' ? Number(value) : String(value ?? '');

const newItemProperty = cmdlet({
  name: 'New-ItemProperty',
  module,
  parameters: { ...item, Name: mandatory, Value: propertyValue, PropertyType: propertyType, Force: toggle },
  aliases: { Type: 'PropertyType' },
  run: ({ context, parameters: { Path, Name, Value, PropertyType, Force } }) => {
    const command = 'NewItemPropertyCommand';
    const at = registryOnly(existing(context, Path, command), command);
    const values = keyValues(context, at.path) ?? {};
    if (Force !== true && Object.keys(values).some((each) => same(each, Name)))
      throw ioError('The property already exists.', 'System.IO.IOException', command);
    setKeyValue(context, at.path, Name, stored(Value, PropertyType));
    return { [Name]: stored(Value, PropertyType), ...provided(at) };
  },
});

const setItemProperty = cmdlet({
  name: 'Set-ItemProperty',
  module,
  parameters: { ...item, Name: mandatory, Value: propertyValue, Type: propertyType, Force: toggle },
  run: ({ context, parameters: { Path, Name, Value, Type: kind } }) => {
    const command = 'SetItemPropertyCommand';
    const at = registryOnly(existing(context, Path, command), command);
    setKeyValue(context, at.path, Name, stored(Value, kind));
  },
});

const removeItemProperty = cmdlet({
  name: 'Remove-ItemProperty',
  module,
  parameters: { ...item, Name: mandatory, Force: toggle },
  run: ({ context, parameters: { Path, Name } }) => {
    const command = 'RemoveItemPropertyCommand';
    const at = registryOnly(existing(context, Path, command), command);
    if (!removeKeyValue(context, at.path, Name)) throw noProperty(Name, at.path, command);
  },
});

const newKey = (context: NodeContext, at: ItemPath, force: boolean): unknown => {
  const command = 'NewItemCommand';
  if (exists(context, at)) {
    if (!force) throw ioError('A key in this path already exists.', 'System.IO.IOException', command);
    // Real ones are made anew: what was in them is gone.
    removeItemAt(context, at);
  }
  if (!force && !exists(context, { ...at, path: parentOf(at.path) })) {
    throw new CmdletError(
      'The registry key at the specified path does not exist.',
      `System.ArgumentException,${commands}.${command}`,
      'ArgumentException',
      { terminating: false },
    );
  }
  createKey(context, at.path);
  return provided(at);
};

const noFolder = (path: string, command: string): CmdletError =>
  new CmdletError(
    `Could not find a part of the path '${path}'.`,
    `${command === 'NewItemCommand' ? 'NewItemIOError' : 'GetContentWriterDirectoryNotFoundError'},${commands}.${command}`,
    'DirectoryNotFoundException',
    { terminating: false },
  );

const newFile = (context: NodeContext, at: ItemPath, kind: string, content: string, force: boolean): unknown => {
  const command = 'NewItemCommand';
  const found = fileAt(context, at.path);
  if (kind === 'directory') {
    if (found !== undefined && !(force && found.content === undefined))
      throw ioError(`An item with the specified name ${at.path} already exists.`, 'DirectoryExist', command);
    if (found === undefined) writeFile(context, at.path, {});
    return provided(at);
  }
  if (found !== undefined && !force) throw ioError(`The file '${at.path}' already exists.`, 'NewItemIOError', command);
  if (fileAt(context, parentOf(at.path)) === undefined) throw noFolder(at.path, command);
  writeFile(context, at.path, { content });
  return provided(at);
};

const newItem = cmdlet({
  name: 'New-Item',
  module,
  parameters: { ...item, ItemType: optional, Value: optional, Force: toggle },
  aliases: { Type: 'ItemType' },
  run: ({ context, parameters: { Path, ItemType = 'File', Value = '', Force = false } }) => {
    const at = parsePath(Path, `${commands}.NewItemCommand`);
    return at.provider === 'registry'
      ? newKey(context, at, Force)
      : newFile(context, at, ItemType.toLowerCase(), Value, Force);
  },
});

const removeItem = cmdlet({
  name: 'Remove-Item',
  module,
  parameters: { ...item, Recurse: toggle, Force: toggle },
  run: ({ context, parameters: { Path, Recurse = false } }) => {
    const command = 'RemoveItemCommand';
    const at = existing(context, Path, command);
    if (!Recurse && below(context, at).length > 0) {
      throw new CmdletError(
        'Windows PowerShell is in NonInteractive mode. Read and Prompt functionality is not available.',
        `InvalidOperation,${commands}.${command}`,
        'PSInvalidOperationException',
      );
    }
    removeItemAt(context, at);
  },
});

const getChildItem = cmdlet({
  name: 'Get-ChildItem',
  module,
  parameters: item,
  run: ({ context, parameters: { Path } }) => {
    const at = existing(context, Path, 'GetChildItemCommand');
    const names =
      at.provider === 'registry'
        ? subkeys(context, at.path)
        : below(context, at)
            .filter((each) => same(parentOf(each), at.path))
            .map(leafOf);
    return names.map((name) => ({
      Name: at.provider === 'registry' ? `${at.path.replace(/^HKLM:/, 'HKEY_LOCAL_MACHINE')}\\${name}` : name,
      ...provided({ ...at, path: `${at.path}\\${name}` }),
    }));
  },
});

const lines = Type.Array(Type.String());
const encoding = Type.Optional(
  Type.Enum(['Ascii', 'ASCII', 'UTF8', 'Unicode', 'Default', 'String', 'Byte'], { type: 'string' }),
);

/** Set-Content and Add-Content. */
const contentWriter = (name: string, command: string, keep: (before: string) => string): Cmdlet =>
  cmdlet({
    name,
    module,
    parameters: { ...item, Value: lines, Encoding: encoding, Force: toggle },
    run: ({ context, parameters: { Path, Value } }) => {
      const at = parsePath(Path, `${commands}.${command}`);
      if (fileAt(context, parentOf(at.path)) === undefined) throw noFolder(at.path, command);
      const before = keep(fileAt(context, at.path)?.content ?? '');
      writeFile(context, at.path, { content: `${before}${Value.map((line) => `${line}\r\n`).join('')}` });
    },
  });

const getContent = cmdlet({
  name: 'Get-Content',
  module,
  parameters: { ...item, Raw: toggle, Encoding: encoding },
  run: ({ context, parameters: { Path, Raw } }) => {
    const content = fileAt(context, existing(context, Path, 'GetContentCommand').path)?.content ?? '';
    return Raw === true ? content : content.split(/\r?\n/).slice(0, content.endsWith('\n') ? -1 : undefined);
  },
});

const serviceStatus = enumeration('System.ServiceProcess.ServiceControllerStatus', { Stopped: 1, Running: 4 });

const services = (
  context: NodeContext,
): readonly { readonly Name: string; readonly Status: 'Running' | 'Stopped' }[] => {
  const { hcisvc, himds, agent } = nodeOf(context);
  return [
    { Name: 'ClusSvc', Status: 'Running' },
    { Name: 'sshd', Status: 'Running' },
    { Name: 'hcisvc', Status: hcisvc },
    ...(agent === undefined ? [] : [{ Name: 'himds', Status: himds }]),
  ];
};

const getService = cmdlet({
  name: 'Get-Service',
  module,
  parameters: { Name: Type.Array(Type.String()) },
  run: ({ context, parameters: { Name } }) => {
    const all = services(context);
    const output = Name.flatMap((name) => all.filter((each) => same(each.Name, name))).map((each) => ({
      Name: each.Name,
      Status: serviceStatus(each.Status),
    }));
    const missing = Name.find((name) => !all.some((each) => same(each.Name, name)));
    if (missing === undefined) return output;
    throw new CmdletError(
      `Cannot find any service with service name '${missing}'.`,
      `NoServiceFoundForGivenName,${commands}.GetServiceCommand`,
      'ServiceCommandException',
      { terminating: false, output },
    );
  },
});

export const managementCmdlets: readonly Cmdlet[] = [
  testPath,
  getItemProperty,
  newItemProperty,
  setItemProperty,
  removeItemProperty,
  newItem,
  removeItem,
  getChildItem,
  contentWriter('Set-Content', 'SetContentCommand', () => ''),
  contentWriter('Add-Content', 'AddContentCommand', (before) => before),
  getContent,
  getService,
];
