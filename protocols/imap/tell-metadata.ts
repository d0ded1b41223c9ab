// The METADATA reply (RFC 5464 4.4.1).

import type { ReplyWriter } from '#protocols/net/reply-writer.ts';
import { mailboxReply, quoted } from './grammar/mailbox-name.ts';
import { isMeant, type MetadataOptions } from './grammar/metadata.ts';
import type { Place } from './places.ts';
import type { Session } from './session.ts';

/**
 * Tells the annotations of a mailbox (null: of the account) that are asked for; those asked for by their own name that it
 * has not are NIL (RFC 9590 3: METADATA always comes). The size of the largest that was left out for its size, or 0.
 */
export async function tellMetadata(
  session: Session,
  place: Place | null,
  path: string,
  names: readonly string[],
  { maxSize, depth }: MetadataOptions,
): Promise<number> {
  const { mail } = place?.account ?? session.owner;
  const entries = await mail.metadata(place?.mailbox.id ?? null);
  // What is private is the owner's.
  const shown = [...entries].filter(([entry]) => place?.reader === undefined || entry.startsWith('/shared/'));
  const meant = shown.filter(([entry]) => names.some((name) => isMeant(entry, name, depth)));
  const fits = ([, value]: (typeof meant)[number]) => maxSize === null || value.length <= maxSize;
  const has = new Set(meant.map(([entry]) => entry));
  const missing = depth === '0' ? [...new Set(names)].filter((name) => !has.has(name)) : [];
  const told = [...meant.filter(fits), ...missing.map((name) => [name, null] as const)];
  const { out } = session.connection;
  if (told.length > 0) {
    out.text(`* METADATA ${mailboxReply(path, session.utf8)} (`);
    for (const [index, [entry, value]] of told.entries()) {
      out.text(`${index > 0 ? ' ' : ''}${quoted(entry)} `);
      if (value === null) out.text('NIL');
      else writeValue(out, value);
    }
    out.text(')\r\n');
  }
  return Math.max(0, ...meant.filter((entry) => !fits(entry)).map(([, value]) => value.length));
}

/** Quoted where that can hold it, else a literal; a literal8 where there is NUL. */
function writeValue(out: ReplyWriter, value: Uint8Array): void {
  const text = Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1');
  if (text.length < 1_000 && /^[ -~]*$/.test(text)) out.text(quoted(text));
  else out.text(`${value.includes(0) ? '~' : ''}{${value.length}}\r\n`).bytes(value.slice());
}
