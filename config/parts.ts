// What the settings are made of: host names, networks, and what was expected where something is neither.

import { BlockList, isIP } from 'node:net';

/** What was expected, where a value is not it. */
export class Expected {
  readonly what: string;

  constructor(what: string) {
    this.what = what;
  }
}

/** True for a DNS host name: labels of letters, digits and hyphens (RFC 1123 2.1). */
export function isHostname(name: string): boolean {
  const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;
  return name.length <= 253 && name.split('.').every((part) => label.test(part));
}

/** True if nothing outside this machine can reach the address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^(::ffff:)?127\./.test(host);
}

/** An address or a network in CIDR form, which BlockList judges. */
export function parseNetwork(item: string): string | Expected {
  const [address = '', prefix, ...rest] = item.split('/');
  const family = isIP(address);
  const bits = prefix === undefined ? 0 : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  if (family === 0 || rest.length > 0 || !(bits <= (family === 4 ? 32 : 128))) {
    return new Expected('networks such as "127.0.0.0/8" or single addresses');
  }
  if (prefix !== undefined) new BlockList().addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6');
  return item;
}
