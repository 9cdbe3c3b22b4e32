import { createHash } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { connect as connectSocket, isIP, type LookupFunction } from 'node:net';
import ssh2, { type Algorithms, type ClientErrorExtensions, type ServerHostKeyAlgorithm } from 'ssh2';
import { checkAddress, checkIpAddress, type AddressRules } from './address.ts';
import { unlessAborted } from './unless-aborted.ts';
import type { NodeEndpoint, Unreachable, UnreachableCause } from './transport.ts';

// One SSH connection: which address, which algorithms, whose host key, whose private key, and why it failed.

export interface SshConnectionSettings extends AddressRules {
  /** All addresses of a DNS name; rejects when it has none. */
  readonly resolve: (name: string) => Promise<readonly string[]>;
  /** TCP, key exchange and authentication together. */
  readonly handshakeSeconds: number;
  readonly keepaliveSeconds: number;
  /** Unanswered keepalives after which the connection is dead. */
  readonly keepaliveCount: number;
}

export interface SshConnection {
  readonly kind: 'connected';
  readonly client: ssh2.Client;
  /** The fingerprint by which the node was known. */
  readonly hostKey: string | undefined;
  /** Why the connection ended; `undefined` while it is up. */
  readonly lostBecause: () => string | undefined;
  /** Resolves when the socket is closed, whoever closed it. */
  readonly closed: Promise<void>;
}

export const resolveName = async (name: string): Promise<readonly string[]> =>
  (await lookup(name, { all: true, order: 'verbatim' })).map(({ address }) => address);

/** Tried one family after the other: a pin may be of any of the server's keys, and the server shows one of the family asked for. */
const hostKeyFamilies: readonly (readonly ServerHostKeyAlgorithm[])[] = [
  ['ssh-ed25519'],
  ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'],
  ['rsa-sha2-512', 'rsa-sha2-256'],
];

// Written out, so that no default of the library lets SHA-1 or CBC in. The lists are what OpenSSH for Windows 8.1 and later offers.
const algorithms = (serverHostKey: readonly ServerHostKeyAlgorithm[]): Algorithms => ({
  kex: [
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp256',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group-exchange-sha256',
    'diffie-hellman-group14-sha256',
    'diffie-hellman-group16-sha512',
  ],
  cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes192-ctr', 'aes256-ctr'],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
  serverHostKey: [...serverHostKey],
  compress: ['none'],
});

/** As `ssh-keygen -l` prints it. */
export const fingerprint = (hostKey: Buffer): string =>
  `SHA256:${createHash('sha256').update(hostKey).digest('base64').replace(/=+$/, '')}`;

const nextAction: Readonly<Record<UnreachableCause, string>> = {
  address: 'give the node an address that may be connected to',
  dns: 'check the address, and the DNS that the controller uses',
  refused: 'check that sshd runs on the node and that nothing blocks its port',
  timeout: 'check that the node is up and that no firewall drops the packets',
  noAnswer: 'look at the console of the node: it, or its sshd, hangs',
  hostKey: 'compare the fingerprint with the node itself, and pin it only if the node shows the same',
  auth: "check the user, its authorized keys on the node, and the controller's private key",
  aborted: 'it is asked again when it is next due',
};

/** `what` is the cause in words; the next action is added. */
export const unreachable = (cause: UnreachableCause, what: string, seenHostKey?: string): Unreachable => ({
  kind: 'unreachable',
  cause,
  detail: `${what}; ${nextAction[cause]}`,
  ...(seenHostKey === undefined ? {} : { seenHostKey }),
});

const messageOf = (error: unknown): string => {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(', ');
  return error instanceof Error ? error.message : String(error);
};

const allowedAddresses = async (
  address: string,
  settings: SshConnectionSettings,
  signal: AbortSignal,
): Promise<readonly string[] | Unreachable> => {
  const verdict = checkAddress(address, settings);
  if (!verdict.ok) return unreachable('address', verdict.reason);
  if (isIP(address) !== 0) return [address];
  let found: readonly string[] | undefined;
  try {
    found = await unlessAborted(settings.resolve(address), signal);
  } catch (error) {
    return unreachable('dns', `${address} could not be resolved: ${messageOf(error)}`);
  }
  if (found === undefined) return unreachable('aborted', `resolving ${address} was aborted`);
  const verdicts = found.map((each) => checkIpAddress(each, settings));
  const allowed = verdicts.flatMap((each) => (each.ok ? [each.address] : []));
  if (allowed.length > 0) return allowed;
  const reasons = verdicts.flatMap((each) => (each.ok ? [] : [each.reason]));
  if (reasons.length === 0) return unreachable('dns', `${address} has no address`);
  return unreachable('address', `${address}: ${reasons.join(', ')}`);
};

/** The private keys that can be read. One that cannot is skipped, as the next one may work; never a word of its text in a message. */
const readablePrivateKeys = (privateKeys: readonly string[]): readonly ssh2.ParsedKey[] =>
  privateKeys.flatMap((text) => {
    const key = ssh2.utils.parseKey(text);
    return key instanceof Error || !key.isPrivateKey() ? [] : [key];
  });

interface Target {
  readonly addresses: readonly string[];
  readonly port: number;
  readonly user: string;
  readonly keys: readonly ssh2.ParsedKey[];
  readonly pins: readonly string[];
}

/** `nextFamily`: the server showed no key, or none that is pinned, of this family; it may have another. */
type Attempt = { readonly result: SshConnection } | { readonly result: Unreachable; readonly nextFamily: boolean };

