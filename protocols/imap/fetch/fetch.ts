// Carries out a FETCH: from memory where it can, else from stored text; MIME is never parsed here.

import { StoreError } from '#storage/errors.ts';
import { body, bodystructure } from '#storage/message/structure.ts';
import type { ListingRow, MessageContent, UidRange } from '#storage/ports.ts';
import { Flag } from '#storage/ports.ts';
import { refusalOf } from '../errors.ts';
import { formatDateTime } from '../grammar/date-time.ts';
import { Refusal } from '../grammar/errors.ts';
import { FETCH_BATCH, SEEN_BATCH } from '../limits.ts';
import { Pace } from '../pace.ts';
import type { Session } from '../session.ts';
import type { Selected } from '../view/selected.ts';
import { appendUid } from '../view/uid-ranges.ts';
import type { Member } from '../view/view.ts';
import type { FetchPlan, PlannedItem } from './plan.ts';
import type { SectionData } from './section.ts';

/** Answers for these messages, in order. Throws a Refusal after the last if some could not be answered for. */
export async function fetch(session: Session, members: Iterable<Member>, plan: FetchPlan): Promise<void> {
  const run = new FetchRun(session, plan);
  if (plan.columns === null && !plan.content) await run.fromMemory(members);
  else for (const batch of batches(members, plan.seen ? SEEN_BATCH : FETCH_BATCH)) await run.fromStore(batch);
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

/** What is known of the message in hand. */
interface Facts {
  readonly member: Member;
  readonly row: ListingRow | null;
  readonly content: MessageContent | null;
}

class FetchRun {
  /** Why some messages were left out; the last reason. */
  refusal: Refusal | null = null;
  readonly #session: Session;
  readonly #selected: Selected;
  readonly #plan: FetchPlan;
  readonly #pace: Pace;
  /** No item of the reply in hand has been written. */
  #first = true;

  constructor(session: Session, plan: FetchPlan) {
    this.#session = session;
    this.#selected = session.current;
    this.#plan = plan;
    this.#pace = new Pace(session.connection);
  }

  async fromMemory(members: Iterable<Member>): Promise<void> {
    for (const member of members) {
      this.#begin(member);
      if (this.#plan.flags) {
        this.#space();
        this.#flags(member);
      }
      this.#end();
      if (this.#pace.due) await this.#pace.rest();
    }
  }

  async fromStore(members: readonly Member[]): Promise<void> {
    const changed = this.#plan.seen && !this.#selected.readOnly ? await this.#markSeen(members) : new Set<number>();
    if (this.#plan.columns === null) {
      for (const member of members) await this.#message(member, null, changed);
      return;
    }
    const { view, mailbox, account } = this.#selected;
    let next = 0;
    for await (const page of account.mail.listing(mailbox.id, uidsOf(this.#selected, members), this.#plan.columns)) {
      for (const row of page) {
        for (; view.rows.uid(members[next]?.slot ?? -1) < row.uid; next++) this.#missing();
        const member = members[next++];
        if (member !== undefined) await this.#message(member, row, changed);
      }
    }
    if (next < members.length) this.#missing();
  }

  /** Another session has expunged it, and what is asked for is no longer in the mailbox (RFC 2180 4.1.3). */
  #missing(): void {
    this.refusal = new Refusal('EXPUNGEISSUED', 'Some of the requested messages no longer exist');
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

  async #message(member: Member, row: ListingRow | null, changed: ReadonlySet<number>): Promise<void> {
    try {
      const { content, data } = await this.#gather(member, row);
      await this.#reply({ member, row, content }, data, changed.has(member.slot));
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (error.code === 'not-found') this.#missing();
      else {
        this.refusal = refusalOf(error);
        this.#session.log('warn', 'a message could not be read', { err: error, uid: this.#uid(member) });
      }
    }
    if (this.#pace.due) await this.#pace.rest();
  }

  async #reply(facts: Facts, data: readonly SectionData[], seenNow: boolean): Promise<void> {
    const { connection } = this.#session;
    this.#begin(facts.member);
    let section = 0;
    for (const item of this.#plan.items) {
      this.#space();
      if (item.kind !== 'section') {
        this.#simple(item.kind, facts);
        continue;
      }
      connection.out.text(item.reader.item.label).text(' ');
      const written = data[section++]?.write(connection);
      if (written !== undefined) await written;
    }
    // RFC 9051 6.4.5: the flags that BODY[...] changed are told with it.
    if (seenNow && !this.#plan.flags) {
      this.#space();
      this.#flags(facts.member);
    }
    this.#end();
  }

  /** Reads all that can fail, before anything is written. */
  async #gather(
    member: Member,
    row: ListingRow | null,
  ): Promise<{ content: MessageContent | null; data: SectionData[] }> {
    const plan = this.#plan;
    const message = this.#selected.view.rows.message(member.slot);
    const content = plan.content ? await this.#selected.account.mail.content(message) : null;
    const data: SectionData[] = [];
    for (const item of plan.items) {
      if (item.kind !== 'section') continue;
      if (item.reader.ofHeader && row !== null) data.push(item.reader.fromHeader(row.header));
      else if (content !== null) data.push(await item.reader.from({ content, structure: row?.structure ?? '' }));
    }
    return { content, data };
  }

  /** UID comes first in every reply that has it: Thunderbird takes what follows for that message. */
  #begin(member: Member): void {
    const { out } = this.#session.connection;
    if (this.#plan.flags) this.#selected.tellKeywords(out);
    out.text('* ').number(member.seq).text(' FETCH (');
    if (this.#plan.uid) out.text('UID ').number(this.#uid(member));
    this.#first = !this.#plan.uid;
  }

  /** Between items. */
  #space(): void {
    if (!this.#first) this.#session.connection.out.text(' ');
    this.#first = false;
  }

  #end(): void {
    this.#session.connection.out.text(')\r\n');
  }

  #uid(member: Member): number {
    return this.#selected.view.rows.uid(member.slot);
  }

  #flags(member: Member): void {
    this.#session.connection.out.text('FLAGS (').text(this.#selected.flagText(member.slot)).text(')');
    this.#selected.markTold(member.slot);
  }

  #simple(kind: Exclude<PlannedItem['kind'], 'section'>, { member, row, content }: Facts): void {
    const { out } = this.#session.connection;
    switch (kind) {
      case 'flags':
        this.#flags(member);
        break;
      case 'size':
        out.text('RFC822.SIZE ').number(content?.size ?? row?.size ?? 0);
        break;
      case 'internaldate':
        out.text('INTERNALDATE ').text(formatDateTime(row?.received ?? 0, row?.receivedOffset ?? 0));
        break;
      case 'envelope':
        out.text('ENVELOPE ').text(row?.envelope ?? '');
        break;
      case 'bodystructure':
        out.text('BODYSTRUCTURE ').text(bodystructure(row?.structure ?? ''));
        break;
      case 'body':
        out.text('BODY ').text(body(row?.structure ?? ''));
    }
  }
}

function uidsOf({ view }: Selected, members: readonly Member[]): UidRange[] {
  const uids: [number, number][] = [];
  for (const { slot } of members) appendUid(uids, view.rows.uid(slot));
  return uids;
}
