// Where the mail of a domain goes (RFC 5321 5.1): its MX records in order of preference, equal ones shuffled; the domain
// itself where it has none; nowhere where it says so (null MX, RFC 7505).

import { randomInt } from 'node:crypto';
import { isIP } from 'node:net';
import type { Answer } from 'dns-packet';
import { plainName } from './exchange.ts';
import { ADDRESSES, MAIL_HOSTS } from './limits.ts';
import type { Resolver } from './resolver.ts';

export type MailHosts =
  | {
      readonly kind: 'hosts';
      /** In the order in which they are tried. */
      readonly hosts: readonly MailHost[];
      /** The domain, and the one that it is an alias of. */
      readonly domains: readonly string[];
      /** The MX records, or their absence, were validated. */
      readonly authentic: boolean;
    }
  /** The domain takes no mail. */
  | { readonly kind: 'none' }
  /** There is no such domain, or nothing at it that could take mail. */
  | { readonly kind: 'unknown' };

export interface MailHost {
  readonly name: string;
  readonly preference: number;
}

export type Resolving = Pick<Resolver, 'resolve'>;

const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

/** The mail hosts of a domain (A-labels); rejects with DnsFailure. */
export async function mailHosts(resolver: Resolving, domain: string): Promise<MailHosts> {
  const { exists, name, records, authentic } = await resolver.resolve(domain, 'MX');
  const domains = name === domain ? [domain] : [domain, name];
  if (!exists) return { kind: 'unknown' };
  if (records.length === 0) {
    // RFC 5321 5.1: the implicit MX. Whether it has an address is seen when one is looked for.
    return { kind: 'hosts', hosts: [{ name: domain, preference: 0 }], domains, authentic };
  }
  const named = records.flatMap((record) => hostOf(record));
  // RFC 7505 3: one record with an empty exchange; beside others such a one says nothing.
  if (named.length === 1 && named[0]?.name === '') return { kind: 'none' };
  const usable = named.filter(({ name }) => HOST_NAME.test(name) && isIP(name) === 0);
  return usable.length === 0 ? { kind: 'unknown' } : { kind: 'hosts', hosts: inOrder(usable), domains, authentic };
}

export interface HostAddresses {
  readonly addresses: readonly string[];
  /** Where they stand: the host's name, or what it is an alias of. */
  readonly name: string;
  readonly authentic: boolean;
}

/** The addresses of a host, IPv4 first; rejects with DnsFailure if none is known and one of the look-ups failed. */
export async function hostAddresses(
  resolver: Resolving,
  name: string,
  families: readonly (4 | 6)[] = [4, 6],
): Promise<HostAddresses> {
  const found = await Promise.allSettled(families.map((family) => resolver.resolve(name, family === 4 ? 'A' : 'AAAA')));
  const answers = found.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const addresses = answers.flatMap(({ records }) => shuffled(records.flatMap(addressOf)).slice(0, ADDRESSES));
  const failed = found.find((outcome) => outcome.status === 'rejected');
  if (addresses.length === 0 && failed !== undefined) throw failed.reason;
  const [{ name: end } = { name }] = answers;
  return { addresses, name: end, authentic: failed === undefined && answers.every(({ authentic }) => authentic) };
}

function hostOf(record: Answer): MailHost[] {
  if (record.type !== 'MX') return [];
  const { exchange, preference = 0 } = record.data;
  return [{ name: plainName(exchange), preference }];
}

function addressOf(record: Answer): string[] {
  return (record.type === 'A' || record.type === 'AAAA') && isIP(record.data) > 0 ? [record.data] : [];
}

/** By preference, the equal ones in random order (RFC 5321 5.1), none twice. */
function inOrder(hosts: readonly MailHost[]): MailHost[] {
  const best = new Map<string, MailHost>();
  for (const host of shuffled(hosts).sort((a, b) => a.preference - b.preference)) {
    if (!best.has(host.name)) best.set(host.name, host);
  }
  return [...best.values()].slice(0, MAIL_HOSTS);
}

function shuffled<T>(items: readonly T[]): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = randomInt(i + 1);
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}
