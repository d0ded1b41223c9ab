// A message for a server that takes no eight-bit content (RFC 6152 3): its texts become quoted-printable and everything else
// base64, where eight-bit octets are; all else stays as it is. What is signed or encrypted can't be changed, and comes back.
// Signatures of our own are made anew; those of others break, which is better than no mail.

import { isAscii } from 'node:buffer';
import type { SevenBit } from '#protocols/smtp/client/transaction.ts';
import { fields, fromLatin1, latin1 } from '#storage/message/headers.ts';
import { type Part, sections, walk } from '#storage/message/structure.ts';
import { Base64Encoder, QuotedPrintableEncoder, type TransferEncoder } from '#storage/message/transfer-encode.ts';
import type { MessageContent, QueuedMessage, SigningKeys, Staged, Staging } from '#storage/ports.ts';
import { encodeField } from './eight-bit.ts';
import { CONVERTED_HEADERS } from './limits.ts';
import { signaturesFor } from './signing.ts';

export interface SevenBitParts {
  readonly stage: (options: { maxBytes: number }) => Staging;
  readonly signingKeys: Pick<SigningKeys, 'signing'>;
  /** Unix ms. */
  readonly now: () => number;
}

/** The message in seven bits, to be disposed of; null if it can't be. */
export async function toSevenBit(
  parts: SevenBitParts,
  message: QueuedMessage,
  content: MessageContent,
): Promise<SevenBit | null> {
  await using original = await copy(parts, content);
  const edits = await editsOf(original, message);
  if (edits === null) return null;
  const own = message.owner !== '' && message.forwarded === undefined;
  const converted = await apply(parts, original, edits);
  try {
    if (!(await isSevenBit(converted))) {
      await converted[Symbol.asyncDispose]();
      return null;
    }
    const signatures = own ? await signaturesFor(parts.signingKeys, converted, Math.floor(parts.now() / 1000)) : '';
    return {
      size: signatures.length + converted.size,
      async *content() {
        yield Buffer.from(signatures);
        yield* converted.open() as AsyncIterable<Uint8Array>;
      },
      [Symbol.asyncDispose]: () => converted[Symbol.asyncDispose](),
    };
  } catch (error) {
    await converted[Symbol.asyncDispose]();
    throw error;
  }
}

/** Bytes that are replaced, by others or by themselves in an encoding. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly by: Uint8Array | TransferEncoder;
}

/** What has to change, in order; null if that is not allowed, or too much. */
async function editsOf(original: Staged, message: QueuedMessage): Promise<Edit[] | null> {
  const { root } = sections(original.scanned.structure);
  const edits: Edit[] = [];
  let headers = 0;
  for (const part of walk(root)) {
    const leaf = part.children.length === 0 && part.message === null;
    const eightBit = !(await isSevenBit(original, part.body));
    if (eightBit && isSealed(part)) return null;
    if (eightBit && leaf && !['', '7bit', '8bit', 'binary'].includes(part.encoding)) return null;
    const encoding = !leaf || !eightBit ? null : part.type === 'text' ? 'quoted-printable' : 'base64';
    const said = /^(?:8bit|binary)$/.test(part.encoding) || part.type === 'multipart' || part.message !== null;
    if (encoding !== null || said || part === root) {
      if (++headers > CONVERTED_HEADERS) return null;
      const block = latin1(await bytesOf(original, part.header));
      const strip = part === root && message.owner !== '' && message.forwarded === undefined;
      const header = headerOf(block, encoding ?? (said ? '7bit' : null), { root: part === root, strip });
      if (header === null) return null;
      edits.push({ ...part.header, by: fromLatin1(header) });
    }
    if (encoding !== null) {
      edits.push({ ...part.body, by: encoding === 'base64' ? new Base64Encoder() : new QuotedPrintableEncoder() });
    }
  }
  return edits;
}

/** Somebody has signed it, or nobody can look into it. */
function isSealed({ type, subtype }: Part): boolean {
  return (type === 'multipart' && /^(?:signed|encrypted)$/.test(subtype)) || /^(?:x-)?pkcs7-/.test(subtype);
}

/** A header block with this encoding, if any, and in ASCII; null if it has no end. */
function headerOf(
  block: string,
  encoding: string | null,
  { root, strip }: { readonly root: boolean; readonly strip: boolean },
): string | null {
  const found = fields(block);
  const end = found.at(-1)?.end ?? 0;
  if (!/^\r?\n$/.test(block.slice(end))) return null;
  const dropped = new Set([
    ...(encoding === null ? [] : ['content-transfer-encoding']),
    ...(strip ? ['dkim-signature'] : []),
  ]);
  const kept = found.filter(({ name }) => !dropped.has(name));
  const mime = found.some(({ name }) => name === 'mime-version');
  const texts = kept.map((field) => {
    const text = block.slice(field.start, field.end);
    return root ? encodeField(field.name, text) : text;
  });
  const encoded =
    encoding !== null && (encoding !== '7bit' || found.some(({ name }) => name === 'content-transfer-encoding'));
  if (encoded) texts.push(`${root && !mime ? 'MIME-Version: 1.0\r\n' : ''}Content-Transfer-Encoding: ${encoding}\r\n`);
  return `${texts.join('')}${block.slice(end)}`;
}

async function copy({ stage }: SevenBitParts, content: MessageContent): Promise<Staged> {
  await using staging = stage({ maxBytes: content.size });
  for await (const chunk of content.read()) await staging.write(chunk);
  return await staging.finish();
}

async function apply({ stage }: SevenBitParts, original: Staged, edits: readonly Edit[]): Promise<Staged> {
  // Quoted-printable takes three octets for one, and a line end for each 24 of them; headers grow by words.
  await using staging = stage({ maxBytes: original.size * 4 + 65_536 });
  let at = 0;
  for (const { start, end, by } of [...edits].sort((a, b) => a.start - b.start || a.end - b.end)) {
    for await (const chunk of open(original, at, start)) await staging.write(chunk);
    if (by instanceof Uint8Array) await staging.write(by);
    else {
      for await (const chunk of open(original, start, end)) await staging.write(by.encode(chunk));
      await staging.write(by.end());
    }
    at = end;
  }
  for await (const chunk of open(original, at, original.size)) await staging.write(chunk);
  return await staging.finish();
}

async function isSevenBit(staged: Staged, range = { start: 0, end: staged.size }): Promise<boolean> {
  for await (const chunk of open(staged, range.start, range.end)) if (!isAscii(chunk)) return false;
  return true;
}

async function bytesOf(
  staged: Staged,
  { start, end }: { readonly start: number; readonly end: number },
): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(open(staged, start, end)));
}

async function* open(staged: Staged, start: number, end: number): AsyncGenerator<Uint8Array> {
  if (start < end) yield* staged.open(start, end) as AsyncIterable<Uint8Array>;
}
