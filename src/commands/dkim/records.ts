// Signing keys as they are shown: with the records that DNS has to have (RFC 6376 3.6.1).

import type { SigningKey } from '#storage/ports.ts';

export interface ShownKey extends SigningKey {
  /** The name of the TXT record. */
  readonly name: string;
  readonly text: string;
}

export function shownKeys(keys: readonly SigningKey[]): ShownKey[] {
  return keys.map((key) => ({
    ...key,
    name: `${key.selector}._domainkey.${key.domain}`,
    text: `v=DKIM1; k=${key.algorithm === 'rsa-sha256' ? 'rsa' : 'ed25519'}; p=${key.publicKey}`,
  }));
}

/** Lines for people, the records in the form of a zone file: strings of at most 255 octets (RFC 1035 3.3). */
export function linesOf(keys: readonly ShownKey[]): string[] {
  return keys.flatMap(({ set, algorithm, signs, name, text }) => [
    `; ${set}, ${algorithm}${signs ? ', signs' : ''}`,
    `${name}. IN TXT (${(text.match(/.{1,250}/g) ?? []).map((part) => ` "${part}"`).join('')} )`,
  ]);
}
