// The epoch rule (DESIGN 4): nothing that could have been seen is ever given to other content. A commit can be seen
// before it is synced, and power can fail between; then ids, UIDs and modseqs that somebody has seen are free again.
// So a database that was written under a boot which did not end cleanly jumps over all of them first.
//
// The key is the kernel's boot, not the server's process: what a killed process had committed is in the kernel's page
// cache and stays readable, so nothing seen is lost by kill -9, and no jump is needed while the boot goes on.

import { StoreError } from '../errors.ts';
import { all, MAX_ROWS, type Op, one, run } from '../operation.ts';

/** UIDs and ids that a jump leaves out; more than can be given between two syncs. */
export const JUMP_IDS = 1_000_000;
/** Modseqs that a jump leaves out at least; from 2^20 a second, jumps of the same file twice restored never meet. */
export const JUMP_MODSEQS = 2 ** 20;
/** UIDNEXT of a mailbox that has no UIDs left (RFC 9051 9, nz-number): a new mailbox has to take over. */
const LAST_UID = 2 ** 32 - 1;
/** UIDVALIDITYs that a jump leaves out: mailboxes that can have been made between two syncs. */
const JUMP_UIDVALIDITIES = 10_000;

/** A database that has just been made: its counter row and its first epoch. */
export function* beginDatabase(account: string, bootId: string): Op<void> {
  yield* run(
    `INSERT INTO counter (account, modseq, next_id, uidvalidity, epoch, boot_id, bytes, messages)
     VALUES ($1, 1, 1, 0, 1, $2, 0, 0)`,
    [account, bootId],
  );
  yield* run('INSERT INTO epoch (account, epoch, first, last) VALUES ($1, 1, 1, NULL)', [account]);
}

/** The boot under which the database was last written; undefined before beginDatabase. */
export function* lastBoot(account: string): Op<string | undefined> {
  const row = yield* one<{ boot_id: string }>('SELECT boot_id FROM counter WHERE account = $1', [account]);
  return row?.boot_id;
}

/** Says under which boot the database is written from now on; to be durable before any other write under it. */
export function* stampBoot(account: string, bootId: string): Op<void> {
  yield* run('UPDATE counter SET boot_id = $2 WHERE account = $1', [account, bootId]);
}

export interface Jump {
  readonly bootId: string;
  /** Now, unix ms. */
  readonly now: number;
  /** False for the directory and the queue. */
  readonly hasMailboxes: boolean;
  /** Set if this file is a backup that is brought back. */
  readonly restored?: Restored;
}

/** What a restore knows. */
export interface Restored {
  /** When the backup was made, unix ms. */
  readonly made: number;
  /** What the file that is replaced had given out; null if there was none, or it could not be read. */
  readonly replaced: GivenOut | null;
}

/** How far ids and UIDs had come in a database. */
export interface GivenOut {
  readonly modseq: number;
  readonly nextId: number;
  readonly epoch: number;
  readonly uidvalidity: number;
  readonly mailboxes: ReadonlyMap<number, { readonly uidnext: number; readonly uidvalidity: number }>;
}

interface CounterRow {
  readonly modseq: number;
  readonly next_id: number;
  readonly epoch: number;
  readonly uidvalidity: number;
}

interface MailboxRow {
  readonly id: number;
  readonly uidnext: number;
  readonly uidvalidity: number;
}

/** Reads what a database that is about to be replaced has given out; undefined if it has no counter row. */
export function* givenOut(account: string, hasMailboxes: boolean): Op<GivenOut | undefined> {
  const counter = yield* readCounter(account);
  if (counter === undefined) return undefined;
  const mailboxes = new Map<number, MailboxRow>();
  if (hasMailboxes) for (const row of yield* readMailboxes(account)) mailboxes.set(row.id, row);
  const { modseq, next_id: nextId, epoch, uidvalidity } = counter;
  return { modseq, nextId, epoch, uidvalidity, mailboxes };
}

