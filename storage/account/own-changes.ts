// What the last write through a port changed, for whoever follows the log and has everything before it: a mail program's
// own STORE, EXPUNGE or APPEND is known here already, and most often nothing else happened meanwhile.

import { formatCursor, parseCursor } from '../changes/cursor.ts';
import { flagRun } from '../changes/flag-run.ts';
import type { Appended, Cursor, FlagChange, MailboxId, OwnChange, Uid, UidSet } from '../ports.ts';
import type { Incoming } from './incoming.ts';
import { runsOf } from './uid-sets.ts';

type Known = OwnChange extends infer C ? (C extends OwnChange ? Omit<C, 'cursor'> : never) : never;

/** Remembers one write. `generation`: how many commits of the account there were that others may know of. */
export class OwnChanges {
  readonly #generation: () => number;
  /** With the generation that it led to. */
  #last: { readonly change: Known; readonly generation: number } | null = null;

  constructor(generation: () => number) {
    this.#generation = generation;
  }

  /** Runs a write; `told` says what it changed, where that is all it changed and can be said. */
  async note<T>(write: () => Promise<T>, told: (value: T) => Known | null): Promise<T> {
    this.#last = null;
    const before = this.#generation();
    const value = await write();
    const generation = this.#generation();
    // One commit more, and that is this one: every operation is counted, those that shared its transaction too.
    if (generation - before !== 1) return value;
    const change = told(value);
    if (change !== null) this.#last = { change, generation };
    return value;
  }

  /** See MailAccount.ownChange. */
  after(cursor: Cursor): OwnChange | null {
    const last = this.#last;
    if (last === null || last.generation !== this.#generation()) return null;
    this.#last = null;
    const { change } = last;
    const { epoch, modseq, seq } = parseCursor(cursor);
    // The modseq is raised by one in each transaction, and by much more where an epoch begins.
    if (seq !== null || modseq !== change.modseq - 1) return null;
    return { ...change, cursor: formatCursor({ epoch, modseq: change.modseq, seq: null }) };
  }
}

/** What appending these came to; null where only their rows say it. */
export function addedBy(entries: readonly Incoming[], appended: readonly Appended[]): Known | null {
  const [first] = appended;
  if (first === undefined || appended.some(({ duplicate }) => duplicate)) return null;
  // Keywords have numbers, and annotations changes of their own.
  if (entries.some(({ keywords, annotations }) => keywords.length > 0 || annotations !== undefined)) return null;
  const placements = appended.map(({ uid, message, item, modseq }, at) => {
    const { size = 0, flags = 0 } = entries[at] ?? {};
    return { uid, message, item, size, flags, keywords: '', modseq };
  });
  return { kind: 'add', mailbox: first.mailbox, modseq: first.modseq, placements };
}

/**
 * What a change of flags came to, where all of these messages went through it; likewise. Not of one that changed nothing:
 * the mailbox's modseq may then be that of another's commit, which nobody here has been told of.
 */
export function flagsSetBy(mailbox: MailboxId, uids: UidSet, change: FlagChange, modseq: number): Known | null {
  if (change.action === 'replace' || change.keywords.length > 0) return null;
  return { kind: 'flags', mailbox, modseq, uids, run: flagRun(change) };
}

/** What taking these out of a mailbox came to. */
export function removedBy(mailbox: MailboxId, uids: readonly Uid[], modseq: number): Known | null {
  return uids.length === 0 ? null : { kind: 'remove', mailbox, modseq, uids: runsOf(uids) };
}
