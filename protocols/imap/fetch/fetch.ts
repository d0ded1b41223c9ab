// Carries out a FETCH: from memory where it can, else from stored text; MIME is never parsed here.

import { Pace } from '#protocols/net/pace.ts';
import type { MessageAnnotation } from '#storage/account/annotation-port.ts';
import { StoreError } from '#storage/errors.ts';
import { Trait } from '#storage/message/scanned.ts';
import { utf8Texts } from '#storage/message/utf8-texts.ts';
import type { ListingColumn, ListingRow, MessageContent } from '#storage/ports.ts';
import { Flag } from '#storage/ports.ts';
import { refusalOf } from '../errors.ts';
import { Refusal } from '../grammar/errors.ts';
import { ANNOTATION_BATCH, FETCH_BATCH, KEPT_MESSAGES_AT_ONCE, LINE_BLOCK_BYTES, SEEN_BATCH } from '../limits.ts';
import { readerOf } from '../reader.ts';
import type { Session } from '../session.ts';
import type { Selected } from '../view/selected.ts';
import { appendUid, spanRanges } from '../view/uid-ranges.ts';
import type { Member } from '../view/view.ts';
import { blockOf, type LineBlock, LineBuilder, type Lines } from './lines.ts';
import type { FetchPlan } from './plan.ts';
import { type Facts, FetchReply } from './reply.ts';
import type { SectionData } from './section.ts';

const NO_SLOTS: ReadonlySet<number> = new Set();
const NO_ROWS: readonly Found[][] = [];
const NO_DATA: readonly SectionData[] = [];

/** Answers for these messages, in order. Throws a Refusal after the last if some could not be answered for. */
export async function fetch(session: Session, members: Iterable<Member>, plan: FetchPlan): Promise<void> {
  const run = new FetchRun(session, plan);
  if (plan.columns === null) await run.fromMemory(members);
  else
    for (const batch of batches(members, batchOf(plan)))
      if (plan.key === null) await run.fromStore(batch, plan.columns);
      else await run.fromLines(batch, plan.columns, plan.key);
  if (run.refusal !== null) throw run.refusal;
}

/** Messages that are looked up together. */
function batchOf({ seen, annotations }: FetchPlan): number {
  return seen ? SEEN_BATCH : annotations ? ANNOTATION_BATCH : FETCH_BATCH;
}

