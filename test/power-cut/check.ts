// Judges one disk after a power cut, in a process of its own: opens the store under another boot, reads everything, gives
// out new UIDs, ids and modseqs, closes it and has `verify` look at it. Prints the faults as JSON.
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import pino from 'pino';
import { createStoreShared, openStore } from '#storage/open.ts';
import { Flag, type MailAccount, type Mailbox, type Store } from '#storage/ports.ts';
import { acknowledgedCount, disagreements, type Found, Ledger } from '#test/support/ledger.ts';

export interface Job {
  readonly name: string;
  /** The data folder to judge. */
  readonly folder: string;
  /** The same moment with everything that had been written: what could have been seen by then. */
  readonly all: string;
  readonly ledger: string;
  /** Bytes sent on each connection by then. */
  readonly sent: readonly (readonly [connection: string, bytes: number])[];
  readonly accounts: readonly { readonly name: string; readonly address: string }[];
}

/** What could have been seen of one account: nothing at or beyond these may be given to other content. */
interface Seen {
  readonly modseq: number;
  readonly nextId: number;
  /** By mailbox id: its UIDVALIDITY and the next UID. */
  readonly mailboxes: ReadonlyMap<number, { readonly validity: number; readonly next: number }>;
}

/** Reads the numbers of an account from its database file, with the write-ahead log that lies beside it. */
function seenIn(folder: string, id: string): Seen {
  const file = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find(
    (name) => name.includes(id) && name.endsWith('mail.db'),
  );
  if (file === undefined) throw new Error(`account ${id} has no database`);
  const database = new Database(join(folder, file));
  try {
    const counter = database.prepare('SELECT modseq, next_id FROM counter').get() as {
      modseq: number;
      next_id: number;
    };
    const mailboxes = database.prepare('SELECT id, uidvalidity, uidnext FROM mailbox').all() as {
      id: number;
      uidvalidity: number;
      uidnext: number;
    }[];
    return {
      modseq: counter.modseq,
      nextId: counter.next_id,
      mailboxes: new Map(mailboxes.map((row) => [row.id, { validity: row.uidvalidity, next: row.uidnext }])),
    };
  } finally {
    database.close();
  }
}

/** All messages of a mailbox as the ledger wants them. */
async function read(
  mail: MailAccount,
  mailbox: Mailbox,
  place: string,
  ledger: Ledger,
  faults: string[],
): Promise<Found[]> {
  const names = await mail.keywords();
  const found: Found[] = [];
  for await (const page of mail.placements(mailbox.id, [[1, 2 ** 32 - 1]])) {
    for (const { uid, message, flags, keywords } of page) {
      const content = await mail.content(message);
      const identity = ledger.identify(Buffer.from(await content.bytes()));
      if ('wrong' in identity) {
        faults.push(`${place} ${uid}: ${identity.wrong}`);
        continue;
      }
      const set = Object.entries(Flag)
        .filter(([, bit]) => (flags & bit) !== 0)
        .map(([name]) => `\\${name[0]?.toUpperCase()}${name.slice(1)}`);
      const own = keywords === '' ? [] : keywords.split(' ').map((id) => names.get(Number(id)) ?? id);
      found.push({ place, validity: mailbox.uidvalidity, uid, flags: [...set, ...own], token: identity.token });
    }
  }
  return found;
}

/** Adds a message to a mailbox: its UID, id and modseq must be ones that nobody can have seen. */
async function probe(store: Store, mail: MailAccount, mailbox: Mailbox, place: string, seen: Seen, faults: string[]) {
  await using staging = store.stage({ maxBytes: 10_000 });
  await staging.write(Buffer.from(`Subject: after the power cut ${randomUUID()}\r\n\r\nx\r\n`));
  await using staged = await staging.finish();
  const [appended] = await mail.append(mailbox.id, [{ staged }]);
  if (appended === undefined) throw new Error(`${place} takes no message`);
  const before = seen.mailboxes.get(mailbox.id);
  if (before !== undefined && before.validity === appended.uidvalidity && appended.uid < before.next) {
    faults.push(`${place} gives UID ${appended.uid} again: up to ${before.next - 1} could have been seen`);
  }
  if (appended.modseq <= seen.modseq) {
    faults.push(`${place} gives modseq ${appended.modseq} again: up to ${seen.modseq} could have been seen`);
  }
  if (appended.message < seen.nextId) {
    faults.push(`${place} gives id ${appended.message} again: up to ${seen.nextId - 1} could have been seen`);
  }
}

/** A mailbox that was lost and is made again must not look like the one that was seen. */
async function makeLostAgain(mail: MailAccount, name: string, ids: ReadonlySet<number>, seen: Seen, faults: string[]) {
  for (const [id, before] of seen.mailboxes) {
    if (ids.has(id)) continue;
    const made = await mail.createMailbox(`lost-${id}`);
    const again = [...seen.mailboxes.values()].some(({ validity }) => validity === made.uidvalidity);
    if (made.id < seen.nextId && seen.mailboxes.has(made.id)) faults.push(`${name} gives mailbox id ${made.id} again`);
    if (again) faults.push(`${name} gives UIDVALIDITY ${before.validity} again`);
  }
}

async function judge(job: Job): Promise<{ acknowledged: number; faults: string[] }> {
  const ledger = Ledger.from(readFileSync(job.ledger, 'utf8'));
  const sent = new Map(job.sent);
  const reached = ({ connection, bytes }: { connection: string; bytes: number }) =>
    (sent.get(connection) ?? 0) >= bytes;
  const faults: string[] = [];
  const fatal = (error: Error) => faults.push(`the store gave up: ${error.message}`);
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) });
  const shared = createStoreShared({ bootId: randomUUID() });
  {
    await using store = await openStore({
      ...{ data: job.folder, log, shared, main: true, handles: 10, retentionDays: 14, fatal },
    });
    const found: Found[] = [];
    for (const { name, address } of job.accounts) {
      const account = await store.directory.accountByAddress(address);
      if (account === undefined) throw new Error(`${address} is lost`);
      const mail = store.mail(account.id);
      const seen = seenIn(job.all, account.id);
      const mailboxes = await mail.mailboxes();
      for (const mailbox of mailboxes)
        found.push(...(await read(mail, mailbox, `${name}/${mailbox.path}`, ledger, faults)));
      for (const mailbox of mailboxes) await probe(store, mail, mailbox, `${name}/${mailbox.path}`, seen, faults);
      await makeLostAgain(mail, name, new Set(mailboxes.map(({ id }) => id)), seen, faults);
    }
    faults.push(...disagreements(ledger, found, reached));
  }
  const verified = verify(job.folder);
  if (verified !== '') faults.push(`verify: ${verified}`);
  if (faults.length > 0) faults.push(...lines.slice(0, 3));
  return { acknowledged: acknowledgedCount(ledger, reached), faults };
}

/** What the command finds, or '' when all is well. */
function verify(data: string): string {
  const folder = `${data}-config`;
  mkdirSync(folder, { recursive: true });
  const config = join(folder, 'posthuis.toml');
  writeFileSync(config, `hostname = "mail.example.test"\ndata = ${JSON.stringify(data)}\n[listen]\n`);
  const program = resolve(import.meta.dirname, '../../src/posthuis.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, '--config', config, 'verify'], {
    encoding: 'utf8',
  });
  return status === 0 ? '' : `status ${status}: ${stdout}${stderr}`.slice(0, 1000);
}

const file = process.argv[2];
if (file === undefined) throw new Error('usage: node test/power-cut/check.ts JOB');
process.stdout.write(JSON.stringify(await judge(JSON.parse(readFileSync(file, 'utf8')))));
