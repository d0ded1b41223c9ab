// Carries out a FETCH: from memory where it can, else from stored text; MIME is never parsed here.

import { Pace } from '#protocols/net/pace.ts';
import { StoreError } from '#storage/errors.ts';
import type { ListingColumn, ListingRow, MessageContent } from '#storage/ports.ts';
import { Flag } from '#storage/ports.ts';
import { refusalOf } from '../errors.ts';
import { Refusal } from '../grammar/errors.ts';
import { FETCH_BATCH, SEEN_BATCH } from '../limits.ts';
import type { Session } from '../session.ts';
import type { Selected } from '../view/selected.ts';
import { appendUid, spanRanges } from '../view/uid-ranges.ts';
import type { Member } from '../view/view.ts';
import type { FetchPlan } from './plan.ts';
import { FetchReply } from './reply.ts';
import type { SectionData } from './section.ts';

const NO_SLOTS: ReadonlySet<number> = new Set();
const NO_DATA: readonly SectionData[] = [];

/** Answers for these messages, in order. Throws a Refusal after the last if some could not be answered for. */
export async function fetch(session: Session, members: Iterable<Member>, plan: FetchPlan): Promise<void> {
  const run = new FetchRun(session, plan);
  if (plan.columns === null) await run.fromMemory(members);
  else
    for (const batch of batches(members, plan.seen ? SEEN_BATCH : FETCH_BATCH))
      await run.fromStore(batch, plan.columns);
  if (run.refusal !== null) throw run.refusal;
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

class FetchRun {
  /** Why some messages were left out; the last reason. */
  refusal: Refusal | null = null;
  readonly #session: Session;
  readonly #selected: Selected;
  readonly #plan: FetchPlan;
  readonly #reply: FetchReply;
  readonly #pace: Pace;

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
    const changed = seen && !this.#selected.readOnly ? await this.#markSeen(members) : NO_SLOTS;
    const { view, mailbox, account } = this.#selected;
    let next = 0;
    const { fromHeader } = this.#plan.headerSection ?? {};
    for await (const page of account.mail.listing(mailbox.id, spanRanges(view, members), columns, fromHeader)) {
      for (const row of page) {
        let member = members[next];
        for (; member !== undefined && view.rows.uid(member.slot) < row.uid; member = members[++next]) {
          await this.#expunged(member, changed);
        }
        if (member === undefined || view.rows.uid(member.slot) !== row.uid) continue;
        next++;
        if (content) {
          const waiting = this.#fromContent(member, row, changed);
          if (waiting !== undefined) await waiting;
        } else this.#fromRow(member, row, changed);
        if (this.#pace.due) await this.#pace.rest();
      }
    }
    for (const member of members.slice(next)) await this.#expunged(member, changed);
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
    const { view, mailbox, account } = this.#selected;
    const slots = new Set<number>();
    const uids: [number, number][] = [];
    for (const { slot } of members) {
      if ((view.rows.flags(slot) & Flag.seen) !== 0) continue;
      slots.add(slot);
      appendUid(uids, view.rows.uid(slot));
    }
    if (slots.size === 0) return slots;
    try {
      await account.mail.setFlags(mailbox.id, uids, { action: 'add', flags: Flag.seen, keywords: [] });
      await account.catchUp();
    } catch (error) {
      // Mail can be read when nothing can be written (a full disk).
      if (!(error instanceof StoreError)) throw error;
      this.#session.log('warn', 'could not mark messages as seen', { err: error });
      slots.clear();
    }
    return slots;
  }

  /** A row is all that is needed: nothing is waited for, and nothing can fail. */
  #fromRow(member: Member, row: ListingRow, changed: ReadonlySet<number>): void {
    this.#reply.write({ member, row, data: this.#headerData(row), seenNow: changed.has(member.slot) });
  }

  #headerData({ header }: ListingRow): readonly SectionData[] {
    const { items, headerSection, columns } = this.#plan;
    if (headerSection !== null) return [header];
    if (!columns?.includes('header')) return NO_DATA;
    return items.flatMap((item) => (item.kind === 'section' ? [item.reader.fromHeader(header)] : []));
  }

  /** Reads the message's bytes too: at once if they are at hand. All that can fail is read before anything is written. */
  #fromContent(member: Member, row: ListingRow, changed: ReadonlySet<number>): Promise<void> | undefined {
    const { onlySection } = this.#plan;
    const seenNow = changed.has(member.slot);
    try {
      const write = (data: SectionData) => {
        this.#reply.write({ member, row, data: [data], seenNow });
      };
      if (onlySection?.look(row, write) === true) return undefined;
    } catch (error) {
      this.#unreadable(member, error);
      return undefined;
    }
    return this.#fromSlowContent(member, row, row.content, seenNow);
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
        if (row !== null && reader === this.#plan.headerSection) data.push(row.header);
        else if (row !== null && reader.ofHeader) data.push(reader.fromHeader(row.header));
        else data.push(await reader.from({ content, structure: row?.structure ?? '' }));
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
