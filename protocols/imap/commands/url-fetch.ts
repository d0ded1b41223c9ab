// URLFETCH (RFC 4467 7), with what RFC 5524 adds: what a URL names, to who may read it. Whatever is wrong with a URL, the
// answer is NIL.

import { partStructure } from '#storage/message/structure.ts';
import { StreamedLiteral } from '../fetch/section.ts';
import { Refusal } from '../grammar/errors.ts';
import { inboxFirst, quoted } from '../grammar/mailbox-name.ts';
import { type UrlPart, type UrlRequest, urlsToFetch } from '../grammar/url-fetch.ts';
import { ImapAccount } from '../index/account.ts';
import type { Session } from '../session.ts';
import { isSameToken, mayUse, ownerOf, tokenFor } from '../url/authority.ts';
import { parseImapUrl } from '../url/imap-url.ts';
import { decodedFormOf, findUrlIn, readUrl, type UrlMessage } from '../url/read.ts';
import type { Verb } from './verb.ts';

export const urlFetch: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    for (const request of urlsToFetch(scanner)) {
      const found = await authorized(session, request.url);
      if (request.parts === null) await tellBytes(session, request.url, found);
      else await tellParts(session, request, found);
    }
    return undefined;
  },
};

/** What the URL names, if it does and says rightly that the client may read it. */
async function authorized(session: Session, text: string): Promise<UrlMessage | null> {
  const { context, principal, owner, server } = session;
  const { urls } = server.settings;
  const url = parseImapUrl(text);
  const address = url === null ? null : ownerOf(url, context.hostname);
  if (url?.auth == null || address === null || url.auth.mechanism !== 'INTERNAL') return null;
  if (!mayUse(url.auth, url, principal?.account.address ?? '', Date.now())) return null;
  const id = await urls.account(address);
  if (id === null) return null;
  const account = id === owner.id ? owner : new ImapAccount(context.store.mail(id));
  const mailbox = await account.find(inboxFirst(url.mailbox));
  if (mailbox === undefined) return null;
  const token = await tokenFor(urls, account.mail, mailbox, url.auth.rump);
  if (!isSameToken(url.auth.token, token)) return null;
  return await findUrlIn({ account, mailbox }, url);
}

async function tellBytes(session: Session, url: string, found: UrlMessage | null): Promise<void> {
  const data = found === null ? null : await readUrl(found);
  session.connection.out.text(`* URLFETCH ${quoted(url)} `);
  await tell(session, data, false);
  session.connection.out.text('\r\n');
}

/** RFC 5524 3.2: a URL that names nothing is followed by NIL, else by what was asked for. */
async function tellParts(session: Session, { url, parts }: UrlRequest, found: UrlMessage | null): Promise<void> {
  const { out } = session.connection;
  const asked = found === null || parts === null ? [] : ORDER.filter((part) => parts.has(part));
  const read: [UrlPart, string | Uint8Array | StreamedLiteral | null][] = [];
  for (const part of asked) read.push([part, await partOf(found, part, asked)]);
  out.text(`* URLFETCH ${quoted(url)}`);
  if (found === null) out.text(' NIL');
  for (const [part, data] of read) {
    out.text(` (${part} `);
    if (typeof data === 'string') out.text(data);
    else await tell(session, data, part === 'BINARY');
    out.text(')');
  }
  out.text('\r\n');
}

/** What describes the bytes comes before them. */
const ORDER: readonly UrlPart[] = ['BODYPARTSTRUCTURE', 'BODY', 'BINARY'];

async function partOf(
  found: UrlMessage | null,
  part: UrlPart,
  asked: readonly UrlPart[],
): Promise<string | Uint8Array | StreamedLiteral | null> {
  if (found === null) return null;
  const { item, row } = found;
  if (part === 'BODYPARTSTRUCTURE') {
    if (item.text !== 'ALL') return 'NIL';
    // It tells of the bytes that come with it: decoded ones are of the domain that they have then.
    const form = asked.includes('BINARY') ? await ifKnown(() => decodedFormOf(found)) : null;
    return partStructure(row.structure, item.part, form) ?? 'NIL';
  }
  if (part === 'BODY') return await readUrl(found);
  return await ifKnown(() => readUrl({ ...found, item: { ...item, form: 'binary' } }));
}

/** RFC 5524 3.2: where an encoding is not known there is nothing decoded to tell. */
async function ifKnown<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}

async function tell(
  { connection }: Session,
  data: Uint8Array | StreamedLiteral | null,
  binary: boolean,
): Promise<void> {
  const { out } = connection;
  if (data === null) out.text('NIL');
  else if (data instanceof StreamedLiteral) await data.write(connection);
  else out.text(`${binary && data.includes(0) ? '~' : ''}{${data.length}}\r\n`).bytes(data);
}
