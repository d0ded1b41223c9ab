// The bytes that an IMAP URL names, read for the session that gives it.

import { StoreError } from '#storage/errors.ts';
import type { ByteForm } from '#storage/message/byte-form.ts';
import type { Listed } from '#storage/ports.ts';
import { SectionReader, type Source, StreamedLiteral } from '../fetch/section.ts';
import { BadCommand } from '../grammar/errors.ts';
import { type SectionItem, sectionOf } from '../grammar/fetch-att.ts';
import { inboxFirst } from '../grammar/mailbox-name.ts';
import type { ImapAccount } from '../index/account.ts';
import type { Place, Places } from '../places.ts';
import type { ImapUrl } from './imap-url.ts';

/** A message that a URL names. */
export interface UrlMessage {
  readonly account: ImapAccount;
  readonly row: Listed<'message' | 'structure'>;
  readonly item: SectionItem;
}

/** The message and the section, or null where there is no such thing. `selected`: the mailbox of a URL without one. */
export async function findUrl(places: Places, url: ImapUrl, selected: string | undefined): Promise<UrlMessage | null> {
  const path = url.mailbox === '' ? selected : inboxFirst(url.mailbox);
  const place = path === undefined ? undefined : await places.find(path, 'read');
  if (place === undefined) return null;
  return await findUrlIn(place, url);
}

/** The same in the mailbox that the URL names. */
export async function findUrlIn(
  { account, mailbox }: Pick<Place, 'account' | 'mailbox'>,
  url: ImapUrl,
): Promise<UrlMessage | null> {
  if (url.uidvalidity !== null && url.uidvalidity !== mailbox.uidvalidity) return null;
  const item = urlSection(url);
  if (item === null) return null;
  for await (const page of account.mail.listing(mailbox.id, [[url.uid, url.uid]], ['message', 'structure'])) {
    const [row] = page;
    if (row !== undefined) return { account, row, item };
  }
  return null;
}

/** The bytes, or null if the section is not there. Errors: those of MessageContent but not-found. */
export async function readUrl(named: UrlMessage): Promise<Uint8Array | StreamedLiteral | null> {
  const data = await fromSection(named, (reader, source) => reader.from(source));
  return data instanceof Uint8Array || data instanceof StreamedLiteral ? data : null;
}

/** What the section is once decoded, or null if it is not there or there is nothing to undo. Errors: as `readUrl`. */
export async function decodedFormOf(named: UrlMessage): Promise<ByteForm | null> {
  return await fromSection(named, (reader, source) => reader.decodedForm(source));
}

async function fromSection<T>(
  { account, row, item }: UrlMessage,
  read: (reader: SectionReader, source: Source) => Promise<T>,
): Promise<T | null> {
  try {
    const content = await account.mail.content(row.message);
    return await read(new SectionReader(item), { content, structure: row.structure });
  } catch (error) {
    if (error instanceof StoreError && error.code === 'not-found') return null; // gone since it was looked up
    throw error;
  }
}

function urlSection({ section, partial }: ImapUrl): SectionItem | null {
  try {
    const item = sectionOf(section);
    // A partial range without a length goes to the end.
    return partial === null
      ? item
      : { ...item, partial: { ...partial, length: partial.length ?? Number.MAX_SAFE_INTEGER } };
  } catch (error) {
    if (error instanceof BadCommand) return null;
    throw error;
  }
}
