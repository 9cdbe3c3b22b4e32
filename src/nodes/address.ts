import { BlockList, isIP } from 'node:net';

// Which addresses the controller may connect to. Addresses come from objects that users write and from what nodes report, so
// without this the controller could be made to talk to itself, to its host or to a metadata service.

export type AddressVerdict =
  | { readonly ok: true; readonly address: string }
  | { readonly ok: false; readonly reason: string };

const maximumNameLength = 253;
const label = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const dnsName = new RegExp(`^${label}(?:\\.${label})*$`);
const computerName = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,13}[A-Za-z0-9])?$/;

const list = (...ranges: readonly (readonly [network: string, prefix: number])[]): BlockList => {
  const blockList = new BlockList();
  for (const [network, prefix] of ranges) blockList.addSubnet(network, prefix, isIP(network) === 6 ? 'ipv6' : 'ipv4');
  return blockList;
};

const loopback = list(['127.0.0.0', 8], ['::1', 128]);

// Order matters for the message only: the narrower range stands first. 64:ff9b::/96 is an IPv4 address seen through NAT64.
const refused: readonly (readonly [reason: string, addresses: BlockList])[] = [
  [
    'a metadata service',
    list(['169.254.169.254', 32], ['168.63.129.16', 32], ['fd00:ec2::254', 128], ['64:ff9b::a9fe:a9fe', 128]),
  ],
  ['link-local', list(['169.254.0.0', 16], ['fe80::', 10], ['64:ff9b::a9fe:0', 112])],
  ['unspecified', list(['0.0.0.0', 8], ['::', 128])],
  ['loopback', list(['64:ff9b::7f00:0', 104], ['::', 96])],
  ['multicast', list(['224.0.0.0', 4], ['ff00::', 8])],
  ['reserved', list(['240.0.0.0', 4])],
];

/** `allowLoopback` is a switch for the lab. */
export interface AddressRules {
  readonly allowLoopback: boolean;
}

/** Judges an IP address that is about to be connected to. */
export const checkIpAddress = (address: string, rules: AddressRules): AddressVerdict => {
  const family = isIP(address);
  if (family === 0) return { ok: false, reason: `${JSON.stringify(address.slice(0, 64))} is not an IP address` };
  const type = family === 6 ? 'ipv6' : 'ipv4';
  if (loopback.check(address, type)) {
    return rules.allowLoopback ? { ok: true, address } : { ok: false, reason: `${address} is not allowed: loopback` };
  }
  const match = refused.find(([, addresses]) => addresses.check(address, type));
  return match === undefined ? { ok: true, address } : { ok: false, reason: `${address} is not allowed: ${match[0]}` };
};

/** Judges a configured address, a DNS name or an IP address. What a name resolves to is judged again with `checkIpAddress`. */
export const checkAddress = (address: string, rules: AddressRules): AddressVerdict => {
  if (isIP(address) !== 0) return checkIpAddress(address, rules);
  const name = address.endsWith('.') ? address.slice(0, -1) : address;
  // A last label of digits is how the old forms of IPv4 addresses (0x7f.1, 2130706433) are written; no DNS name ends so.
  if (name.length > maximumNameLength || !dnsName.test(name) || /(?:^|\.)(?:\d+|0[xX][0-9A-Fa-f]*)$/.test(name)) {
    return { ok: false, reason: `${JSON.stringify(address.slice(0, 64))} is neither a DNS name nor an IP address` };
  }
  if (/^(?:.+\.)?localhost$/i.test(name) && !rules.allowLoopback)
    return { ok: false, reason: `${address} is not allowed: loopback` };
  return { ok: true, address };
};

/** Whether a DNS name lies strictly within a DNS suffix. Case does not matter. */
export const isWithinDnsSuffix = (address: string, dnsSuffix: string): boolean =>
  dnsName.test(dnsSuffix) && dnsName.test(address) && address.toLowerCase().endsWith(`.${dnsSuffix.toLowerCase()}`);

/**
 * The address of a node that the cluster itself named: node name, dot, suffix. Both come from a node, so the result must lie
 * within `trustedDnsSuffix`, which a person gave (the suffix of a configured host's address).
 */
export const discoveredAddress = (nodeName: string, dnsSuffix: string, trustedDnsSuffix: string): AddressVerdict => {
  if (!computerName.test(nodeName))
    return { ok: false, reason: `${JSON.stringify(nodeName.slice(0, 64))} is not a computer name` };
  const address = `${nodeName}.${dnsSuffix}`;
  if (address.length > maximumNameLength || !isWithinDnsSuffix(address, trustedDnsSuffix)) {
    return {
      ok: false,
      reason: `${JSON.stringify(address.slice(0, 300))} is not within the DNS suffix ${trustedDnsSuffix}`,
    };
  }
  return checkAddress(address, { allowLoopback: false });
};