function* batches(members: Iterable<Member>, size: number): Generator<Member[]> {
  let batch: Member[] = [];
  for (const member of members) {
    batch.push(member);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Where the messages end that are in one block with the one at `start`. */
function blockEnd(members: readonly Member[], start: number): number {
  const block = blockOf(members[start]?.slot ?? 0);
  let end = start + 1;
  while (end < members.length && blockOf(members[end]?.slot ?? 0) === block) end++;
  return end;
}

function damagedHeader(): StoreError {
  return new StoreError('unavailable', 'a header block is damaged');
}

interface Found {
  readonly member: Member;
  /** Null: it is gone. */
  readonly row: ListingRow | null;
}

/** A block of lines, and the messages among those asked for whose lines it has not. */
interface Known {
  readonly block: LineBlock;
  readonly missing: readonly Member[];
}

class FetchRun {
  /** Why some messages were left out; the last reason. */
  refusal: Refusal | null = null;
  readonly #session: Session;
  readonly #selected: Selected;
  readonly #plan: FetchPlan;
  readonly #reply: FetchReply;
  readonly #pace: Pace;
  /** What is read is kept. */
  #keeps = false;

  constructor(session: Session, plan: FetchPlan) {
    this.#session = session;
    this.#selected = session.current;
    this.#plan = plan;
    this.#reply = new FetchReply(session.connection, this.#selected, plan);
    this.#pace = new Pace(session.connection);
  }

  async fromMemory(members: Iterable<Member>): Promise<void> {
    for (const member of members) {
      if (this.#plan.size) this.#reply.write({ member, row: null, data: NO_DATA, seenNow: false });
      else this.#reply.writeKnown(member);
      if (this.#pace.due) await this.#pace.rest();
    }
  }

  async fromStore(members: readonly Member[], columns: readonly ListingColumn[]): Promise<void> {
    const { content, seen } = this.#plan;
    // RFC 4314 4: who may not mark messages as seen reads them all the same.
    const changed = seen && (this.#selected.changeable & Flag.seen) !== 0 ? await this.#markSeen(members) : NO_SLOTS;
    if (this.#plan.annotations) this.#reply.annotations = await this.#annotations(members);
    this.#keeps = this.#plan.ofBytes && members.length <= KEPT_MESSAGES_AT_ONCE;
    if (this.#keeps && this.#fromKept(members, changed)) {
      if (this.#pace.late) await this.#pace.rest();
      return;
    }
    for await (const page of this.#rows(members, columns)) {
      for (const { member, row } of page) {
        if (row === null) await this.#expunged(member, changed);
        else if (content) {
          const waiting = this.#fromContent(member, row, changed);
          if (waiting !== undefined) await waiting;
        } else this.#fromRow(member, row, changed);
        if (this.#pace.due) await this.#pace.rest();
      }
    }
  }

  /** From messages that are kept, if all of these are. */
  #fromKept(members: readonly Member[], changed: ReadonlySet<number>): boolean {
    const { view, index, account } = this.#selected;
    const { onlySection } = this.#plan;
    const { messages } = this.#session.server;
    // Of what is gone the store answers.
    if (onlySection === null || index.view.rows !== view.rows || index.view.dead !== view.dead) return false;
    const kept: Facts[] = [];
    for (const member of members) {
      const message = messages.get(account.id, view.rows.message(member.slot));
      if (message === undefined) return false;
      const data = [onlySection.fromWhole(message)];
      kept.push({ member, row: null, data, seenNow: changed.has(member.slot) });
    }
    for (const facts of kept) this.#reply.write(facts);
    return true;
  }

  /** What the headers of kept messages say, if that is all that is asked for and all of these are kept; else null. */
  #fromKeptHeaders(members: readonly Member[]): Facts[] | null {
    const { view, index, account } = this.#selected;
    const { headersOnly, items } = this.#plan;
    if (!headersOnly || index.view.rows !== view.rows || index.view.dead !== view.dead) return null;
    const found: Facts[] = [];
    for (const member of members) {
      const header = this.#session.server.messages.header(account.id, view.rows.message(member.slot));
      if (header === undefined) return null;
      const data = items.flatMap((item) => (item.kind === 'section' ? [item.reader.fromHeader(header)] : []));
      found.push({ member, row: null, data, seenNow: false });
    }
    return found;
  }

  /** From lines that are kept; where they are not they are made, and kept from then on. */
  async fromLines(members: readonly Member[], columns: readonly ListingColumn[], key: string): Promise<void> {
    const { rows } = this.#selected.view;
    const lines = this.#session.server.lines.of(rows, key);
    let answered = 0;
    for (let at = 0; at < members.length; ) {
      const end = blockEnd(members, at);
      const known = this.#known(lines, members, at, end);
      if (known !== undefined) {
        if (answered < at) await this.#make(members.slice(answered, at), columns, lines);
        const { missing } = known;
        const block = missing.length === 0 ? known.block : await this.#completed(known.block, missing, columns, lines);
        for (let index = at; index < end; index++) {
          const member = members[index];
          if (member !== undefined && block.has(member.slot)) this.#reply.writeLine(member, block);
        }
        answered = end;
        if (this.#pace.late) await this.#pace.rest();
      }
      at = end;
    }
    if (answered < members.length) await this.#make(members.slice(answered), columns, lines);
  }

  /** The block that has most of these messages, which are in one, if there is one; of what is gone the store answers. */
  #known(lines: Lines, members: readonly Member[], start: number, end: number): Known | undefined {
    const { view, index } = this.#selected;
    const block = lines.block(members[start]?.slot ?? 0);
    if (block === undefined || index.view.rows !== view.rows) return undefined;
    const same = index.view.dead === view.dead;
    const missing: Member[] = [];
    for (let at = start; at < end; at++) {
      const member = members[at];
      if (member === undefined || !(same || index.view.has(member.slot))) return undefined;
      if (!block.has(member.slot)) missing.push(member);
    }
    return missing.length * 2 > end - start ? undefined : { block, missing };
  }

  /** The block with the lines of a few messages that it has not, which are kept in it. */
  async #completed(
    block: LineBlock,
    missing: readonly Member[],
    columns: readonly ListingColumn[],
    lines: Lines,
  ): Promise<LineBlock> {
    const { connection, server } = this.#session;
    const builder = new LineBuilder(this.#plan.changing.length + 1, server.lines.buffers);
    const building = new FetchReply(connection, this.#selected, this.#plan, builder.out);
    const kept = this.#fromKeptHeaders(missing);
    for (const facts of kept ?? []) building.build(builder, facts);
    for await (const page of kept === null ? this.#rows(missing, columns) : NO_ROWS) {
      for (const { member, row } of page) {
        const facts = row === null ? this.#gone(member) : this.#facts(member, row);
        if (facts !== null) building.build(builder, facts);
      }
    }
    const more = builder.finish();
    return lines.rows.successor === null ? lines.keep(missing[0]?.slot ?? 0, more) : block.with(more);
  }

  /** Makes lines of what is stored, a block at a time, and sends them. */
  async #make(members: readonly Member[], columns: readonly ListingColumn[], lines: Lines): Promise<void> {
    const { connection, server } = this.#session;
    const builder = new LineBuilder(this.#plan.changing.length + 1, server.lines.buffers);
    const building = new FetchReply(connection, this.#selected, this.#plan, builder.out);
    let made: Member[] = [];
    let long = -1;
    const add = (facts: Facts) => {
      building.build(builder, facts);
      made.push(facts.member);
    };
    const send = () => {
      const [first] = made;
      if (first === undefined) return;
      const block = builder.finish();
      if (blockOf(first.slot) !== long && lines.rows.successor === null) lines.keep(first.slot, block);
      for (const member of made) this.#reply.writeLine(member, block);
      made = [];
    };
    const kept = members.length <= KEPT_MESSAGES_AT_ONCE ? this.#fromKeptHeaders(members) : null;
    for (const facts of kept ?? []) {
      if (blockOf(facts.member.slot) !== blockOf(made[0]?.slot ?? facts.member.slot)) send();
      add(facts);
    }
    for await (const page of kept === null ? this.#rows(members, columns) : NO_ROWS) {
      for (const { member, row } of page) {
        if (blockOf(member.slot) !== blockOf(made[0]?.slot ?? member.slot)) {
          send();
          if (this.#pace.late) await this.#pace.rest();
        } else if (builder.length > LINE_BLOCK_BYTES) {
          long = blockOf(member.slot);
          send();
          if (this.#pace.late) await this.#pace.rest();
        }
        const facts = row === null ? this.#gone(member) : this.#facts(member, row);
        if (facts !== null) add(facts);
      }
    }
    send();
  }

  /** The messages with their rows, in order, a page at a time; null for those that another session has expunged. */
  async *#rows(members: readonly Member[], columns: readonly ListingColumn[]): AsyncGenerator<Found[]> {
    const { view, mailbox, account } = this.#selected;
    const { fromHeader } = this.#plan.headerSection ?? {};
    let next = 0;
    for await (const page of account.mail.listing(mailbox.id, spanRanges(view, members), columns, fromHeader)) {
      const found: Found[] = [];
      for (const row of page) {
        let member = members[next];
        for (; member !== undefined && view.rows.uid(member.slot) < row.uid; member = members[++next]) {
          found.push({ member, row: null });
        }
        if (member === undefined || view.rows.uid(member.slot) !== row.uid) continue;
        next++;
        const inUtf8 = this.#plan.utf8 !== null && (row.traits & Trait.utf8) !== 0;
        const told = inUtf8 ? await this.#inUtf8(member, row) : row;
        if (told !== null) found.push({ member, row: told });
      }
      yield found;
    }
    if (next < members.length) yield members.slice(next).map((member) => ({ member, row: null }));
  }

  /** What is noted on the messages, by UID. */
  async #annotations(members: readonly Member[]): Promise<Map<number, MessageAnnotation[]>> {
    const { view, mailbox, account } = this.#selected;
    const found = new Map<number, MessageAnnotation[]>();
    const uids = spanRanges(view, members);
    for await (const page of account.mail.annotations(mailbox.id, uids, readerOf(this.#session)))
      for (const one of page) {
        const before = found.get(one.uid);
        if (before === undefined) found.set(one.uid, [one]);
        else before.push(one);
      }
    return found;
  }

  /** With the UTF-8 of its headers as it stands there; null if the message can't be read. */
  async #inUtf8(member: Member, row: ListingRow): Promise<ListingRow | null> {
    const onlyEnvelope = this.#plan.utf8 === 'envelope';
    try {
      const { envelope, structure } = await utf8Texts(
        await this.#selected.account.mail.content(row.message),
        onlyEnvelope,
      );
      return { ...row, envelope, structure: onlyEnvelope ? row.structure : structure };
    } catch (error) {
      this.#unreadable(member, error);
      return null;
    }
  }

  /** Another session has expunged it. Its bytes are still there for a while, its row is not (RFC 2180 4.1.3). */
  async #expunged(member: Member, changed: ReadonlySet<number>): Promise<void> {
    const { columns } = this.#plan;
    const { account, view } = this.#selected;
    try {
      if (columns?.some((column) => column !== 'content')) throw new StoreError('not-found', 'no row any more');
      const content = await account.mail.content(view.rows.message(member.slot));
      await this.#fromSlowContent(member, null, content, changed.has(member.slot));
    } catch (error) {
      this.#unreadable(member, error);
    }
    if (this.#pace.due) await this.#pace.rest();
  }

  /** Sets \Seen in one short write, before the flags are told with what was asked for. The slots that changed. */
  async #markSeen(members: readonly Member[]): Promise<Set<number>> {
    const { view, mailbox, account, reader } = this.#selected;
    const slots = new Set<number>();
    const uids: [number, number][] = [];
    for (const { slot } of members) {
      if ((view.rows.flags(slot) & Flag.seen) !== 0) continue;
      slots.add(slot);
      appendUid(uids, view.rows.uid(slot));
    }
    if (slots.size === 0) return slots;
    try {
      await account.mail.setFlags(mailbox.id, uids, { action: 'add', flags: Flag.seen, keywords: [] }, { reader });
      await account.catchUp();
    } catch (error) {
      // Mail can be read when nothing can be written (a full disk).
      if (!(error instanceof StoreError)) throw error;
      this.#session.log('warn', 'could not mark messages as seen', { err: error });
      slots.clear();
    }
    return slots;
  }

  /** A row is all that is needed: nothing is waited for. */
  #fromRow(member: Member, row: ListingRow, changed: ReadonlySet<number>): void {
    const facts = this.#facts(member, row, changed.has(member.slot));
    if (facts !== null) this.#reply.write(facts);
  }

  /** What a row says; null if its header can't be read. */
  #facts(member: Member, row: ListingRow, seenNow = false): Facts | null {
    const { items, headerSection, columns } = this.#plan;
    if (!columns?.includes('header')) return { member, row, data: NO_DATA, seenNow };
    const { header } = row;
    if (header === null) {
      this.#unreadable(member, damagedHeader());
      return null;
    }
    if (headerSection !== null) return { member, row, data: [header], seenNow };
    const data = items.flatMap((item) => (item.kind === 'section' ? [item.reader.fromHeader(header)] : []));
    return { member, row, data, seenNow };
  }

  #gone(member: Member): null {
    this.#unreadable(member, new StoreError('not-found', 'no row any more'));
    return null;
  }

  /** Reads the message's bytes too: at once if they are at hand. All that can fail is read before anything is written. */
  #fromContent(member: Member, row: ListingRow, changed: ReadonlySet<number>): Promise<void> | undefined {
    const { onlySection } = this.#plan;
    const seenNow = changed.has(member.slot);
    try {
      const write = (pieces: readonly Uint8Array[]) => {
        this.#reply.write({ member, row, data: [pieces], seenNow });
        if (this.#keeps && onlySection?.item.partial === null) this.#keep(member, pieces);
      };
      if (onlySection?.look(row, write) === true) return undefined;
    } catch (error) {
      this.#unreadable(member, error);
      return undefined;
    }
    return this.#fromSlowContent(member, row, row.content, seenNow);
  }

  #keep({ slot }: Member, pieces: readonly Uint8Array[]): void {
    const { account, view } = this.#selected;
    this.#session.server.messages.keep(account.id, view.rows.message(slot), pieces);
  }

  async #fromSlowContent(
    member: Member,
    row: ListingRow | null,
    content: MessageContent,
    seenNow: boolean,
  ): Promise<void> {
    try {
      const data: SectionData[] = [];
      for (const item of this.#plan.items) {
        if (item.kind !== 'section') continue;
        const { reader } = item;
        if (row !== null && reader.ofHeader) {
          if (row.header === null) throw damagedHeader();
          data.push(reader === this.#plan.headerSection ? row.header : reader.fromHeader(row.header));
        } else data.push(await reader.from({ content, structure: row?.structure ?? '' }));
      }
      const streaming = this.#reply.write({ member, row, data, seenNow });
      if (streaming !== undefined) await streaming;
    } catch (error) {
      this.#unreadable(member, error);
    }
  }

  #unreadable({ slot }: Member, error: unknown): void {
    if (!(error instanceof StoreError)) {
      if (!(error instanceof Refusal)) throw error;
      this.refusal = error; // RFC 3516 4.3: of this message alone
      return;
    }
    if (error.code === 'not-found') {
      this.refusal = new Refusal('EXPUNGEISSUED', 'Some of the requested messages no longer exist');
      return;
    }
    this.refusal = refusalOf(error);
    const uid = this.#selected.view.rows.uid(slot);
    this.#session.log('warn', 'a message could not be read', { err: error, uid });
  }
}