/** Leaves out everything that could have been seen, and begins a new epoch; to be durable before anything else. */
export function* jumpEpoch(account: string, jump: Jump): Op<void> {
  const counter = yield* readCounter(account);
  if (counter === undefined) return yield* beginNew(account, jump.bootId);
  const { restored, now } = jump;
  const replaced = restored?.replaced ?? null;
  const seconds = Math.floor(now / 1000);
  const modseq = Math.max(Math.max(counter.modseq, replaced?.modseq ?? 0) + JUMP_MODSEQS, seconds * JUMP_MODSEQS);
  // How far UIDVALIDITYs had run ahead of the clock; added, so that two restores of one backup have different ones.
  const ahead = restored === undefined ? 0 : Math.max(0, counter.uidvalidity - Math.floor(restored.made / 1000));
  const lastUidvalidity = Math.max(counter.uidvalidity, replaced?.uidvalidity ?? 0, seconds + ahead);
  const uidvalidity = lastUidvalidity + JUMP_UIDVALIDITIES;
  // A restored file takes its epoch and ids from the clock: the same backup may be restored again, with nothing to tell.
  const epoch = Math.max(counter.epoch, replaced?.epoch ?? 0, restored === undefined ? 0 : now - 1) + 1;
  const nextId = Math.max(counter.next_id, replaced?.nextId ?? 0) + JUMP_IDS;
  if (jump.hasMailboxes) yield* skipUids(account, modseq, uidvalidity, restored);
  yield* run('UPDATE epoch SET last = $3 WHERE account = $1 AND epoch = $2', [account, counter.epoch, counter.modseq]);
  yield* run('INSERT INTO epoch (account, epoch, first, last) VALUES ($1, $2, $3, NULL)', [account, epoch, modseq]);
  yield* run(
    'UPDATE counter SET modseq = $2, epoch = $3, next_id = $4, uidvalidity = $5, boot_id = $6 WHERE account = $1',
    [account, modseq, epoch, restored === undefined ? nextId : Math.max(nextId, now), uidvalidity, jump.bootId],
  );
}

/**
 * The skipped UIDs are logged as one removed run a mailbox: a client that saw one learns that it is gone. A restored
 * mailbox of which nobody knows how far it had come gets a new UIDVALIDITY.
 */
function* skipUids(account: string, modseq: number, uidvalidity: number, restored: Restored | undefined): Op<void> {
  let seq = 0;
  for (const row of yield* readMailboxes(account)) {
    const other = restored?.replaced?.mailboxes.get(row.id);
    const known = restored === undefined || other?.uidvalidity === row.uidvalidity;
    const uidnext = Math.min(Math.max(row.uidnext, other?.uidnext ?? 0) + JUMP_IDS, LAST_UID);
    seq += 1;
    yield* run(
      `INSERT INTO change (account, class, modseq, seq, kind, reason, collection, other, uid, last, item, object,
         thread, reader, name) VALUES ($1, 'mail', $2, $3, 'remove', 'skipped', $4, 0, $5, $6, 0, 0, 0, '', '')`,
      [account, modseq, seq, row.id, row.uidnext, uidnext - 1],
    );
    yield* run('UPDATE mailbox SET uidnext = $3, uidvalidity = $4, modseq = $5 WHERE account = $1 AND id = $2', [
      account,
      row.id,
      uidnext,
      known ? row.uidvalidity : uidvalidity,
      modseq,
    ]);
  }
}

/** A database without a counter row is new, or damaged, or another account's. */
function* beginNew(account: string, bootId: string): Op<void> {
  if ((yield* one('SELECT epoch FROM epoch LIMIT 1')) !== undefined) {
    throw new StoreError('corrupt', `the counter row of ${account} is missing`);
  }
  yield* beginDatabase(account, bootId);
}

function* readCounter(account: string): Op<CounterRow | undefined> {
  return yield* one<CounterRow>('SELECT modseq, next_id, epoch, uidvalidity FROM counter WHERE account = $1', [
    account,
  ]);
}

function* readMailboxes(account: string): Op<MailboxRow[]> {
  const rows: MailboxRow[] = [];
  for (let after = 0; ; ) {
    const page = yield* all<MailboxRow>(
      `SELECT id, uidnext, uidvalidity FROM mailbox WHERE account = $1 AND id > $2 ORDER BY id LIMIT ${MAX_ROWS}`,
      [account, after],
    );
    rows.push(...page);
    const last = page.at(-1);
    if (last === undefined) return rows;
    after = last.id;
  }
}
