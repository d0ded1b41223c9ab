// Is this the certificate that the domain has named (RFC 7672 3.1, RFC 7671 5)? Whoever else has signed it is nothing to
// us, and for DANE-EE neither are names and dates.

import { hash, type X509Certificate } from 'node:crypto';
import type { Tlsa } from '#protocols/dns/tlsa.ts';

/** Certificates of a chain that are looked at: real ones have four. */
const CHAIN = 10;

/** Null if a record matches, or why none does. `names`: those that a certificate under DANE-TA may be for. */
export function daneRefusal(
  leaf: X509Certificate | undefined,
  records: readonly Tlsa[],
  names: readonly string[],
  now: number,
): string | null {
  if (leaf === undefined) return 'the server shows no certificate';
  if (records.some((record) => record.usage === 3 && matches(record, leaf))) return null;
  const authorities = records.filter(({ usage }) => usage === 2);
  const chain = chainOf(leaf);
  for (const [at, certificate] of chain.entries()) {
    if (!authorities.some((record) => matches(record, certificate))) continue;
    const refusal = trustRefusal(chain.slice(0, at + 1), names, now);
    if (refusal === null) return null;
    if (at === chain.length - 1) return refusal;
  }
  return 'the certificate matches no TLSA record';
}

function chainOf(leaf: X509Certificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (let next: X509Certificate | undefined = leaf; next !== undefined && chain.length < CHAIN; ) {
    chain.push(next);
    const issuer: X509Certificate | undefined = next.issuerCertificate;
    next = issuer?.fingerprint256 === next.fingerprint256 ? undefined : issuer;
  }
  return chain;
}

/** Each is good now and signed by the next, the last is the authority, and the first is for the host. */
function trustRefusal(chain: readonly X509Certificate[], names: readonly string[], now: number): string | null {
  for (const [at, certificate] of chain.entries()) {
    if (now < Date.parse(certificate.validFrom) || now > Date.parse(certificate.validTo)) {
      return 'a certificate has expired or is not valid yet';
    }
    const issuer = chain[at + 1];
    if (
      issuer !== undefined &&
      !(issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey))
    ) {
      return 'a certificate is not signed by the one above it';
    }
  }
  const [leaf] = chain;
  return names.some((name) => leaf?.checkHost(name) !== undefined) ? null : 'the certificate is for another name';
}

function matches({ selector, matching, data }: Tlsa, certificate: X509Certificate): boolean {
  const bytes = selector === 0 ? certificate.raw : certificate.publicKey.export({ format: 'der', type: 'spki' });
  const compared =
    matching === 0 ? bytes : hash(matching === 1 ? 'sha256' : 'sha512', bytes, { outputEncoding: 'buffer' });
  return Buffer.from(data).equals(compared);
}
