// The epoch rule (DESIGN 4): nothing that could have been seen is ever given to other content. A commit can be seen
// before it is synced, and power can fail between; then ids, UIDs and modseqs that somebody has seen are free again.
// So a database that was written under a boot which did not end cleanly jumps over all of them first.
//
// The key is the kernel's boot, not the server's process: what a killed process had committed is in the kernel's page
// cache and stays readable, so nothing seen is lost by kill -9, and no jump is needed while the boot goes on.

import { type Op, one, run } from '../operation.ts';

/** UIDs and ids that a jump leaves out; more than can be given between two syncs. */
export const JUMP_IDS = 1_000_000;
/** Modseqs that a jump leaves out at least; from 2^20 a second, jumps of the same file twice restored never meet. */
export const JUMP_MODSEQS = 2 ** 20;
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
  /** Now, in unix seconds. */
  readonly seconds: number;
  /** False for the directory and the queue. */
  readonly hasMailboxes: boolean;
  /** The least next_id afterwards. */
  readonly nextId?: number;
}

/** Leaves out everything that could have been seen, and begins a new epoch; to be durable before anything else. */
export function* jumpEpoch(account: string, jump: Jump): Op<void> {
  const counter = yield* one<{ modseq: number; epoch: number }>(
    'UPDATE counter SET boot_id = $2 WHERE account = $1 RETURNING modseq, epoch',
    [account, jump.bootId],
  );
  if (counter === undefined) return yield* beginDatabase(account, jump.bootId);
  const modseq = Math.max(counter.modseq + JUMP_MODSEQS, jump.seconds * JUMP_MODSEQS);
  if (jump.hasMailboxes) yield* skipUids(account, modseq);
  yield* run('UPDATE epoch SET last = $3 WHERE account = $1 AND epoch = $2', [account, counter.epoch, counter.modseq]);
  yield* run('INSERT INTO epoch (account, epoch, first, last) VALUES ($1, $2, $3, NULL)', [
    account,
    counter.epoch + 1,
    modseq,
  ]);
  yield* run(
    `UPDATE counter SET modseq = $2, epoch = epoch + 1,
       next_id = CASE WHEN next_id + $3 < $4 THEN $4 ELSE next_id + $3 END,
       uidvalidity = CASE WHEN uidvalidity < $5 THEN $5 ELSE uidvalidity END + $6
     WHERE account = $1`,
    [account, modseq, JUMP_IDS, jump.nextId ?? 0, jump.seconds, JUMP_UIDVALIDITIES],
  );
}

/** The skipped UIDs are logged as one removed run a mailbox: a client that saw one learns that it is gone. */
function* skipUids(account: string, modseq: number): Op<void> {
  yield* run(
    `INSERT INTO change (account, class, modseq, seq, kind, reason, collection, other, uid, last, item, object, thread,
       reader, name)
     SELECT account, 'mail', $2, row_number() OVER (ORDER BY id), 'remove', 'skipped', id, 0, uidnext,
       uidnext + $3 - 1, 0, 0, 0, '', ''
     FROM mailbox WHERE account = $1`,
    [account, modseq, JUMP_IDS],
  );
  yield* run('UPDATE mailbox SET uidnext = uidnext + $3, modseq = $2 WHERE account = $1', [account, modseq, JUMP_IDS]);
  yield* run("UPDATE class SET modseq = $2 WHERE account = $1 AND class = 'mail'", [account, modseq]);
}
