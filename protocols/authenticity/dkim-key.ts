// Public keys of DKIM signatures (RFC 6376 3.6, RFC 8463 4), out of DNS.

import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Resolving } from '#protocols/dns/mail-hosts.ts';
import { textOf } from '#protocols/dns/text.ts';
import { RSA_BITS } from './limits.ts';
import { listOf, octetsOf, readTags } from './tags.ts';

export interface DkimKey {
  readonly key: KeyObject;
  readonly kind: 'rsa' | 'ed25519';
  /** Whoever signs is of the very domain, and of none below it (t=s). */
  readonly exact: boolean;
}

/** The key at a selector of a domain; null if there is none that is good for mail. Rejects with DnsFailure. */
export async function dkimKey(resolver: Resolving, selector: string, domain: string): Promise<DkimKey | null> {
  const { records } = await resolver.resolve(`${selector}._domainkey.${domain}`, 'TXT');
  const [text] = records.map(textOf);
  return text === undefined ? null : readKey(text);
}

/** A key record (3.6.1). */
export function readKey(text: string): DkimKey | null {
  const tags = readTags(text);
  if (tags === null || (tags.has('v') && tags.get('v') !== 'DKIM1')) return null;
  const kind = tags.get('k') ?? 'rsa';
  const hashes = tags.get('h');
  const services = listOf(tags.get('s') ?? '*');
  const bytes = octetsOf(tags.get('p')); // empty: it was withdrawn
  if ((kind !== 'rsa' && kind !== 'ed25519') || bytes.length === 0) return null;
  if (hashes !== undefined && !listOf(hashes).includes('sha256')) return null;
  if (!services.includes('*') && !services.includes('email')) return null;
  const key = kind === 'rsa' ? rsaKey(bytes) : ed25519Key(bytes);
  return key === null ? null : { key, kind, exact: listOf(tags.get('t') ?? '').includes('s') };
}

/** SubjectPublicKeyInfo, as all have it, or RSAPublicKey, as RFC 6376 says. */
function rsaKey(bytes: Buffer): KeyObject | null {
  const key = keyOf(() => createPublicKey({ key: bytes, format: 'der', type: 'spki' }));
  const rsa = key ?? keyOf(() => createPublicKey({ key: bytes, format: 'der', type: 'pkcs1' }));
  const bits = rsa?.asymmetricKeyType === 'rsa' ? (rsa.asymmetricKeyDetails?.modulusLength ?? 0) : 0;
  return rsa !== null && bits >= RSA_BITS.least && bits <= RSA_BITS.most ? rsa : null;
}

/** RFC 8463 4.2: the 32 octets. */
function ed25519Key(bytes: Buffer): KeyObject | null {
  if (bytes.length !== 32) return null;
  const key = { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') };
  return keyOf(() => createPublicKey({ key, format: 'jwk' }));
}

function keyOf(make: () => KeyObject): KeyObject | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof Error) return null; // no key of that kind
    throw error;
  }
}
