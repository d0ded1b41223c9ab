// The mailbox a session has selected: its view, and telling the client what has changed since (RFC 9051 7.5, 7.5.1).

import type { Connection } from '#protocols/net/connection.ts';
import { Pace } from '#protocols/net/pace.ts';
import type { ReplyWriter } from '#protocols/net/reply-writer.ts';
import { KEYWORDS } from '#storage/account/limits.ts';
import type { AccountId, Mailbox, UidRange } from '#storage/ports.ts';
import { Flag, KEYWORD_BIT } from '#storage/ports.ts';
import { Right, type Rights } from '#storage/sharing/rights.ts';
import { countBelow } from '../count-below.ts';
import type { Enabled } from '../enabled.ts';
import { SYSTEM_FLAG_TEXT, SYSTEM_FLAGS } from '../grammar/flags.ts';
import type { ImapAccount } from '../index/account.ts';
import type { ChangedSlots, SlotRun } from '../index/changed-slots.ts';
import type { MailboxIndex } from '../index/mailbox-index.ts';
import { RECENT_RUNS } from '../limits.ts';
import { writeRanges } from '../ranges.ts';
import type { RecentLedger } from '../recent.ts';
import type { UpdatedSearch } from '../search/context.ts';
import { appendUid } from './uid-ranges.ts';
import { expungedBetween, type Member, type Span, View } from './view.ts';

/** Messages whose flags the client has been told in the command in hand: they are not told again at its end. */
interface Told extends SlotRun {
  last: number;
}

/** Of most sessions: idle ones are many. */
const NO_SEARCHES: ReadonlyMap<string, UpdatedSearch> = new Map();

/** Whether `tell` had expunges to tell, and did. */
export type Expunges = 'none' | 'told' | 'withheld';

export class Selected {
  readonly account: ImapAccount;
  /** Under the name that it has for the session. */
  readonly mailbox: Mailbox;
  readonly index: MailboxIndex;
  /** By EXAMINE. */
  readonly readOnly: boolean;
  /** Whose \Seen is meant; absent: the owner's. */
  readonly reader: AccountId | undefined;
  /** As the client knows it. */
  view: View;
  /** Everything up to this modseq has been told, expunges too: what a client may take for HIGHESTMODSEQ. */
  synced: number;
  /** The UIDs that `$` stands for (RFC 5182); what has been expunged since is not looked for. */
  found: readonly UidRange[] = [];
  #searches: Map<string, UpdatedSearch> | null = null;
  readonly #enabled: ReadonlySet<Enabled>;
  /** Changes of annotations are told. */
  readonly #annotate: boolean;
  #rights: Rights;
  #tick: number;
  #modseq: number;
  #keywords = -1;
  /** Runs of slots of the view, ascending. */
  #told: Told[] = [];
  readonly #recent: RecentLedger;
  /** UIDs that are \Recent in this session. */
  #recentRuns: [number, number][] = [];

  /** `recentFrom`: the first UID that no session has been told of. */
  constructor(
    place: {
      account: ImapAccount;
      mailbox: Mailbox;
      index: MailboxIndex;
      readOnly: boolean;
      annotate?: boolean;
      rights: Rights;
      /** What the client has enabled, now or later. */
      enabled: ReadonlySet<Enabled>;
    },
    recent: RecentLedger,
    recentFrom: number,
  ) {
    this.account = place.account;
    this.mailbox = place.mailbox;
    this.index = place.index;
    this.readOnly = place.readOnly;
    this.reader = place.index.reader;
    this.#rights = place.rights;
    this.#enabled = place.enabled;
    this.#annotate = place.annotate ?? false;
    this.synced = place.index.complete;
    this.#recent = recent;
    this.view = this.index.view;
    this.#tick = this.index.tick;
    this.#modseq = this.index.complete;
    this.#claim(this.view.lastUid + 1, recentFrom);
  }

  // -------------------------------------------------------------------------------------------------------- rights

  /** Is it this mailbox? An account may be held twice on a thread for a while, so by its id. */
  is(place: { readonly account: { readonly id: AccountId }; readonly mailbox: { readonly id: number } }): boolean {
    return this.account.id === place.account.id && this.mailbox.id === place.mailbox.id;
  }

  /** What the session may do with the mailbox, now. */
  get rights(): Rights {
    return this.#rights;
  }

