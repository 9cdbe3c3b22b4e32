import { ArmError, invalidRequestContent } from './errors.ts';

const gateway = { gateway: true };

/** Limits of tags that hold for every resource: 50, names to 512 and values to 256 characters, no `<>%&\?/` in names. */
export function checkTags(body: unknown): void {
  const tags: unknown = typeof body === 'object' && body !== null && 'tags' in body ? body.tags : undefined;
  if (typeof tags !== 'object' || tags === null) return;
  const entries = Object.entries(tags);
  const names = entries.map(([name]) => name);
  if (entries.length > 50) {
    throw new ArmError(
      400,
      'TooManyTags',
      `Invalid tag collection. The tag count '${entries.length}' exceeds the maximum allowed count '50'.`,
      gateway,
    );
  }
  const long = names.find((name) => name.length > 512);
  if (long !== undefined) {
    throw new ArmError(
      400,
      'TagNameTooLong',
      `Invalid tag name '${long.slice(0, 20)}…'. The maximum allowed length is '512'.`,
      gateway,
    );
  }
  const reserved = names.filter((name) => hasReserved(name));
  if (reserved.length > 0) {
    throw new ArmError(
      400,
      'InvalidTagNameCharacters',
      `The tag names '${reserved.join(', ')}' have reserved characters '<,>,%,&,\\,?,/' or control characters.`,
      gateway,
    );
  }
  for (const [name, value] of entries) {
    if (typeof value !== 'string') throw invalidRequestContent(`'tags.${name}' is not a string`);
    if (value.length <= 256) continue;
    throw new ArmError(
      400,
      'InvalidTagValueLength',
      `Tag value too large.  Following tag value '${value.slice(0, 20)}…' exceeded the maximum length. Maximum allowed length for tag value - '256' characters.`,
      gateway,
    );
  }
}

const hasReserved = (name: string): boolean =>
  /[<>%&\\?/]/.test(name) || Array.from(name).some((character) => character < ' ');

/** Names of Arc machines, as HybridCompute publishes them. */
export function checkMachineName(name: string): void {
  if (/^[a-zA-Z0-9-_.]{1,54}$/.test(name)) return;
  throw invalidName(name, 'Microsoft.HybridCompute/machines', 'letters, digits, -, _ and . and at most 54 characters');
}

/** Names of HCI clusters: what no resource of Azure may be called. */
export function checkClusterName(name: string): void {
  if (!/[<>*%&:\\?+/#]|[. ]$/.test(name) && name.length <= 260) return;
  throw invalidName(name, 'Microsoft.AzureStackHCI/clusters', 'no <>*%&:\\?+/# and no dot or space at its end');
}

export const invalidName = (name: string, type: string, rule: string) =>
  new ArmError(
    400,
    'InvalidResourceName',
    `The resource name '${name}' of type '${type}' is not valid. A name has ${rule}.`,
    gateway,
  );
