// What a domain says of the certificates of its mail hosts (TLSA, RFC 6698, RFC 7672).

import type { Answer } from 'dns-packet';
import type { Resolving } from './mail-hosts.ts';

/** A record that can be used for SMTP. */
export interface Tlsa {
  /** 2: an authority in the chain (DANE-TA); 3: the certificate itself (DANE-EE). */
  readonly usage: 2 | 3;
  /** 0: the certificate; 1: its public key. */
  readonly selector: 0 | 1;
  /** 0: the bytes; 1: SHA-256; 2: SHA-512. */
  readonly matching: 0 | 1 | 2;
  readonly data: Uint8Array;
}

/** Octets of what is compared, by `matching`. */
const LENGTHS = { 0: undefined, 1: 32, 2: 64 } as const;

/**
 * The records for a mail host, or null where there are none that were validated. An empty list: there are some, and none
 * can be used. Rejects with DnsFailure: then nothing may be sent to this host (RFC 7672 2.1.2).
 */
export async function tlsaOf(resolver: Resolving, host: string, port: number): Promise<readonly Tlsa[] | null> {
  const { records, authentic } = await resolver.resolve(`_${port}._tcp.${host}`, 'TLSA');
  return authentic && records.length > 0 ? records.flatMap(usable) : null;
}

/** RFC 7672 3.1: PKIX usages mean nothing in SMTP; what is unknown or of a wrong length can't match. */
function usable(record: Answer): Tlsa[] {
  if (record.type !== 'TLSA') return [];
  const { usage, selector, matchingType: matching, certificate: data } = record.data;
  if ((usage !== 2 && usage !== 3) || (selector !== 0 && selector !== 1)) return [];
  if (matching !== 0 && matching !== 1 && matching !== 2) return [];
  const length = LENGTHS[matching];
  return data.length > 0 && (length === undefined || data.length === length)
    ? [{ usage, selector, matching, data }]
    : [];
}
