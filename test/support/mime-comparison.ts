// Compares what the MIME reader finds in a message with what postal-mime, which shares no code with it, finds. What the
// two mean to do differently is evened out here, each with its reason; every other difference is told.

import { createHash } from 'node:crypto';
import PostalMime, { addressParser } from 'postal-mime';
import { MessageScanner } from '#storage/message/scanner.ts';
import { bodystructure, fileName, type Part, sections } from '#storage/message/structure.ts';
import { transferDecoding } from '#storage/message/transfer.ts';
import { decodeWords } from '#storage/message/words.ts';
import { checkBody, checkEnvelope, type ImapValue, parseImapText } from './imap-text.ts';

/** A field on which the two disagree. */
export interface Difference {
  readonly field: string;
  readonly ours: string;
  readonly theirs: string;
  /** Of both values, so that a reviewed difference is that very one. */
  readonly mark: string;
}

/** The tree that postal-mime keeps beside its result. */
interface TheirPart {
  readonly contentType: { readonly parsed: TheirValue };
  readonly contentTransferEncoding: { readonly encoding: string };
  readonly contentDisposition: { readonly parsed: TheirValue };
  readonly childNodes: readonly TheirPart[];
  readonly content: ArrayBuffer | null;
}

interface TheirValue {
  readonly value: string;
  readonly params: Readonly<Record<string, string>>;
}

interface TheirAddress {
  readonly name: string;
  readonly address?: string | undefined;
  readonly group?: readonly TheirAddress[] | undefined;
}

/** Everything on which the two disagree about a message. */
export async function compareMessage(bytes: Uint8Array): Promise<Difference[]> {
  const scanner = new MessageScanner();
  scanner.write(bytes);
  const scanned = scanner.end();
  const envelope = checkEnvelope(parseImapText(scanned.envelope));
  checkBody(parseImapText(bodystructure(scanned.structure)));
  const parser = new PostalMime({ forceRfc822Attachments: true });
  const email = await parser.parse(bytes);
  const found: Difference[] = [];
  const field = (name: string, ours: string, theirs: string) => {
    const mark = createHash('sha256')
      .update(JSON.stringify([ours, theirs]))
      .digest('hex')
      .slice(0, 8);
    if (ours !== theirs) found.push({ field: name, ours, theirs, mark });
  };
  field('subject', words(envelope[1]), spaced(email.subject ?? ''));
  field('date', `${scanned.sent}`, `${theirDate(email.date)}`);
  field('message-id', scanned.messageId, ids(email.messageId ?? '')[0] ?? '');
  const named = [...new Set([...ids(email.references ?? ''), ...ids(email.inReplyTo ?? '')])];
  field('references', scanned.references.join(' '), named.join(' '));
  field(
    'from',
    ourAddresses(envelope[2]),
    theirAddresses(addressParser(email.headers.find(({ key }) => key === 'from')?.value ?? '')),
  );
  field('to', ourAddresses(envelope[5]), theirAddresses(email.to ?? []));
  field('cc', ourAddresses(envelope[6]), theirAddresses(email.cc ?? []));
  const { root } = parser as unknown as { root: TheirPart };
  await compareParts(bytes, sections(scanned.structure).root, root, field);
  return found;
}

/** Runs of white space are one: the two keep folding white space differently, and nobody sees it. */
function spaced(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function words(value: ImapValue | undefined): string {
  return typeof value === 'string' ? spaced(decodeWords(value)) : '';
}

/** Theirs are raw: an id is what stands in angle brackets, and white space in it is folding. */
function ids(text: string): string[] {
  return [...text.matchAll(/<([^<>]*)>/g)]
    .map(([, id = '']) => `<${id.replace(/\s+/g, '')}>`)
    .filter((id) => id !== '<>');
}

function theirDate(date: string | undefined): number | null {
  const milliseconds = Date.parse(date ?? '');
  return Number.isNaN(milliseconds) ? null : milliseconds / 1000;
}

/** Groups flat, and no name where it repeats the address: postal-mime drops such names. */
function ourAddresses(value: ImapValue | undefined): string {
  if (!Array.isArray(value)) return '';
  const list: string[] = [];
  for (const address of value) {
    if (!Array.isArray(address)) continue;
    const [name = null, , mailbox = null, host = null] = address;
    if (host === null) continue;
    list.push(addressText(words(name), `${mailbox}${host === '' ? '' : `@${host}`}`));
  }
  return list.join(', ');
}

function theirAddresses(list: readonly TheirAddress[]): string {
  return list
    .flatMap((one) => one.group ?? [one])
    .map((one) => addressText(spaced(one.name), one.address ?? ''))
    .join(', ');
}

function addressText(name: string, address: string): string {
  return name === '' || name === address ? `<${address}>` : `${name} <${address}>`;
}

async function compareParts(
  bytes: Uint8Array,
  part: Part,
  theirs: TheirPart,
  field: (name: string, ours: string, theirs: string) => void,
): Promise<void> {
  const at = part.path;
  field(`${at} type`, `${part.type}/${part.subtype}`, theirs.contentType.parsed.value);
  field(`${at} parts`, `${part.children.length}`, `${theirs.childNodes.length}`);
  if (part.children.length !== theirs.childNodes.length) return;
  for (const [index, child] of part.children.entries()) {
    const their = theirs.childNodes[index];
    if (their !== undefined) await compareParts(bytes, child, their, field);
  }
  if (part.type === 'multipart') return;
  // 8bit is what postal-mime says where nothing is said; RFC 2045 6.1 has it 7bit.
  const encoding = theirs.contentTransferEncoding.encoding;
  field(
    `${at} encoding`,
    part.encoding,
    encoding === '' || (encoding === '8bit' && part.encoding === '7bit') ? '7bit' : encoding,
  );
  const { params } = theirs.contentDisposition.parsed;
  field(`${at} name`, fileName(part), params.filename || theirs.contentType.parsed.params.name || '');
  const decoding = transferDecoding(part.encoding);
  const ours = Buffer.concat([decoding.decode(bytes.subarray(part.body.start, part.body.end)), decoding.end()]);
  const content = Buffer.from(theirs.content ?? new ArrayBuffer(0));
  const [our, their] = [evened(ours), evened(content)];
  field(`${at} content`, our, our === their ? our : their);
  if (part.message === null) return;
  // postal-mime leaves a message inside as an attachment: it reads that by itself.
  const parser = new PostalMime({ forceRfc822Attachments: true });
  await parser.parse(content);
  const { root } = parser as unknown as { root: TheirPart };
  await compareParts(bytes, part.message, root, field);
}

/**
 * CRLF is LF and the line ends at the end are none, since postal-mime writes its own; white space before a line end is
 * none, since postal-mime keeps in quoted-printable what RFC 2045 6.7 (3) deletes.
 */
function evened(content: Buffer): string {
  return content
    .toString('latin1')
    .replace(/[ \t\r]+\n/g, '\n')
    .replace(/\s+$/, '');
}
