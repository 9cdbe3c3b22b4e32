import { describe, expect, test } from 'vitest';
import { checkAddress, checkIpAddress, discoveredAddress, isWithinDnsSuffix } from './address.ts';

const strict = { allowLoopback: false };
const lab = { allowLoopback: true };

describe('checkIpAddress', () => {
  test.each(['10.0.0.4', '192.168.1.10', '172.16.3.4', '20.30.40.50', 'fd12:3456::7', '2001:db8::1', '64:ff9b::a00:4'])(
    '%s is allowed',
    (address) => {
      expect(checkIpAddress(address, strict)).toEqual({ ok: true, address });
      expect(checkIpAddress(address, lab)).toEqual({ ok: true, address });
    },
  );

  test.each(['127.0.0.1', '127.1.1.1', '127.255.255.254', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1'])(
    'loopback %s only in the lab',
    (address) => {
      expect(checkIpAddress(address, strict)).toMatchObject({ ok: false, reason: expect.stringContaining('loopback') });
      expect(checkIpAddress(address, lab)).toEqual({ ok: true, address });
    },
  );

  test.each([
    ['169.254.169.254', 'metadata'],
    ['168.63.129.16', 'metadata'],
    ['fd00:ec2::254', 'metadata'],
    ['::ffff:169.254.169.254', 'metadata'],
    ['64:ff9b::a9fe:a9fe', 'metadata'],
    ['169.254.10.1', 'link-local'],
    ['fe80::1', 'link-local'],
    ['febf::1', 'link-local'],
    ['0.0.0.0', 'unspecified'],
    ['0.1.2.3', 'unspecified'],
    ['::', 'unspecified'],
    ['::127.0.0.1', 'loopback'],
    ['64:ff9b::127.0.0.1', 'loopback'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['ff02::1', 'multicast'],
    ['255.255.255.255', 'reserved'],
    ['240.0.0.1', 'reserved'],
    ['10.0.0', 'not an IP address'],
    ['', 'not an IP address'],
  ])('%s is refused: %s', (address, reason) => {
    for (const rules of [strict, lab]) {
      expect(checkIpAddress(address, rules)).toMatchObject({ ok: false, reason: expect.stringContaining(reason) });
    }
  });
});

describe('checkAddress', () => {
  test.each(['node1.corp.example.com', 'NODE1', 'node1.corp.example.com.', '10.0.0.4', 'a.b2c'])(
    '%s is allowed',
    (address) => {
      expect(checkAddress(address, strict)).toEqual({ ok: true, address });
    },
  );

  test.each([
    'localhost',
    'LocalHost',
    'x.localhost',
    '127.0.0.1',
    '::1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '127.1',
    '[::1]',
    'fe80::1%eth0',
    '',
    '.',
    'a..b',
    '-a.example.com',
    'a_b.example.com',
    'node1.example.com:22',
    'user@node1.example.com',
    'node1.example.com/x',
    'node 1',
    `${'a'.repeat(64)}.example.com`,
    `${'a.'.repeat(127)}example`,
  ])('%s is refused', (address) => {
    expect(checkAddress(address, strict).ok).toBe(false);
  });

  test('the lab may use loopback names', () => {
    expect(checkAddress('localhost', lab).ok).toBe(true);
    expect(checkAddress('127.1.1.1', lab).ok).toBe(true);
    expect(checkAddress('169.254.169.254', lab).ok).toBe(false);
  });
});

describe('discovered addresses', () => {
  test.each([
    ['NODE2', 'corp.example.com', 'corp.example.com', 'NODE2.corp.example.com'],
    ['NODE2', 'CORP.example.com', 'corp.EXAMPLE.com', 'NODE2.CORP.example.com'],
    ['n', 'site.corp.example.com', 'corp.example.com', 'n.site.corp.example.com'],
  ])('%s in %s, trusting %s', (name, suffix, trusted, address) => {
    expect(discoveredAddress(name, suffix, trusted)).toEqual({ ok: true, address });
  });

  test.each([
    ['NODE2', 'evil.example.net', 'corp.example.com'],
    ['NODE2', 'evilcorp.example.com', 'corp.example.com'],
    ['NODE2', 'example.com', 'corp.example.com'],
    ['NODE2', '', 'corp.example.com'],
    ['NODE2', 'corp.example.com', ''],
    ['NODE2', 'corp.example.com.', 'corp.example.com'],
    ['NODE2.evil.net#', 'corp.example.com', 'corp.example.com'],
    ['a.b', 'corp.example.com', 'corp.example.com'],
    ['', 'corp.example.com', 'corp.example.com'],
    ['SIXTEENCHARACTER', 'corp.example.com', 'corp.example.com'],
    ['127', '0.0.1', '0.0.1'],
  ])('%s in %s is refused when %s is trusted', (name, suffix, trusted) => {
    expect(discoveredAddress(name, suffix, trusted).ok).toBe(false);
  });

  test('the suffix itself is not within the suffix', () => {
    expect(isWithinDnsSuffix('corp.example.com', 'corp.example.com')).toBe(false);
  });
});
