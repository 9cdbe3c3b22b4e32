import { createHash } from 'node:crypto';
import ssh2 from 'ssh2';

export interface KeyPair {
  /** OpenSSH format. */
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA…` */
  readonly publicKey: string;
}

/** The library's generator drops a leading zero of the public key, so one ed25519 key in about 256 cannot be read back. */
export const newKeyPair = (): KeyPair => {
  const made = ssh2.utils.generateKeyPairSync('ed25519');
  if (ssh2.utils.parseKey(made.private) instanceof Error) return newKeyPair();
  return { privateKey: made.private, publicKey: made.public };
};

/** The wire form of a public or private key's public half; `undefined` where it is no key. */
export const wireForm = (key: string): Buffer | undefined => {
  const parsed = ssh2.utils.parseKey(key);
  return parsed instanceof Error ? undefined : parsed.getPublicSSH();
};

/** As `ssh-keygen -l` prints it. */
export const fingerprintOf = (key: string): string =>
  `SHA256:${createHash('sha256')
    .update(wireForm(key) ?? '')
    .digest('base64')
    .replace(/=+$/, '')}`;
