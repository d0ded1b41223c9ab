// Signs our own submissions for the domain of their author (DKIM): with what is in From, since that is what receivers
// compare (DMARC). Keys are made here too.

import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { signatures } from '#protocols/authenticity/sign.ts';
import { parseAddresses } from '#storage/message/address.ts';
import { fields, fieldValue, latin1 } from '#storage/message/headers.ts';
import type { NewSigningKey, SigningKeys, Staged } from '#storage/ports.ts';
import { domainOf } from './enqueue.ts';

const generate = promisify(generateKeyPair);

/** The signature fields in front of a message; '' where its domain has no keys. `now` in unix seconds. */
export async function signaturesFor(keys: Pick<SigningKeys, 'signing'>, staged: Staged, now: number): Promise<string> {
  const domain = authorDomain(staged.header);
  if (domain === '') return '';
  const signing = await keys.signing(domain);
  const signers = signing.map(({ key: { selector, algorithm }, privateKey }) => ({
    ...{ domain, selector, algorithm, privateKey },
  }));
  const { header } = staged;
  return signatures(signers, { header, body: staged.open(header.length), now });
}

/** The domain of the first author; '' without one. */
export function authorDomain(header: Uint8Array): string {
  const block = latin1(header);
  const from = fields(block).find(({ name }) => name === 'from');
  if (from === undefined) return '';
  const [author] = parseAddresses(fieldValue(block, from)).filter(({ group }) => group === undefined);
  return author === undefined ? '' : domainOf(Buffer.from(`${author.mailbox}@${author.host}`, 'latin1').toString());
}

/** A set of keys: RSA of 2,048 bits for everybody, Ed25519 (RFC 8463) for those who know it. */
export async function makeSigningKeys(set: string): Promise<NewSigningKey[]> {
  const [rsa, ed25519] = await Promise.all([generate('rsa', { modulusLength: 2_048 }), generate('ed25519')]);
  const secret = { format: 'der', type: 'pkcs8' } as const;
  return [
    {
      ...{ selector: `${set}r`, algorithm: 'rsa-sha256', privateKey: rsa.privateKey.export(secret) },
      publicKey: rsa.publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
    },
    {
      ...{ selector: `${set}e`, algorithm: 'ed25519-sha256', privateKey: ed25519.privateKey.export(secret) },
      // RFC 8463 4: the 32 octets alone, which are the end of an SPKI.
      publicKey: ed25519.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64'),
    },
  ];
}
