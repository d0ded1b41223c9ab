// COPY and MOVE into another account's mailbox: its own copies of the bytes, durable there before anything is taken away
// here (architecture 4, "Ids"). All or none, as within an account: what has been copied is taken back if the rest fails.
// Notes come along, the client's own and those for all (RFC 5257 4.5).

import { Pace } from '#protocols/net/pace.ts';
import type { AnnotationChange } from '#storage/account/annotation-port.ts';
import type { AppendEntry, Appended, Staged, Transferred, UidRange } from '#storage/ports.ts';
import { KEYWORD_BIT } from '#storage/ports.ts';
import { ACROSS_INLINE_BYTES, ACROSS_MESSAGES } from './limits.ts';
import type { Place } from './places.ts';
import { readerOf } from './reader.ts';
import { mayUse } from './rights.ts';
import type { Session } from './session.ts';
import { flagsOf } from './view/selected.ts';
import { appendUid, uidRanges } from './view/uid-ranges.ts';
import type { Member } from './view/view.ts';

const COLUMNS = ['received', 'receivedOffset', 'content'] as const;

/** Copies messages of the selected mailbox, with the flags that may be set there (RFC 4314 4). */
export async function copyAcross(session: Session, members: readonly Member[], target: Place): Promise<Transferred> {
  const { current } = session;
  const { rows } = current.view;
  const bySlot = new Map(members.map(({ slot }) => [rows.uid(slot), slot]));
  const across = new Across(session, target);
  const source: number[] = [];
  const uids = uidRanges(current.view, members);
  try {
    for await (const page of current.account.mail.listing(current.mailbox.id, uids, COLUMNS)) {
      const notes = await notesOn(session, page);
      for (const row of page) {
        const slot = bySlot.get(row.uid);
        if (slot === undefined) continue;
        await across.add(row, {
          flags: rows.flags(slot),
          keywords: current.account.keywords.names(rows.keywords(slot)),
          notes: notes.get(row.uid) ?? [],
        });
        source.push(row.uid);
      }
    }
    await across.append();
  } catch (error) {
    await across.takeBack();
    throw error;
  } finally {
    await across[Symbol.asyncDispose]();
  }
  const { appended } = across;
  const [first] = appended;
  const { uidvalidity, modseq } = first ?? { uidvalidity: target.mailbox.uidvalidity, modseq: target.mailbox.modseq };
  return { uidvalidity, source, target: appended.map(({ uid }) => uid), modseq };
}

/** What is noted on a page of messages, for all and by the client. */
async function notesOn(session: Session, page: readonly { readonly uid: number }[]): Promise<Map<number, Note[]>> {
  const notes = new Map<number, Note[]>();
  const { account, mailbox } = session.current;
  const uids: [number, number][] = [];
  for (const { uid } of page) appendUid(uids, uid);
  for await (const some of account.mail.annotations(mailbox.id, uids, readerOf(session))) {
    for (const { uid, name, shared, value } of some) {
      const known = notes.get(uid);
      if (known === undefined) notes.set(uid, [{ name, shared, value }]);
      else known.push({ name, shared, value });
    }
  }
  return notes;
}

type Note = AnnotationChange;

/** What a message is marked with. */
interface Marks {
  readonly flags: number;
  readonly keywords: readonly string[];
  readonly notes: readonly Note[];
}

interface Bytes {
  readonly received: number;
  readonly receivedOffset: number;
  readonly content: { readonly size: number; read(): AsyncIterable<Uint8Array> };
}

/** Messages on their way into another account. */
class Across implements AsyncDisposable {
  readonly appended: Appended[] = [];
  readonly #session: Session;
  readonly #target: Place;
  readonly #pace: Pace;
  #entries: AppendEntry[] = [];
  #inline = 0;

  constructor(session: Session, target: Place) {
    this.#session = session;
    this.#target = target;
    this.#pace = new Pace(session.connection);
  }

  async add({ received, receivedOffset, content }: Bytes, { flags, keywords, notes }: Marks): Promise<void> {
    const { rights } = this.#target;
    const allowed = flagsOf(rights);
    // Without the right to make notes for all these are left out, as the flags are (RFC 4314 4).
    const changes = notes.filter(({ shared }) => !shared || mayUse(rights, 'annotate'));
    const staged = await this.#stage(content);
    this.#inline += staged.headerCompressed.length + (staged.bodyCompressed?.length ?? 0);
    this.#entries.push({
      staged,
      flags: flags & allowed,
      keywords: (allowed & KEYWORD_BIT) === 0 ? [] : keywords,
      received: { seconds: received, offsetMinutes: receivedOffset },
      ...(changes.length === 0 ? {} : { annotations: { reader: readerOf(this.#session), changes } }),
    });
    if (this.#entries.length >= ACROSS_MESSAGES || this.#inline >= ACROSS_INLINE_BYTES) await this.append();
    if (this.#pace.late) await this.#pace.rest();
  }

  async #stage(content: Bytes['content']): Promise<Staged> {
    await using staging = this.#session.context.store.stage({ maxBytes: content.size });
    for await (const piece of content.read()) await staging.write(piece);
    return await staging.finish();
  }

  /** Appends what is ready. */
  async append(): Promise<void> {
    const { account, mailbox, local, reader } = this.#target;
    if (this.#entries.length === 0) return;
    const options = { path: local, ...(reader === undefined ? {} : { reader }) };
    for (const one of await account.mail.append(mailbox.id, this.#entries, options)) this.appended.push(one);
    await this.#release();
  }

  /** Removes what was appended already. */
  async takeBack(): Promise<void> {
    if (this.appended.length === 0) return;
    const uids: [number, number][] = [];
    for (const { uid } of this.appended) appendUid(uids, uid);
    await this.#target.account.mail.expunge(this.#target.mailbox.id, uids as readonly UidRange[], {
      onlyDeleted: false,
    });
  }

  async #release(): Promise<void> {
    const entries = this.#entries;
    this.#entries = [];
    this.#inline = 0;
    for (const { staged } of entries) await staged[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#release();
  }
}
