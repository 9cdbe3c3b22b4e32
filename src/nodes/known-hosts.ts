import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

// The host keys of a known_hosts file, as OpenSSH reads it (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).

export interface KnownHosts {
  readonly lines: readonly KnownHost[];
}

interface KnownHost {
  readonly marker: 'revoked' | 'cert-authority' | undefined;
  /** Comma-separated patterns, or one hashed name. */
  readonly hosts: string;
  /** `SHA256:…`, as ssh-keygen -l prints it. */
  readonly fingerprint: string;
}

/** A line that cannot be read. It may be one that revokes a key, so none is skipped. */
export class KnownHostsError extends Error {
  override readonly name = 'KnownHostsError';
}

/** What is known of one host. */
export interface HostPins {
  readonly pins: readonly string[];
  /** Never accepted, whatever else pins them. */
  readonly revoked: readonly string[];
  /** A line trusts an authority for it. The controller knows no host certificates, so that line pins nothing. */
  readonly hasCertificateAuthority: boolean;
}

export const noPins: HostPins = { pins: [], revoked: [], hasCertificateAuthority: false };

/** @throws KnownHostsError */
export const parseKnownHosts = (text: string): KnownHosts => ({
  lines: text.split('\n').flatMap((line, index) => {
    const trimmed = line.trim();
    return trimmed === '' || trimmed.startsWith('#') ? [] : [parseLine(trimmed, index + 1)];
  }),
});

function parseLine(line: string, number: number): KnownHost {
  const fields = line.split(/[ \t]+/);
  const marked = fields[0]?.startsWith('@') === true ? fields.shift() : undefined;
  const [hosts, type, key] = fields;
  const marker = marked === '@revoked' ? 'revoked' : marked === '@cert-authority' ? 'cert-authority' : undefined;
  if (marked !== undefined && marker === undefined)
    throw new KnownHostsError(`line ${number} has a marker that OpenSSH does not know`);
  const blob = Buffer.from(key ?? '', 'base64');
  if (hosts === undefined || type === undefined || keyType(blob) !== type)
    throw new KnownHostsError(`line ${number} is not "<hosts> <key type> <key in base64>"`);
  if (hosts.startsWith('|') && hashedName(hosts) === undefined)
    throw new KnownHostsError(`line ${number} has a hashed name that is not |1|<salt>|<hash>`);
  const fingerprint = createHash('sha256').update(blob).digest('base64').replace(/=+$/, '');
  return { marker, hosts, fingerprint: `SHA256:${fingerprint}` };
}

/** A key begins with its own type, as a string with its length before it. */
function keyType(blob: Buffer): string | undefined {
  if (blob.length < 4) return undefined;
  const length = blob.readUInt32BE(0);
  return length > 0 && blob.length > 4 + length ? blob.toString('latin1', 4, 4 + length) : undefined;
}

/** The pins of a host that is reached at this address and port. Like ssh, it also takes a line that names no port. */
export function pinsOf({ lines }: KnownHosts, address: string, port: number): HostPins {
  const name = address.toLowerCase().replace(/\.$/, '');
  const names = port === 22 ? [name] : [`[${name}]:${port}`, name];
  const ofHost = lines.filter(({ hosts }) => names.some((each) => matches(hosts, each)));
  const fingerprints = (marker: KnownHost['marker']) => [
    ...new Set(ofHost.filter((line) => line.marker === marker).map(({ fingerprint }) => fingerprint)),
  ];
  const revoked = fingerprints('revoked');
  return {
    pins: fingerprints(undefined).filter((pin) => !revoked.includes(pin)),
    revoked,
    hasCertificateAuthority: ofHost.some(({ marker }) => marker === 'cert-authority'),
  };
}

function matches(hosts: string, name: string): boolean {
  const hashed = hashedName(hosts);
  if (hashed !== undefined) {
    const hash = createHmac('sha1', hashed.salt).update(name).digest();
    return hash.length === hashed.hash.length && timingSafeEqual(hash, hashed.hash);
  }
  const patterns = hosts.toLowerCase().split(',');
  const isRefused = patterns.some((pattern) => pattern.startsWith('!') && matchesPattern(pattern.slice(1), name));
  return !isRefused && patterns.some((pattern) => matchesPattern(pattern, name));
}

function hashedName(hosts: string): { salt: Buffer; hash: Buffer } | undefined {
  const [, salt, hash] = /^\|1\|([A-Za-z0-9+/]+=*)\|([A-Za-z0-9+/]+=*)$/.exec(hosts) ?? [];
  if (salt === undefined || hash === undefined) return undefined;
  return { salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') };
}

/** `*` and `?`. Not by a regular expression: with many stars that could take for ever, and the text is a user's. */
function matchesPattern(pattern: string, name: string): boolean {
  let at = 0;
  let star: { pattern: number; name: number } | undefined;
  for (let index = 0; index < name.length;) {
    const wanted = pattern[at];
    if (wanted === '*') {
      star = { pattern: at, name: index };
      at += 1;
    } else if (wanted !== undefined && (wanted === '?' || wanted === name[index])) {
      at += 1;
      index += 1;
    } else if (star === undefined) {
      return false;
    } else {
      star.name += 1;
      index = star.name;
      at = star.pattern + 1;
    }
  }
  return /^\**$/.test(pattern.slice(at));
}
