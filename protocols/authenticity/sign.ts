// DKIM signatures (RFC 6376, RFC 8463): made over the header and the body as they will be sent, one for each key.

import { createHash, createPrivateKey, sign as signWith } from 'node:crypto';
import { promisify } from 'node:util';
import { fields, latin1 } from '#storage/message/headers.ts';
import { RelaxedBody, relaxedField } from './canonical.ts';
import { SIGNATURE_SECONDS } from './limits.ts';

export interface Signer {
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: 'rsa-sha256' | 'ed25519-sha256';
  /** PKCS #8, DER. */
  readonly privateKey: Uint8Array;
}

export interface Signed {
  /** The header block, with the empty line that ends it. */
  readonly header: Uint8Array;
  /** What follows it. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Unix seconds. */
  readonly now: number;
}

const signAsync = promisify(signWith);

/** RFC 6376 5.4.1; what is there of these is signed. */
const FIELDS: ReadonlySet<string> = new Set(
  `from sender reply-to subject date message-id to cc in-reply-to references mime-version content-type
  content-transfer-encoding content-id content-description resent-date resent-from resent-sender resent-to resent-cc
  resent-message-id list-id list-help list-unsubscribe list-unsubscribe-post list-subscribe list-post list-owner
  list-archive auto-submitted`.split(/\s+/),
);

/** Signed once more than they are there, so that none can be put in front (RFC 6376 8.15). */
const OVERSIGNED = ['from', 'to', 'subject', 'date'];

/** The DKIM-Signature fields, one for each signer, CRLF-ended; '' without any. */
export async function signatures(signers: readonly Signer[], { header, body, now }: Signed): Promise<string> {
  if (signers.length === 0) return '';
  const bodyHash = await hashOf(body);
  const block = latin1(header);
  const present = fields(block).filter(({ name }) => FIELDS.has(name));
  // RFC 6376 5.4.2: of several fields of a name the last is taken first.
  const chosen = present.toReversed();
  const names = [...chosen.map(({ name }) => name), ...OVERSIGNED];
  const canonical = chosen.map(({ name, value, end }) => relaxedField(name, block.slice(value, end))).join('');
  const made = await Promise.all(
    signers.map(async (signer) => {
      const value = fieldValue(signer, names, bodyHash, now);
      const text = `${canonical}${relaxedField('DKIM-Signature', value).slice(0, -2)}`;
      const signature = await signText(signer, Buffer.from(text, 'latin1'));
      return `DKIM-Signature:${value}${folded(signature.toString('base64'))}\r\n`;
    }),
  );
  return made.join('');
}

async function hashOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const relaxed = new RelaxedBody(createHash('sha256'));
  for await (const chunk of body) relaxed.write(chunk);
  return relaxed.digest().toString('base64');
}

/** All of the field but the signature itself (RFC 6376 3.5, 3.7). */
function fieldValue(
  { domain, selector, algorithm }: Signer,
  names: readonly string[],
  hash: string,
  now: number,
): string {
  const lines = [
    ` v=1; a=${algorithm}; c=relaxed/relaxed;`,
    `d=${domain}; s=${selector};`,
    `t=${now}; x=${now + SIGNATURE_SECONDS};`,
    ...listed(names),
    `bh=${hash};`,
    'b=',
  ];
  return lines.join('\r\n\t');
}

/** h=, in lines that stay short. */
function listed(names: readonly string[]): string[] {
  const lines: string[] = [];
  let line = 'h=';
  for (const [i, name] of names.entries()) {
    if (line.length + name.length > 70) {
      lines.push(line);
      line = '';
    }
    line += `${name}${i < names.length - 1 ? ':' : ';'}`;
  }
  return [...lines, line];
}

function folded(text: string): string {
  return (text.match(/.{1,70}/g) ?? []).join('\r\n\t');
}

/** RFC 8463 3: Ed25519 signs the hash, RSA the text. */
function signText({ algorithm, privateKey }: Signer, text: Buffer): Promise<Buffer> {
  const key = createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' });
  if (algorithm === 'rsa-sha256') return signAsync('sha256', text, key);
  return signAsync(null, createHash('sha256').update(text).digest(), key);
}
