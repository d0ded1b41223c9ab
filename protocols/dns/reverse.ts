// The names of an address (PTR, RFC 1035 3.5, RFC 3596 2.5).

import { isIPv6 } from 'node:net';
import { plainName } from './exchange.ts';
import type { Resolving } from './mail-hosts.ts';

/** In lower case; rejects with DnsFailure. */
export async function reverseNames(resolver: Resolving, address: string): Promise<string[]> {
  const { records } = await resolver.resolve(reverseName(address), 'PTR');
  return records.flatMap((record) => (record.type === 'PTR' ? [plainName(record.data)] : []));
}

/** `1.2.0.192.in-addr.arpa`, or a label for each of the 32 digits of an IPv6 address. */
export function reverseName(address: string): string {
  if (!isIPv6(address)) return `${address.split('.').reverse().join('.')}.in-addr.arpa`;
  const [head = '', tail] = new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const first = groups(head);
  const last = groups(tail ?? '');
  const middle = Array.from({ length: 8 - first.length - last.length }, () => '0');
  const digits = [...first, ...middle, ...last].map((group) => group.padStart(4, '0')).join('');
  return `${[...digits].reverse().join('.')}.ip6.arpa`;
}