const attempt = (
  target: Target,
  serverHostKey: readonly ServerHostKeyAlgorithm[],
  settings: SshConnectionSettings,
  signal: AbortSignal,
): Promise<Attempt> =>
  new Promise((resolve) => {
    const where = `${target.addresses[0] ?? ''} port ${target.port}`;
    const answerLookup: LookupFunction = (_, options, callback) => {
      const all = target.addresses.map((address) => ({ address, family: isIP(address) }));
      const [first] = all;
      if (options.all === true) callback(null, all);
      else callback(null, first?.address ?? '', first?.family);
    };
    // The name is only a handle: the lookup answers with the addresses that were judged. The library itself leaves Nagle on.
    const socket = connectSocket({ host: 'node.invalid', port: target.port, lookup: answerLookup, noDelay: true });
    const client = new ssh2.Client();
    const closed = new Promise<void>((done) => {
      socket.once('close', () => done());
    });
    let seenHostKey: string | undefined;
    let denied = false;
    let authenticating = false;
    let connected = false;
    let lost: string | undefined;

    const fail = (result: Unreachable, nextFamily = false): void => {
      resolve({ result, nextFamily });
      signal.removeEventListener('abort', abort);
      socket.destroy();
    };
    const abort = (): void => fail(unreachable('aborted', `connecting to ${where} was aborted`));

    const judge = (error: Error & ClientErrorExtensions): void => {
      const text = `${where}: ${messageOf(error)}`;
      if (denied) {
        const pinned = target.pins.length === 0 ? 'no host key is pinned' : 'its host key is not among the pins';
        fail(unreachable('hostKey', `${where}: ${pinned}`, seenHostKey), target.pins.length > 0);
      } else if (error.level === 'client-timeout' || ('code' in error && error.code === 'ETIMEDOUT')) {
        fail(unreachable(connected ? 'noAnswer' : 'timeout', text, seenHostKey));
      } else if (error.level === 'client-authentication' || (authenticating && error.level === undefined)) {
        // Without a level it is the server's own disconnect message, "too many authentication failures" for one.
        fail(unreachable('auth', `${where}: user ${target.user}: ${messageOf(error)}`, seenHostKey));
      } else {
        fail(unreachable('refused', text, seenHostKey), error.level === 'handshake' && seenHostKey === undefined);
      }
    };

    socket.once('connect', () => {
      connected = true;
    });
    client.on('handshake', () => {
      authenticating = true;
    });
    client.on('error', (error) => {
      lost ??= messageOf(error);
      judge(error);
    });
    client.on('close', () => {
      lost ??= 'the node closed the connection';
      fail(unreachable('refused', `${where}: the connection was closed before it was ready`, seenHostKey));
    });
    client.on('ready', () => {
      signal.removeEventListener('abort', abort);
      resolve({ result: { kind: 'connected', client, hostKey: seenHostKey, lostBecause: () => lost, closed } });
    });
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    client.connect({
      sock: socket,
      username: target.user,
      authHandler: target.keys.map((key) => ({ type: 'publickey' as const, username: target.user, key })),
      algorithms: algorithms(serverHostKey),
      readyTimeout: settings.handshakeSeconds * 1000,
      keepaliveInterval: settings.keepaliveSeconds * 1000,
      keepaliveCountMax: settings.keepaliveCount,
      hostVerifier: (hostKey: Buffer) => {
        seenHostKey = fingerprint(hostKey);
        denied = !target.pins.includes(seenHostKey);
        return !denied;
      },
    });
  });

/** The first key that was shown decides what is reported. */
const attemptFamilies = async (
  target: Target,
  settings: SshConnectionSettings,
  signal: AbortSignal,
): Promise<SshConnection | Unreachable> => {
  let first: Unreachable | undefined;
  for (const family of hostKeyFamilies) {
    const outcome = await attempt(target, family, settings, signal);
    if (!('nextFamily' in outcome)) return outcome.result;
    if (!outcome.nextFamily) return first?.seenHostKey === undefined ? outcome.result : first;
    if (first?.seenHostKey === undefined) first = outcome.result;
  }
  return first ?? unreachable('refused', 'no host key algorithm was tried');
};

/** Connects and authenticates. Never rejects. No byte beyond the key exchange is sent unless the host key is pinned. */
export const openConnection = async (
  node: NodeEndpoint,
  settings: SshConnectionSettings,
  signal: AbortSignal,
): Promise<SshConnection | Unreachable> => {
  const addresses = await allowedAddresses(node.address, settings, signal);
  if ('kind' in addresses) return addresses;
  const keys = readablePrivateKeys(node.privateKeys);
  if (keys.length === 0) {
    return unreachable('auth', `none of the ${node.privateKeys.length} private keys for user ${node.user} can be read`);
  }
  return attemptFamilies({ addresses, port: node.port, user: node.user, keys, pins: node.hostKeys }, settings, signal);
};

/** Shows a server's host key of the first family that it has. Never rejects. */
export const scanHostKey = async (
  address: string,
  port: number,
  settings: SshConnectionSettings,
  signal: AbortSignal,
): Promise<{ kind: 'seen'; hostKey: string } | Unreachable> => {
  const addresses = await allowedAddresses(address, settings, signal);
  if ('kind' in addresses) return addresses;
  const result = await attemptFamilies({ addresses, port, user: '', keys: [], pins: [] }, settings, signal);
  if (result.kind === 'connected') {
    result.client.destroy();
    return unreachable('hostKey', 'a connection was made without a pin');
  }
  if (result.cause === 'hostKey' && result.seenHostKey !== undefined)
    return { kind: 'seen', hostKey: result.seenHostKey };
  return result;
};
