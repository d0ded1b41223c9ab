// Writes one `* n FETCH (...)` reply from what has been read, into the output buffer.

import type { Connection } from '#protocols/net/connection.ts';
import type { ReplyWriter } from '#protocols/net/reply-writer.ts';
import type { Annotation } from '#storage/account/annotation-port.ts';
import { body, bodystructure } from '#storage/message/structure.ts';
import type { ListingRow } from '#storage/ports.ts';
import { type AnnotationRequest, isMeant, isOf } from '../grammar/annotation.ts';
import { writeDateTime } from '../grammar/date-time.ts';
import { writeString } from '../grammar/mailbox-name.ts';
import { objectId } from '../object-id.ts';
import type { Selected } from '../view/selected.ts';
import type { Member } from '../view/view.ts';
import type { LineBlock, LineBuilder } from './lines.ts';
import type { FetchPlan, PlannedItem } from './plan.ts';
import { type SectionData, StreamedLiteral } from './section.ts';

type PlannedSection = Extract<PlannedItem, { kind: 'section' }>;

/** What has been read of a message. */
export interface Facts {
  readonly member: Member;
  readonly row: ListingRow | null;
  /** For each section item, in order. */
  readonly data: readonly SectionData[];
  /** This very FETCH has set \Seen. */
  readonly seenNow: boolean;
}

export class FetchReply {
  /** What is noted on the messages, by UID, where that is asked for. */
  annotations: ReadonlyMap<number, readonly Annotation[]> = new Map();
  readonly #connection: Connection;
  readonly #out: ReplyWriter;
  readonly #selected: Selected;
  readonly #plan: FetchPlan;

  /** `out`: where lines go that are not sent at once. */
  constructor(connection: Connection, selected: Selected, plan: FetchPlan, out = connection.out) {
    this.#connection = connection;
    this.#out = out;
    this.#selected = selected;
    this.#plan = plan;
  }