  /** RFC 4314 5.1.1: who may keep other flags now is told so. */
  set rights(rights: Rights) {
    if (rights === this.#rights) return;
    this.#rights = rights;
    this.#keywords = -1;
  }

  /** Flags that the session may change: bits of Flag, and KEYWORD_BIT. */
  get changeable(): number {
    if (this.readOnly) return 0;
    return flagsOf(this.#rights);
  }

  // ------------------------------------------------------------------------------------------------------- searches

  /** Searches that are kept up to date, by their tags (RFC 5267 4.3). */
  get searches(): ReadonlyMap<string, UpdatedSearch> {
    return this.#searches ?? NO_SEARCHES;
  }

  keepSearch(tag: string, search: UpdatedSearch): void {
    this.#searches ??= new Map();
    this.#searches.set(tag, search);
  }

  dropSearch(tag: string): void {
    this.#searches?.delete(tag);
  }

  // --------------------------------------------------------------------------------------------------------- flags

  /** The text of a message's flags, as FLAGS lists them. */
  flagText(slot: number): string {
    const { rows } = this.view;
    const recent = this.#recentRuns.length > 0 && this.#tellsRecent && this.isRecent(rows.uid(slot));
    return this.account.keywords.text(rows.flags(slot), rows.keywords(slot), recent);
  }

  /** RFC 9051 2.3.2: \Recent is no more. */
  get #tellsRecent(): boolean {
    return !this.#enabled.has('IMAP4rev2');
  }

  isRecent(uid: number): boolean {
    return this.#recentRuns.some(([first, last]) => uid >= first && uid <= last);
  }

  /** Messages that are \Recent here. */
  get recentCount(): number {
    return this.view.countByUid(this.#recentRuns);
  }

  /** Tells which keywords there are, if the client has not been told of them all (RFC 9051 7.3.5). */
  tellKeywords(out: ReplyWriter): void {
    const { keywords } = this.account;
    if (this.#keywords === keywords.size) return;
    this.#keywords = keywords.size;
    out.text(`* FLAGS (${[SYSTEM_FLAGS, ...keywords.all].join(' ')})\r\n`);
    const kept = SYSTEM_FLAG_TEXT[this.changeable & ~KEYWORD_BIT] ?? '';
    const names = kept === '' ? [] : [kept];
    if ((this.changeable & KEYWORD_BIT) !== 0) {
      names.push(...keywords.all);
      // RFC 9051 7.1: \* says that new keywords can be made.
      if (keywords.size < KEYWORDS) names.push('\\*');
    }
    out.text(`* OK [PERMANENTFLAGS (${names.join(' ')})] Flags that are kept\r\n`);
  }

  /**
   * The client knows the flags of a message, or of those up to `last`, as they are now. Messages are marked in ascending
   * order within a command.
   */
  markTold(slot: number, last = slot): void {
    const { tick } = this.index;
    const run = this.#told.at(-1);
    if (run !== undefined && run.last === slot - 1 && run.tick === tick) run.last = last;
    else this.#told.push({ first: slot, last, tick });
  }

  /** Mod-sequences are told with flags (RFC 7162 3.1). */
  get #tellsModseq(): boolean {
    return this.#enabled.has('CONDSTORE');
  }

  /**
   * FLAGS of a message were asked for and told. Who knows mod-sequences is told a change again, with its own, unless that
   * was asked for too: else the flags would be known and what they have become new with would not.
   */
  markAsked(slot: number, withModseq: boolean): void {
    if (withModseq || !this.#tellsModseq) this.markTold(slot);
  }

  /**
   * Tells a message's flags, with its UID if that is asked for (RFC 9051 6.4.9); to those who know mod-sequences always
   * with UID and mod-sequence (RFC 7162 3.2.4).
   */
  tellFlags(out: ReplyWriter, { slot, seq }: Member, withUid: boolean, annotations = ''): void {
    const withModseq = this.#tellsModseq;
    this.tellKeywords(out);
    out.text('* ').number(seq).text(' FETCH (');
    if (withUid || withModseq) out.text('UID ').number(this.view.rows.uid(slot)).text(' ');
    if (withModseq) out.text('MODSEQ (').number(this.view.rows.modseq(slot)).text(') ');
    out.text('FLAGS (').text(this.flagText(slot)).text(')');
    // RFC 5257 4.6: which entries, not what they are now.
    if (annotations !== '') out.text(` ANNOTATION (${annotations})`);
    out.text(')\r\n');
    this.markTold(slot);
  }

  /** Tells the flags of messages that follow each other as `tellFlags` does: after STORE 1:* they are many, and alike. */
  tellFlagsOf(out: ReplyWriter, { slot: first, seq, count }: Span, withUid: boolean): void {
    const { rows } = this.view;
    const withModseq = this.#tellsModseq;
    const isShort = !withUid && !withModseq;
    const alike = this.#recentRuns.length === 0;
    let [flags, keywords, end] = [-1, -1, ''];
    this.tellKeywords(out);
    for (let slot = first; slot < first + count; slot++) {
      if (!alike || rows.flags(slot) !== flags || rows.keywords(slot) !== keywords) {
        [flags, keywords] = [rows.flags(slot), rows.keywords(slot)];
        end = `${isShort ? ' FETCH (' : ''}FLAGS (${this.flagText(slot)}))\r\n`;
      }
      out.text('* ').number(seq + slot - first);
      if (!isShort) out.text(' FETCH (UID ').number(rows.uid(slot)).text(' ');
      if (withModseq) out.text('MODSEQ (').number(rows.modseq(slot)).text(') ');
      out.text(end);
    }
    this.markTold(first, first + count - 1);
  }

  /** Tells the mod-sequence of a message whose flags the client knows without being told (RFC 7162 3.1.3). */
  tellModseq(out: ReplyWriter, { slot, seq }: Member): void {
    const { rows } = this.view;
    out.text('* ').number(seq).text(' FETCH (UID ').number(rows.uid(slot));
    out.text(' MODSEQ (').number(rows.modseq(slot)).text('))\r\n');
    this.markTold(slot);
  }

  /** Slots whose flags others have changed and that the client has not been told of. */
  untold(): ChangedSlots {
    return this.index.changedSince(this.view, this.#tick, this.#modseq);
  }

  // ---------------------------------------------------------------------------------------------------------- sync

  /**
   * Tells everything that has changed: EXPUNGE if it is allowed now (RFC 9051 7.5.1), then EXISTS if messages came, then
   * flags, which may be many: other work gets its turn, and what happens meanwhile is told the next time. The view
   * becomes what has been told. A promise only where flags are told.
   */
  tell(connection: Connection, expunges: boolean, flags = true, annotations = false): Expunges | Promise<Expunges> {
    const { index } = this;
    const { out } = connection;
    const { view: current, complete } = index;
    const told = this.#told;
    if (told.length > 0) this.#told = [];
    // New keywords are told even where no message that the client looks at has them: FLAGS is the same for all sessions.
    if (flags) this.tellKeywords(out);
    if (current === this.view && index.tick === this.#tick) {
      this.synced = complete;
      return 'none';
    }
    const before = this.view;
    const withheld = !expunges && isWithheld(before, current);
    const gone = this.#tellMessages(out, current, expunges);
    const settled = (): Expunges => {
      if (withheld) return 'withheld';
      if (this.#tick === index.tick || flags) this.synced = complete;
      return gone > 0 ? 'told' : 'none';
    };
    // Flags that the client does not want to hear of are told when it does.
    if (!flags) return settled();
    if (index.tick === this.#tick) {
      this.#modseq = index.complete;
      return settled();
    }
    const telling = this.#tellFlags(connection, movedTo(this.view, before, told), annotations || this.#annotate);
    return telling === undefined ? settled() : telling.then(settled);
  }

  /** Tells which messages went and came, and takes the view that is then the client's. How many went. */
  #tellMessages(out: ReplyWriter, current: View, expunges: boolean): number {
    const before = this.view;
    const after = expunges ? current : withoutExpunges(before, current);
    const gone = expunges ? expungedBetween(before, after) : [];
    this.#tellExpunged(out, gone);
    const fewer = gone.length > 0 && this.#wereRecent(gone);
    this.view = after;
    const more = after.exists > before.exists - gone.length;
    if (more) {
      out.text('* ').number(after.exists).text(' EXISTS\r\n');
      this.#claim(after.lastUid + 1, before.lastUid + 1);
    }
    // RFC 3501 7.3.2; an EXPUNGE says nothing of how many are left.
    if ((more || fewer) && this.#tellsRecent) out.text('* ').number(this.recentCount).text(' RECENT\r\n');
    return gone.length;
  }

  /** Was any of these \Recent here? Sequence numbers of the view. */
  #wereRecent(gone: readonly number[]): boolean {
    if (this.#recentRuns.length === 0) return false;
    const { rows } = this.view;
    return gone.some((seq) => this.isRecent(rows.uid(this.view.slotOf(seq))));
  }

  /** `gone`: sequence numbers of the view, from the highest. */
  #tellExpunged(out: ReplyWriter, gone: readonly number[]): void {
    if (gone.length === 0) return;
    if (!this.#enabled.has('QRESYNC')) {
      for (const seq of gone) out.text('* ').number(seq).text(' EXPUNGE\r\n');
      return;
    }
    // RFC 7162 3.2.10.2: only messages that the client knows of.
    const uids: [number, number][] = [];
    for (const seq of gone.toReversed()) appendUid(uids, this.view.rows.uid(this.view.slotOf(seq)));
    out.text('* VANISHED ');
    writeRanges(out, uids);
    out.text('\r\n');
  }

  #tellFlags(connection: Connection, told: readonly Told[], noted: boolean): Promise<void> | undefined {
    const { index, view } = this;
    const changed = index.changedSince(view, this.#tick, this.#modseq);
    const since = noted ? this.#modseq : null;
    this.#tick = index.tick;
    this.#modseq = index.complete;
    // Most often it is what the command in hand has done, and told.
    if (changed.areTold(told)) return undefined;
    return this.#tellSlots(connection, changed.except(told), since);
  }

  /** `since`: annotations that have changed after it are told too. */
  async #tellSlots(connection: Connection, slots: Iterable<number>, since: number | null): Promise<void> {
    const { index, view } = this;
    const pace = new Pace(connection);
    for (const slot of slots) {
      if (!view.has(slot)) continue;
      const annotations = since === null ? '' : index.annotatedSince(view.rows.uid(slot), since);
      this.tellFlags(connection.out, { slot, seq: view.seqOf(slot) }, true, annotations);
      if (pace.due) await pace.rest();
    }
    this.#told = [];
  }

  /** New mail becomes recent in this session, unless another has claimed it; EXAMINE looks and claims nothing. */
  #claim(uidnext: number, otherwise: number): void {
    const { account, mailbox } = this;
    const first = this.readOnly
      ? (this.#recent.unclaimed(account.id, mailbox.id) ?? otherwise)
      : this.#recent.claim(account.id, mailbox.id, uidnext, otherwise);
    if (first >= uidnext) return;
    const last = this.#recentRuns.at(-1);
    if (last !== undefined && first <= last[1] + 1) last[1] = uidnext - 1;
    else this.#recentRuns.push([first, uidnext - 1]);
    if (this.#recentRuns.length <= RECENT_RUNS) return;
    // What is gone is forgotten first.
    this.#recentRuns = this.#recentRuns.filter((run) => this.view.byUid([run]).next().done !== true);
    if (this.#recentRuns.length > RECENT_RUNS) this.#recentRuns.shift();
  }
}

/** Runs of slots of one view as those of another: slots mean something else after the rows were made anew. */
function movedTo({ rows }: View, from: View, told: readonly Told[]): readonly Told[] {
  if (rows === from.rows) return told;
  const moved: Told[] = [];
  for (const { first, last, tick } of told) {
    for (let slot = first; slot <= last; slot++) {
      const now = rows.slotOf(from.rows.uid(slot));
      if (now !== -1) moved.push({ first: now, last: now, tick });
    }
  }
  return moved;
}

/** The flags that rights let somebody change: bits of Flag, and KEYWORD_BIT (RFC 4314 2.1). */
export function flagsOf(rights: Rights): number {
  const seen = (rights & Right.seen) === 0 ? 0 : Flag.seen;
  const deleted = (rights & Right.delete) === 0 ? 0 : Flag.deleted;
  const others = (rights & Right.write) === 0 ? 0 : Flag.answered | Flag.flagged | Flag.draft | KEYWORD_BIT;
  return seen | deleted | others;
}

/** Is a message that the client counts gone in the current view? After the rows were made anew it may be. */
function isWithheld(before: View, current: View): boolean {
  if (before.rows !== current.rows) return true;
  return countBelow(current.dead, before.slots) > before.dead.length;
}

/** The current view with every message that the client counts still in it. */
function withoutExpunges(before: View, current: View): View {
  // After the rows were made anew only a full step is possible; new mail waits for it.
  if (before.rows !== current.rows) return before;
  if (before.dead.length === current.dead.length) return current;
  const dead = [...before.dead, ...current.dead.filter((slot) => slot >= before.slots)];
  return new View(current.rows, current.slots, Uint32Array.from(dead));
}
