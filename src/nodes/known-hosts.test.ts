import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { KnownHostsError, parseKnownHosts, pinsOf } from './known-hosts.ts';
import { buildHostKey } from './testing/host-key.ts';

const [one, two] = [buildHostKey('one'), buildHostKey('two')];
const hashed = (name: string): string => {
  const salt = Buffer.from('0123456789abcdefghij');
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
};
const pins = (text: string, address = 'node1.corp.example.com', port = 22) =>
  pinsOf(parseKnownHosts(text), address, port);

describe('known_hosts', () => {
  it('reads what ssh-keygen -l prints of a real key', () => {
    // github.com's published ed25519 key and fingerprint.
    const text = 'github.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl comment';
    expect(pins(text, 'github.com').pins).toEqual(['SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU']);
  });

  it.each([
    ['its name', 'node1.corp.example.com', 22, true],
    ['a list of names', 'node9,node1.corp.example.com,10.0.0.1', 22, true],
    ['upper case', 'NODE1.corp.example.com', 22, true],
    ['a pattern', '*.corp.example.com', 22, true],
    ['a pattern with one character open', 'node?.corp.example.com', 22, true],
    ['a pattern that is narrower', '*.corp.example.com,!node1.*', 22, false],
    ['stars that match nothing more', '*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b', 22, false],
    ['another name', 'node2.corp.example.com', 22, false],
    ['the beginning of its name', 'node1', 22, false],
    ['its name and port', '[node1.corp.example.com]:2222', 2222, true],
    ['its name and another port', '[node1.corp.example.com]:2223', 2222, false],
    ['its name without the port, as ssh does', 'node1.corp.example.com', 2222, true],
    ['a port where it is reached at 22', '[node1.corp.example.com]:2222', 22, false],
    ['its hashed name', hashed('node1.corp.example.com'), 22, true],
    ['its hashed name and port', hashed('[node1.corp.example.com]:2222'), 2222, true],
    ['another hashed name', hashed('node2.corp.example.com'), 22, false],
  ])('a line with %s', (_, hosts, port, isFound) => {
    expect(pins(`${hosts} ${one.line}`, 'node1.corp.example.com', port).pins).toEqual(isFound ? [one.pin] : []);
  });

  it('takes every key of a host, and none twice', () => {
    const text = `# ssh-keyscan\n\nnode1.corp.example.com ${one.line}\r\n10.0.0.1,node1.* ${two.line}\nnode1.* ${one.line}\n`;
    expect(pins(text).pins).toEqual([one.pin, two.pin]);
  });

  it('a revoked key is no pin, whatever other line has it', () => {
    const text = `node1.corp.example.com ${one.line}\n@revoked * ${one.line}\nnode1.corp.example.com ${two.line}`;
    expect(pins(text)).toEqual({ pins: [two.pin], revoked: [one.pin], hasCertificateAuthority: false });
  });

  it('an authority pins nothing and is told', () => {
    expect(pins(`@cert-authority *.corp.example.com ${one.line}`)).toEqual({
      pins: [],
      revoked: [],
      hasCertificateAuthority: true,
    });
  });

  it.each([
    ['no key', 'node1 ssh-ed25519'],
    ['a key of another type', `node1 ecdsa-sha2-nistp256 ${one.line.split(' ')[1]}`],
    ['no base64', 'node1 ssh-ed25519 !!!'],
    ['an unknown marker', `@trusted node1 ${one.line}`],
    ['a revoked key that is cut off', '@revoked node1 ssh-ed25519 AAAA'],
    ['a hash of another kind', `|2|AAAA|BBBB ${one.line}`],
  ])('refuses the whole text for a line with %s, and names the line', (_, line) => {
    const parse = () => parseKnownHosts(`node1 ${one.line}\n${line}`);
    expect(parse).toThrow(KnownHostsError);
    expect(parse).toThrow(/line 2/);
  });
});
