// How a mail host is talked to: under which TLS, and whose certificate it must show. DANE (RFC 7672) where the host's DNS
// is validated and has TLSA records; else what an MTA-STS policy asks for (RFC 8461); else whatever TLS there is, or none.

import type { ConnectionOptions } from 'node:tls';
import type { TlsRule } from '#config/tls-rules.ts';
import { type HostAddresses, hostAddresses } from '#protocols/dns/mail-hosts.ts';
import type { Resolver } from '#protocols/dns/resolver.ts';
import { type Tlsa, tlsaOf } from '#protocols/dns/tlsa.ts';
import { daneRefusal } from '#protocols/smtp/client/dane.ts';
import type { TlsWanted } from '#protocols/smtp/client/session.ts';
import { type StsPolicy, stsMatches } from '#protocols/smtp/client/sts-policy.ts';
import type { TlsNeed } from './carrier.ts';

export interface WaysParts {
  readonly resolver: Pick<Resolver, 'resolve' | 'validates'>;
  readonly port: number;
  /** Whom a certificate that a policy asks for may be signed by. */
  readonly trust: ConnectionOptions;
}

export interface Known {
  /** The domain that the mail is for, and the one that it is an alias of. */
  readonly domains: readonly string[];
  /** The host's name was validated as one of its mail hosts. */
  readonly mx: boolean;
  /** The MTA-STS policy that is enforced; null: none. */
  readonly policy: Pick<StsPolicy, 'hosts'> | null;
  /** What an administrator has said of the domain, in place of its own policies; absent: nothing. */
  readonly rule?: TlsRule | undefined;
  readonly need: TlsNeed;
}

/** A host's addresses, and how it is talked to there: one after the other, as long as it is TLS that fails. */
export interface Ways {
  readonly addresses: readonly string[];
  readonly tls: readonly TlsWanted[];
  /** Its certificate is one that its domain has named. */
  readonly verified: boolean;
  /** The TLSA records that it is held to; null: none. */
  readonly dane: readonly Tlsa[] | null;
}

/**
 * The ways to a mail host; null if a policy does not name it, or it is not known and has to be. DANE goes first: what a host is by DNSSEC a policy neither
 * adds to nor takes from (RFC 8461 2). Rejects with DnsFailure: then nothing is sent to this host (RFC 7672 2.1.2).
 */
export async function waysTo(
  parts: WaysParts,
  name: string,
  { domains, mx, policy, rule, need }: Known,
): Promise<Ways | null> {
  const found = await hostAddresses(parts.resolver, name);
  const { addresses } = found;
  if (rule !== undefined) {
    const tls = byRule(rule, name, parts.trust);
    return tls === null ? null : { addresses, tls, verified: false, dane: null };
  }
  // RFC 8689 5: no policy is asked.
  if (need === 'optional')
    return { addresses, tls: [opportunistic(name, parts.trust), WITHOUT], verified: false, dane: null };
  const named = addresses.length === 0 ? null : await namedCertificates(parts, name, found);
  if (named !== null && named.records.length > 0) {
    // A host that a stranger's DNS may have put there is held to its certificates, and not said to be the right one.
    const dane = named.records;
    if (need === 'required' && !mx && (policy === null || !stsMatches(policy, name))) return null;
    return { addresses, tls: [byDane(named, domains)], verified: mx, dane };
  }
  if (policy !== null)
    return stsMatches(policy, name)
      ? { addresses, tls: [trusted(name, parts.trust)], verified: false, dane: null }
      : null;
  // RFC 8689 4.2.1: the host is named by a validated DNS, and shows that it is that host.
  if (need === 'required') {
    return mx ? { addresses, tls: [trusted(name, parts.trust)], verified: false, dane: null } : null;
  }
  // RFC 7672 2.2: with records that can't be used the host is not known, and still asks for TLS.
  if (named !== null)
    return { addresses, tls: [{ ...opportunistic(named.base, parts.trust), use: 'must' }], verified: false, dane: [] };
  return { addresses, tls: [opportunistic(name, parts.trust), WITHOUT], verified: false, dane: null };
}

/** TLSA records and the name that they stand for (RFC 7672 2.2.3, the TLSA base domain). */
interface Named {
  readonly base: string;
  readonly records: readonly Tlsa[];
}

async function namedCertificates(
  { resolver, port }: WaysParts,
  name: string,
  found: HostAddresses,
): Promise<Named | null> {
  if (!(await resolver.validates())) return null;
  for (const base of await basesOf(resolver, name, found)) {
    const records = await tlsaOf(resolver, base, port);
    if (records !== null) return { base, records };
  }
  return null;
}

/**
 * Where a host's TLSA records may stand (RFC 7672 2.2.2): at the end of its alias before the beginning. Where an alias
 * leads out of what is signed (2.1.3), at its beginning, if that is: the alias itself is asked for to know.
 */
async function basesOf(
  resolver: WaysParts['resolver'],
  name: string,
  { name: end, authentic }: HostAddresses,
): Promise<readonly string[]> {
  if (authentic) return end === name ? [name] : [end, name];
  if (end === name) return [];
  const alias = await resolver.resolve(name, 'CNAME');
  return alias.authentic ? [name] : [];
}

/** RFC 7672 3.2.2: under DANE-TA the certificate may be for the host or for the domain. RFC 7672 8.1: SNI is the base. */
function byDane({ base, records }: Named, domains: readonly string[]): TlsWanted {
  return {
    use: 'must',
    options: { servername: base, rejectUnauthorized: false },
    accept: ({ certificate }) => daneRefusal(certificate?.x509, records, [base, ...domains], Date.now()),
  };
}

/** RFC 8461 4.2: a certificate of a known authority, for this name. */
function trusted(name: string, trust: ConnectionOptions): TlsWanted {
  return {
    use: 'must',
    options: { ...trust, servername: name, rejectUnauthorized: false },
    accept: ({ certificate }) =>
      certificate?.authorized === true ? null : 'the certificate is not trusted, or is for another name',
  };
}

/** As the administrator wants it; null: not to this host. */
function byRule({ level, hosts }: TlsRule, name: string, trust: ConnectionOptions): readonly TlsWanted[] | null {
  if (level === 'none') return [WITHOUT];
  if (level === 'may') return [opportunistic(name, trust), WITHOUT];
  if (level === 'encrypt') return [{ ...opportunistic(name, trust), use: 'must' }];
  return hosts.length === 0 || stsMatches({ hosts }, name) ? [trusted(name, trust)] : null;
}

/** Any certificate is better than none. */
function opportunistic(name: string, trust: ConnectionOptions): TlsWanted {
  return { use: 'may', options: { ...trust, servername: name, rejectUnauthorized: false }, accept: () => null };
}

const WITHOUT: TlsWanted = { use: 'never', options: {}, accept: () => null };
