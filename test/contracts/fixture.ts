// What the contract suite stands on: a store of some engine, a fresh account for each test, and messages made of text.

import type {
  AppendEntry,
  Appended,
  ListingColumn,
  ListingRow,
  MailAccount,
  Mailbox,
  Placement,
  Staged,
} from '#storage/ports.ts';
import type { SqlStore } from '#test/support/sql-store.ts';

/** Opens a new, empty store of the engine under test. Called once a file of the suite. */
export type OpenStore = () => Promise<SqlStore>;

/** The domain of every account in the suite. */
export const DOMAIN = 'example.test';

/** Everything there can be. */
export const ALL: readonly (readonly [number, number])[] = [[1, 4_294_967_295]];

let numbers = 0;

/** A fresh account with its system mailboxes. */
export async function freshAccount(store: SqlStore): Promise<MailAccount> {
  numbers += 1;
  const known = await store.directory.domains();
  if (known.length === 0) await store.directory.addDomain(DOMAIN);
  const address = `user${numbers}@${DOMAIN}`;
  const account = await store.directory.addAccount({ address, passwordHash: '$none$', quota: null });
  return store.mail(account.id);
}

/** A message on its way in. */
export async function stage(store: SqlStore, text: string | Uint8Array): Promise<Staged> {
  const staging = store.stage({ maxBytes: 64 * 1024 * 1024 });
  await staging.write(Buffer.from(text));
  return await staging.finish();
}

export interface Headers {
  readonly id?: string;
  readonly references?: string;
  readonly inReplyTo?: string;
  readonly subject?: string;
  readonly body?: string;
}

/** A message's text. */
export function message(headers: Headers = {}): string {
  const lines = ['From: Anna <anna@example.test>', `Subject: ${headers.subject ?? 'hello'}`];
  if (headers.id !== undefined) lines.push(`Message-ID: ${headers.id}`);
  if (headers.references !== undefined) lines.push(`References: ${headers.references}`);
  if (headers.inReplyTo !== undefined) lines.push(`In-Reply-To: ${headers.inReplyTo}`);
  return `${lines.join('\r\n')}\r\n\r\n${headers.body ?? 'the text\r\n'}`;
}

/** Appends messages with these texts. */
export async function deliver(
  store: SqlStore,
  account: MailAccount,
  mailbox: number,
  texts: readonly string[],
  entry: Omit<AppendEntry, 'staged'> = {},
): Promise<Appended[]> {
  const staged = await Promise.all(texts.map((text) => stage(store, text)));
  try {
    return await account.append(
      mailbox,
      staged.map((body) => ({ ...entry, staged: body })),
    );
  } finally {
    for (const body of staged) await body[Symbol.asyncDispose]();
  }
}

/** The mailbox of a path, which must be there. */
export async function mailboxAt(account: MailAccount, path: string): Promise<Mailbox> {
  const mailbox = await account.mailboxByPath(path);
  if (mailbox === undefined) throw new Error(`no mailbox ${path}`);
  return mailbox;
}

/** An account with `count` copies of a message in INBOX. */
export async function filled(store: SqlStore, count: number): Promise<{ account: MailAccount; id: number }> {
  const account = await freshAccount(store);
  const { id } = await mailboxAt(account, 'INBOX');
  await deliver(store, account, id, [message()]);
  for (let total = 1; total < count; total = (await mailboxAt(account, 'INBOX')).total) {
    await account.copy(id, [[1, Math.min(total, count - total)]], id);
  }
  return { account, id };
}

/** All placements of a mailbox. */
export async function placementsOf(account: MailAccount, mailbox: number, since?: number): Promise<Placement[]> {
  const found: Placement[] = [];
  const pages = account.placements(mailbox, ALL, since === undefined ? {} : { since });
  for await (const page of pages) found.push(...page);
  return found;
}

const EVERY_COLUMN: readonly ListingColumn[] = [
  ...(['message', 'item', 'flags', 'keywords', 'modseq', 'size', 'received', 'receivedOffset', 'sent'] as const),
  ...(['thread', 'saved', 'traits', 'envelope', 'structure', 'preview', 'header'] as const),
];

/** All rows of a listing with everything in them. */
export async function listingOf(account: MailAccount, mailbox: number): Promise<ListingRow[]> {
  const found: ListingRow[] = [];
  for await (const page of account.listing(mailbox, ALL, EVERY_COLUMN)) found.push(...page);
  return found;
}

/** A mailbox's UIDs. */
export async function uidsOf(account: MailAccount, mailbox: number): Promise<number[]> {
  return (await placementsOf(account, mailbox)).map((placement) => placement.uid);
}

/** The rows of the log after a cursor, all pages. */
export async function changesSince(account: MailAccount, cursor: string, limit = 100) {
  const rows = [];
  for (let at = cursor; ; ) {
    const page = await account.changes('mail', at, limit);
    rows.push(...page.rows);
    if (!page.more) return { rows, cursor: page.cursor };
    at = page.cursor;
  }
}

/** A sequence of whole numbers. */
export function sequence(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}