  /** From memory: UID, MODSEQ and FLAGS are all that is asked for. */
  writeKnown({ slot, seq }: Member): void {
    const out = this.#out;
    const { uid, flags, modseq } = this.#plan;
    if (flags) this.#selected.tellKeywords(out);
    out
      .text('* ')
      .number(seq)
      .text(uid ? ' FETCH (UID ' : ' FETCH (');
    if (uid) out.number(this.#selected.view.rows.uid(slot));
    if (modseq) this.#modseq(slot, uid ? ' MODSEQ (' : 'MODSEQ (');
    if (flags) this.#flags(slot, uid || modseq ? ' FLAGS (' : 'FLAGS (');
    out.text(')\r\n');
  }

  /** Makes the pieces of a line that FLAGS and MODSEQ part from each other; the data is all there. */
  build(builder: LineBuilder, facts: Facts): void {
    const { items, uid } = this.#plan;
    let section = 0;
    builder.begin(facts.member.slot);
    for (const [index, item] of items.entries()) {
      if (item.kind === 'flags' || item.kind === 'modseq') {
        builder.endPiece();
        continue;
      }
      if (uid || index > 0) this.#out.text(' ');
      if (item.kind === 'section') this.#section(item, facts.data[section++] ?? null);
      else if (item.kind === 'annotation') this.#annotation(item.request, facts.member);
      else this.#simple(item.kind, facts);
    }
    builder.endPiece();
  }

  /** A line of which all but FLAGS and MODSEQ is known. */
  writeLine({ slot, seq }: Member, block: LineBlock): void {
    const out = this.#out;
    const { items, uid, flags, changing } = this.#plan;
    if (flags) this.#selected.tellKeywords(out);
    out
      .text('* ')
      .number(seq)
      .text(uid ? ' FETCH (UID ' : ' FETCH (');
    if (uid) out.number(this.#selected.view.rows.uid(slot));
    let start = block.start(slot, 0);
    for (let piece = 0; piece <= changing.length; piece++) {
      const end = block.end(slot, piece);
      out.part(block.bytes, start, end);
      start = end;
      const at = changing[piece];
      if (at === undefined) continue;
      if (uid || at > 0) out.text(' ');
      if (items[at]?.kind === 'flags') this.#flags(slot, 'FLAGS (');
      else this.#modseq(slot, 'MODSEQ (');
    }
    out.text(')\r\n');
  }

  /** A promise only where a long literal is sent at the peer's pace. */
  write(facts: Facts): void | Promise<void> {
    const out = this.#out;
    const { slot, seq } = facts.member;
    const { uid, flags, seen } = this.#plan;
    if (flags || seen) this.#selected.tellKeywords(out);
    // UID comes first in every reply that has it: Thunderbird takes what follows for that message.
    out
      .text('* ')
      .number(seq)
      .text(uid ? ' FETCH (UID ' : ' FETCH (');
    if (uid) out.number(this.#selected.view.rows.uid(slot));
    return this.#items(facts, 0, 0, uid);
  }

  /** Writes items from `at` on, sections from `section` on; `separate`: something stands before. */
  #items(facts: Facts, at: number, section: number, separate: boolean): void | Promise<void> {
    const out = this.#out;
    const { items } = this.#plan;
    let nextSection = section;
    for (let index = at; index < items.length; index++) {
      const item = items[index];
      if (separate || index > at) out.text(' ');
      if (item?.kind === 'annotation') {
        this.#annotation(item.request, facts.member);
        continue;
      }
      if (item?.kind !== 'section') {
        this.#simple(item?.kind ?? 'flags', facts);
        continue;
      }
      const streaming = this.#section(item, facts.data[nextSection++] ?? null);
      if (streaming === undefined) continue;
      const rest = nextSection;
      return streaming.then(() => this.#items(facts, index + 1, rest, true));
    }
    // RFC 9051 6.4.5: the flags that BODY[...] changed are told with it.
    if (facts.seenNow && !this.#plan.flags) this.#flags(facts.member.slot, ' FLAGS (');
    out.text(')\r\n');
  }

  #section({ reader: { item } }: PlannedSection, data: SectionData): void | Promise<void> {
    const out = this.#out.text(item.label);
    if (data instanceof StreamedLiteral) {
      out.text(' ');
      return data.write(this.#connection);
    }
    if (data === null) out.text(' NIL');
    else if (typeof data === 'number') out.text(' ').number(data);
    else if (data instanceof Uint8Array) this.#literal(data, item.form === 'binary');
    else this.#pieces(data);
  }

  /** RFC 5257 4.2: what is asked for by its name is told even where it is not there. */
  #annotation({ entries, attributes }: AnnotationRequest, { slot }: Member): void {
    const out = this.#out;
    const noted = this.annotations.get(this.#selected.view.rows.uid(slot)) ?? [];
    const names = new Set([
      ...entries.names,
      ...noted.map(({ name }) => name).filter((name) => isMeant(entries, name)),
    ]);
    out.text('ANNOTATION (');
    for (const [at, name] of [...names].entries()) {
      out.text(`${at > 0 ? ' ' : ''}${name} (`);
      for (const [index, attribute] of attributes.entries()) {
        out.text(`${index > 0 ? ' ' : ''}${attribute} `);
        const one = noted.find((candidate) => candidate.name === name && isOf(attribute, candidate));
        if (attribute.startsWith('size')) out.text(`"${Buffer.byteLength(one?.value ?? '')}"`);
        else if (one === undefined) out.text('NIL');
        else writeString(out, one.value);
      }
      out.text(')');
    }
    out.text(')');
  }

  /** RFC 7162 3.1.4.2 */
  #modseq(slot: number, label: string): void {
    this.#out.text(label).number(this.#selected.view.rows.modseq(slot)).text(')');
  }

  #literal(data: Uint8Array, binary: boolean): void {
    const out = this.#out;
    out
      .text(binary && data.includes(0) ? ' ~{' : ' {')
      .number(data.length)
      .text('}\r\n')
      .bytes(data);
  }

  #pieces(pieces: readonly Uint8Array[]): void {
    const out = this.#out;
    out
      .text(' {')
      .number(pieces.reduce((sum, { length }) => sum + length, 0))
      .text('}\r\n');
    for (const piece of pieces) out.copy(piece);
  }

  #flags(slot: number, label: string): void {
    this.#out.text(label).text(this.#selected.flagText(slot)).text(')');
    this.#selected.markAsked(slot, this.#plan.modseq);
  }

  #simple(kind: Exclude<PlannedItem['kind'], 'section' | 'annotation'>, { member, row }: Facts): void {
    const out = this.#out;
    switch (kind) {
      case 'flags':
        this.#flags(member.slot, 'FLAGS (');
        break;
      case 'modseq':
        this.#modseq(member.slot, 'MODSEQ (');
        break;
      case 'size':
        out.text('RFC822.SIZE ').number(this.#selected.view.rows.size(member.slot));
        break;
      case 'internaldate':
        writeDateTime(out.text('INTERNALDATE '), row?.received ?? 0, row?.receivedOffset ?? 0);
        break;
      case 'envelope':
        out.text('ENVELOPE ').text(row?.envelope ?? '');
        break;
      case 'emailid': // RFC 8474 5.2
        out.text(`EMAILID (${objectId('M', this.#selected.account.id, row?.message ?? 0)})`);
        break;
      case 'threadid':
        out.text(`THREADID (${objectId('T', this.#selected.account.id, row?.thread ?? 0)})`);
        break;
      case 'savedate': // RFC 8514 4.2
        writeDateTime(out.text('SAVEDATE '), Math.floor((row?.saved ?? 0) / 1000), 0);
        break;
      case 'preview': // RFC 8970 3.1
        out.text('PREVIEW ');
        writeString(out, row?.preview ?? '');
        break;
      case 'bodystructure':
        out.text('BODYSTRUCTURE ').text(bodystructure(row?.structure ?? ''));
        break;
      case 'body':
        out.text('BODY ').text(body(row?.structure ?? ''));
    }
  }
}
