import { createHash } from 'node:crypto';

const part = (text: string): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, Buffer.from(text)]);
};

/** A host key that no server has, told from others by its content: as a line of known_hosts has it, and its fingerprint. */
export function buildHostKey(content: string, type = 'ssh-ed25519'): { line: string; pin: string } {
  const blob = Buffer.concat([part(type), part(content)]);
  const digest = createHash('sha256').update(blob).digest('base64').replace(/=+$/, '');
  return { line: `${type} ${blob.toString('base64')}`, pin: `SHA256:${digest}` };
}
