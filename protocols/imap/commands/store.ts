// STORE and UID STORE (RFC 9051 6.4.6), with UNCHANGEDSINCE (RFC 7162 3.1.3).

import { Pace } from '#protocols/net/pace.ts';
import type { FlagChange } from '#storage/ports.ts';
import { BadCommand, Refusal } from '../grammar/errors.ts';
import { storeFlags } from '../grammar/flags.ts';
import { unchangedSince } from '../grammar/mod-sequence.ts';
import type { Scanner } from '../grammar/scanner.ts';
import { formatSet, sequenceSet } from '../grammar/sequence-set.ts';
import type { ChangedSlots } from '../index/changed-slots.ts';
import type { Session } from '../session.ts';
import type { Selected } from '../view/selected.ts';
import { membersOf, spanRanges } from '../view/uid-ranges.ts';
import type { Member } from '../view/view.ts';
import type { Reply, Verb } from './verb.ts';

export const store: Verb = storing(false);
export const uidStore: Verb = storing(true);

const ITEM = /([+-]?)FLAGS(\.SILENT)?/iy;

function storing(byUid: boolean): Verb {
  return {
    state: 'selected',
    expunges: byUid,
    async run(session, { scanner }) {
      scanner.space();
      const set = sequenceSet(scanner);
      const since = unchangedSince(scanner);
      scanner.space();
      const { change, silent } = storeArguments(scanner);
      scanner.end();
      const { current } = session;
      if (since !== undefined) session.enable('CONDSTORE'); // RFC 7162 3.1
      if (current.readOnly) throw new Refusal('', 'The mailbox is read-only');
      const members = [...membersOf(current, set, byUid)];
      if (members.length === 0) return undefined;
      return await apply(session, members, change, { silent, byUid, since });
    },
  };
}

function storeArguments(scanner: Scanner): { change: FlagChange; silent: boolean } {
  const item = scanner.match(ITEM);
  if (item === null) throw new BadCommand('Expected FLAGS, +FLAGS or -FLAGS');
  scanner.space();
  const { flags, keywords } = storeFlags(scanner);
  const action = item[1] === '+' ? 'add' : item[1] === '-' ? 'remove' : 'replace';
  return { change: { action, flags, keywords }, silent: item[2] !== undefined };
}

interface Options {
  readonly silent: boolean;
  readonly byUid: boolean;
  /** UNCHANGEDSINCE */
  readonly since: number | undefined;
}

/** Changes the flags and tells what they are now; silently, only those that are not what the client can expect. */
async function apply(
  session: Session,
  members: readonly Member[],
  change: FlagChange,
  options: Options,
): Promise<Reply | undefined> {
  const { current, owner } = session;
  const { rows } = current.view;
  const before = new Before(current, members);
  const uids = spanRanges(current.view, members);
  const condition = options.since === undefined ? {} : { unchangedSince: options.since };
  const { modified } = await owner.mail.setFlags(current.mailbox.id, uids, change, condition);
  await owner.catchUp();
  const failed = new Set(modified);
  await tell(session, { members, before, change, failed, options });
  if (failed.size === 0) return undefined;
  const named = options.byUid ? modified : members.flatMap(({ slot, seq }) => (failed.has(rows.uid(slot)) ? seq : []));
  return { code: `MODIFIED ${formatSet(named)}`, text: 'Some were changed by others' };
}

/** What the client knew of the messages before they were changed. */
class Before {
  readonly untold: ChangedSlots;
  readonly #flags: Uint8Array;
  readonly #keywords: Uint32Array;
  readonly #modseqs: Float64Array;

  constructor(current: Selected, members: readonly Member[]) {
    const { rows } = current.view;
    this.untold = current.untold();
    this.#flags = new Uint8Array(members.length);
    this.#keywords = new Uint32Array(members.length);
    this.#modseqs = new Float64Array(members.length);
    for (const [at, { slot }] of members.entries()) {
      this.#flags[at] = rows.flags(slot);
      this.#keywords[at] = rows.keywords(slot);
      this.#modseqs[at] = rows.modseq(slot);
    }
  }

  flags(at: number): number {
    return this.#flags[at] ?? 0;
  }

  keywords(at: number): number {
    return this.#keywords[at] ?? 0;
  }

  modseq(at: number): number {
    return this.#modseqs[at] ?? 0;
  }
}

interface Done {
  readonly members: readonly Member[];
  readonly before: Before;
  readonly change: FlagChange;
  /** UIDs of those that had been changed by others. */
  readonly failed: ReadonlySet<number>;
  readonly options: Options;
}

async function tell(session: Session, { members, before, change, failed, options }: Done): Promise<void> {
  const { current, owner, connection } = session;
  const { rows } = current.view;
  const conditional = options.since !== undefined;
  const withModseq = session.enabled.has('CONDSTORE');
  const pace = new Pace(connection);
  for (const [at, member] of members.entries()) {
    if (pace.due) await pace.rest();
    const { slot } = member;
    const flags = changedFlags(before.flags(at), change);
    const keywords = owner.keywords.changed(before.keywords(at), change.action, change.keywords);
    if (isGone(current, slot)) {
      // A message that another session has expunged is still the client's: its flags change for it alone, unless it
      // asked that nothing had happened to it.
      if (conditional) continue;
      rows.set(slot, flags, keywords, rows.modseq(slot));
    }
    // RFC 7162 3.1.3: who failed is told what it is now.
    if (!options.silent || failed.has(rows.uid(slot))) {
      current.tellFlags(connection.out, member, options.byUid);
      continue;
    }
    const expected = flags === rows.flags(slot) && keywords === rows.keywords(slot) && !before.untold.has(slot);
    if (!expected) continue;
    if (conditional || (withModseq && rows.modseq(slot) !== before.modseq(at)))
      current.tellModseq(connection.out, member);
    else current.markTold(slot);
  }
}

/** Has it been expunged, though the client still counts it? */
function isGone({ view, index }: Selected, slot: number): boolean {
  if (index.view.rows === view.rows && index.view.dead === view.dead) return false;
  return index.view.slotOfUid(view.rows.uid(slot)) === -1;
}

function changedFlags(flags: number, change: FlagChange): number {
  if (change.action === 'replace') return change.flags;
  return change.action === 'add' ? flags | change.flags : flags & ~change.flags;
}
