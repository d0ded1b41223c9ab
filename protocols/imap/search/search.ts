// Carries out a SEARCH in rounds, each over what the one before could not decide: memory, the search index, rows, text.
// It gives the event loop its turns and ends when the client is gone.

import { Disconnected } from '#protocols/net/connection.ts';
import { Pace } from '#protocols/net/pace.ts';
import type { Annotation } from '#storage/account/annotation-port.ts';
import { StoreError } from '#storage/errors.ts';
import { fold } from '#storage/message/fold.ts';
import { fuzzyWords } from '#storage/message/fuzzy.ts';
import { Needles, Sought } from '#storage/message/needles.ts';
import { lookAtBodyText, lookAtText, type TextPiece, textPieces } from '#storage/message/text.ts';
import type { AccountId, ListingColumn, ListingRow, MessageContent, UidSet } from '#storage/ports.ts';
import { LOOK_TEXTS } from '#storage/search/port.ts';
import { isMeant, isOf } from '../grammar/annotation.ts';
import type { Search, SearchKey } from '../grammar/search-key.ts';
import { resolveSet } from '../grammar/sequence-set.ts';
import { objectNumber } from '../object-id.ts';
import { readerOf } from '../reader.ts';
import type { Session } from '../session.ts';
import type { Selected } from '../view/selected.ts';
import { appendUid, uidsOf } from '../view/uid-ranges.ts';
import type { Member } from '../view/view.ts';
import {
  type AnnotationKey,
  evaluate,
  type Facts,
  type Found,
  type Known,
  type Listed,
  type Prepared,
  scoreOf,
} from './evaluate.ts';
import { FuzzyNeedles, type Scores } from './fuzzy.ts';
import { HeaderTexts } from './header-match.ts';
import { IndexAnswers, type TextKey } from './indexed.ts';
import { Progress } from './progress.ts';

/** With fewer messages to look at, looking is quicker than asking the index. */
const INDEXED_FROM = 50;
/** With fewer that must be looked at, another thread would have answered only when they are done. */
export const TOGETHER_FROM = 1_000;

/** The messages that match, of these or of all, in order; and into `scores`, if it is given, how well they do. */
export async function search(
  session: Session,
  { key, modseqs }: Search,
  selected: Selected = session.current,
  members: Iterable<Member> | null = null,
  scores: Scores | null = null,
): Promise<Member[]> {
  // A modseq at which something was lost finds everything.
  const lost = new Set<number>();
  for (const modseq of modseqs)
    if ((await selected.account.mail.cursorAfter('mail', modseq)) === null) lost.add(modseq);
  const now = Math.floor(Date.now() / 1000);
  const context = { selected, lost, now, account: selected.account.id };
  return await new SearchRun(session, selected, prepare(key, context), scores).run(members);
}

/** The slots of the selected mailbox's messages that match, in order. */
export async function searchSlots(session: Session, keys: Search): Promise<Uint32Array> {
  // What SORT and THREAD mostly look among.
  if (keys.key.kind === 'all') return session.current.view.allSlots();
  return Uint32Array.from(await search(session, keys), ({ slot }) => slot);
}

class SearchRun {
  readonly #session: Session;
  readonly #selected: Selected;
  readonly #key: Prepared;
  readonly #needs: Needs;
  readonly #pace: Pace;
  readonly #scores: Scores | null;
  #answers: IndexAnswers | null = null;

  constructor(session: Session, selected: Selected, key: Prepared, scores: Scores | null) {
    this.#scores = scores;
    this.#session = session;
    this.#selected = selected;
    this.#key = key;
    this.#needs = needsOf(key);
    this.#pace = new Pace(session.connection);
  }

  async run(members: Iterable<Member> | null): Promise<Member[]> {
    const { view } = this.#selected;
    if (this.#key.kind === 'all' && this.#scores === null) return [...(members ?? view.all())];
    const matched: Member[] = [];
    let open: readonly Member[];
    if (members === null && view.exists >= INDEXED_FROM && isText(this.#key)) {
      // Memory alone says nothing of any message, so the index is asked before anything is done with 100,000 of them.
      this.#answers = await this.#askIndex();
      open = await this.#decide(this.#candidates(), matched);
    } else {
      open = await this.#decide(members ?? view.all(), matched);
      if (open.length >= INDEXED_FROM) {
        this.#answers = await this.#askIndex();
        if (this.#answers !== null) open = await this.#decide(open, matched);
      }
    }
    if (open.length > 0) {
      // One sequence of numbers a command: of the mailboxes of an ESEARCH only the selected one has it.
      const progress = this.#selected === this.#session.selected ? new Progress(this.#session, open.length) : null;
      if (this.#isShared(open)) await this.#readTogether(open, matched, progress);
      else await this.#readRows(open, matched, progress);
    }
    return matched.sort((a, b) => a.seq - b.seq);
  }

  /** All messages but those that the index rules out, which cost no more than a look into a set. */
  *#candidates(): Generator<Member> {
    const { view } = this.#selected;
    const mayMatch = this.#answers?.mayMatch(this.#key) ?? (() => true);
    for (const { slot, seq, count } of view.spansOfSlots(0, view.slots)) {
      for (let at = 0; at < count; at++) {
        if (mayMatch(view.rows.message(slot + at))) yield { slot: slot + at, seq: seq + at };
      }
    }
  }

  /** Adds those that match by what is known already; what that does not say is left. */
  async #decide(members: Iterable<Member>, matched: Member[]): Promise<Member[]> {
    const open: Member[] = [];
    for (const member of members) {
      const facts = this.#facts(member);
      const answer = evaluate(this.#key, facts);
      if (answer === true) matched.push(this.#scored(member, facts));
      else if (answer === undefined) open.push(member);
      if (this.#pace.due) await this.#rest();
    }
    return open;
  }

  #scored(member: Member, facts: Facts): Member {
    this.#scores?.set(
      member,
      scoreOf(this.#key, facts, (key) => this.#answers?.rarity(key) ?? 1),
    );
    return member;
  }

  async #askIndex(): Promise<IndexAnswers | null> {
    const { connection } = this.#session;
    try {
      return await IndexAnswers.ask(this.#selected.account.mail, leaves(this.#key), connection.signal);
    } catch (error) {
      if (connection.ended) throw new Disconnected();
      throw error;
    }
  }

  #facts(member: Member): Facts {
    const message = this.#selected.view.rows.message(member.slot);
    return { known: this.#known(member), indexed: this.#answers?.of(message) };
  }

  /** Are they many that only their texts decide about? The other thread has no annotations, flags or words of FUZZY. */
  #isShared(members: readonly Member[]): boolean {
    const { onlyText, texts, bodies } = this.#needs;
    if (members.length < TOGETHER_FROM || this.#answers === null || !onlyText) return false;
    const strings = texts.exact.strings.size + bodies.exact.strings.size;
    return texts.words.length + bodies.words.length === 0 && strings > 0 && strings <= LOOK_TEXTS;
  }

  /** As `#readRows`, in two threads. */
  async #readTogether(members: readonly Member[], matched: Member[], progress: Progress | null): Promise<void> {
    const { lookTogether } = await import('./together.ts');
    const { texts, bodies } = this.#needs;
    const lookedFor = { texts: [...texts.exact.strings], bodies: [...bodies.exact.strings] };
    const { account, mailbox, view } = this.#selected;
    const place = { mail: account.mail, mailbox: mailbox.id, view };
    await lookTogether(place, members, lookedFor, {
      turn: () => (this.#pace.late ? this.#rest() : undefined),
      found: (member, found) => {
        if (evaluate(this.#key, { ...this.#facts(member), found }) === true) matched.push(member);
      },
      done: (count) => progress?.add(count),
    });
  }

  /** Adds those of messages, in order, that match by their rows or their text. One that is expunged meanwhile does not. */
  async #readRows(members: readonly Member[], matched: Member[], progress: Progress | null): Promise<void> {
    const { view, mailbox, account } = this.#selected;
    const { header, envelope, text } = this.#needs;
    const columns: ListingColumn[] = ['message'];
    if (!this.#needs.onlyText) columns.push('size', 'received', 'receivedOffset');
    if (header) columns.push('header');
    if (envelope) columns.push('envelope');
    if (this.#needs.saved) columns.push('saved');
    if (this.#needs.thread) columns.push('thread');
    if (text) columns.push('structure');
    // Where something else may decide about a message, its text is read when that has not.
    if (this.#needs.onlyText) columns.push(this.#needs.inHeaders ? 'content' : 'body');
    const uids: [number, number][] = [];
    for (const { slot } of members) appendUid(uids, view.rows.uid(slot));
    const annotated = await this.#annotated(uids);
    let next = 0;
    for await (const page of account.mail.listing(mailbox.id, uids, columns)) {
      for (const row of page) {
        while (view.rows.uid(members[next]?.slot ?? -1) < row.uid) next++;
        const member = members[next++];
        if (member !== undefined && (await this.#matches(member, row, annotated))) matched.push(member);
        progress?.add(1);
        if (this.#pace.late) await this.#rest();
      }
    }
  }

  async #matches(member: Member, row: ListingRow, noted: Annotated): Promise<boolean> {
    const { header } = row;
    // What can't be read must not look like a miss.
    if (header === null) throw new StoreError('unavailable', `the header of UID ${row.uid} is damaged`);
    const annotated = (key: AnnotationKey) => noted.get(key)?.has(row.uid) ?? false;
    const listed: Listed = { ...row, header: this.#needs.header ? new HeaderTexts(header) : null, annotated };
    let facts: Facts = { ...this.#facts(member), listed };
    let answer = evaluate(this.#key, facts);
    if (answer === undefined) {
      facts = { ...facts, found: await this.#lookInto(row) };
      answer = evaluate(this.#key, facts) ?? false;
    }
    if (answer) this.#scored(member, facts);
    return answer;
  }

  /** For each key about annotations, the UIDs of the messages that have what it means. */
  async #annotated(uids: UidSet): Promise<Annotated> {
    const found = new Map(this.#needs.annotations.map((key) => [key, new Set<number>()]));
    if (found.size === 0) return found;
    const { account, mailbox } = this.#selected;
    for await (const page of account.mail.annotations(mailbox.id, uids, readerOf(this.#session))) {
      for (const one of page) for (const [key, having] of found) if (means(key, one)) having.add(one.uid);
      if (this.#pace.late) await this.#rest();
    }
    return found;
  }

  async #lookInto(row: ListingRow): Promise<Found> {
    const text = await this.#scan(row, this.#needs.texts, true);
    const body = await this.#scan(row, this.#needs.bodies, false);
    return (key) => {
      const { needles, fuzzy } = key.kind === 'text' ? text : body;
      return key.fuzzy === true ? fuzzy.strength(key.text) : needles.found(key.text) ? 1 : 0;
    };
  }

  /** Reads a message's text up to where all is found. */
  async #scan(row: ListingRow, { exact, words }: Texts, headers: boolean): Promise<Scanned> {
    if (exact.strings.size + words.length === 0) return NOTHING_FOUND;
    const needles = new Needles(exact);
    const fuzzy = words.length === 0 ? NO_WORDS : new FuzzyNeedles(words);
    const enough = ({ text, header }: TextPiece) => {
      const [found, settled] = [needles.feed(text), words.length === 0 || fuzzy.feed(text, header)];
      return found && settled;
    };
    try {
      const sought = words.length === 0 ? exact.bytes : null;
      const { onlyText, inHeaders } = this.#needs;
      if (onlyText && !inHeaders && lookAtBodyText(row.body, row.structure, sought, enough)) return { needles, fuzzy };
      const content = onlyText && inHeaders ? row.content : await this.#selected.account.mail.content(row.message);
      if (!lookAtText(content, row.structure, { headers, sought }, enough))
        await this.#read(content, row, headers, enough);
    } catch (error) {
      // Gone since its row was read: it does not match. What can't be read now must not look like a miss.
      if (!(error instanceof StoreError) || error.code !== 'not-found') throw error;
    }
    return { needles, fuzzy };
  }

  /** A text that lies in a file of its own: piece by piece. */
  async #read(
    content: MessageContent,
    { structure }: ListingRow,
    headers: boolean,
    enough: (piece: TextPiece) => boolean,
  ): Promise<void> {
    for await (const piece of textPieces(content, structure, { headers })) {
      if (enough(piece)) return;
      if (this.#pace.late) await this.#rest();
    }
  }

  #known({ slot, seq }: Member): Known {
    const { view, account } = this.#selected;
    const { rows } = view;
    const uid = rows.uid(slot);
    return {
      seq,
      uid,
      flags: rows.flags(slot),
      modseq: rows.modseq(slot),
      message: rows.message(slot),
      recent: this.#selected.isRecent(uid),
      hasKeyword: (name) => account.keywords.holds(rows.keywords(slot), name),
    };
  }

  async #rest(): Promise<void> {
    if (this.#session.connection.ended) throw new Disconnected();
    await this.#pace.rest();
  }
}

/** What keys are resolved against. */
interface Context {
  readonly selected: Selected;
  readonly now: number;
  readonly lost: ReadonlySet<number>;
  readonly account: AccountId;
}

/** Resolves sets and folds texts, once for all messages. */
function prepare(key: SearchKey, context: Context): Prepared {
  const { selected, lost, now, account } = context;
  switch (key.kind) {
    case 'and':
      return { kind: 'and', keys: key.keys.map((inner) => prepare(inner, context)) };
    case 'or':
      return { kind: 'or', first: prepare(key.first, context), second: prepare(key.second, context) };
    case 'not':
      return { kind: 'not', key: prepare(key.key, context) };
    case 'sequence':
      return { kind: 'sequence', ranges: resolveSet(key.set, selected.view.exists) };
    case 'uid':
      return { kind: 'uid', ranges: uidsOf(selected, key.set) };
    case 'older':
    case 'younger':
      return { kind: key.kind, time: now - key.seconds };
    case 'modseq':
      return lost.has(key.modseq) ? { kind: 'all' } : key;
    case 'emailid':
      return { kind: 'emailid', number: objectNumber('M', account, key.id) };
    case 'threadid':
      return { kind: 'threadid', number: objectNumber('T', account, key.id) };
    case 'annotation':
      return { ...key, text: key.text === null ? null : fold(key.text) };
    case 'header':
    case 'text':
    case 'body':
      if (key.fuzzy === true && key.text !== '') return words(key);
      return { ...key, text: fold(key.text) };
    default:
      return key;
  }
}

/** The UIDs by key. */
type Annotated = ReadonlyMap<AnnotationKey, ReadonlySet<number>>;

/** Is it what the key asks for? */
function means({ request, text }: AnnotationKey, one: Annotation): boolean {
  if (!isMeant(request.entries, one.name) || !request.attributes.some((attribute) => isOf(attribute, one)))
    return false;
  return text === null || fold(one.value).includes(text);
}

/** A fuzzy key as one for each of its words. */
function words(key: TextKey): Prepared {
  return { kind: 'and', keys: fuzzyWords(key.text).map((text) => ({ ...key, text })) };
}

/** Does it ask for texts alone, one or all of several? */
function isText(key: Prepared): boolean {
  if (key.kind === 'and') return key.keys.length > 0 && key.keys.every(isText);
  return key.kind === 'text' || key.kind === 'body' || key.kind === 'header';
}

/** What is looked for in texts. */
interface Texts {
  readonly exact: Sought;
  /** Of fuzzy keys. */
  readonly words: readonly string[];
}

interface Scanned {
  readonly needles: Needles;
  readonly fuzzy: FuzzyNeedles;
}

const NO_WORDS = new FuzzyNeedles([]);
const NOTHING_FOUND: Scanned = { needles: new Needles(new Sought([])), fuzzy: NO_WORDS };

/** What a key needs beyond memory and the rows' numbers. */
interface Needs {
  readonly header: boolean;
  readonly envelope: boolean;
  readonly saved: boolean;
  readonly thread: boolean;
  readonly text: boolean;
  /** Texts, and nothing else that a row decides about. */
  readonly onlyText: boolean;
  /** Texts that may be in headers too. */
  readonly inHeaders: boolean;
  readonly annotations: readonly AnnotationKey[];
  readonly texts: Texts;
  readonly bodies: Texts;
}

function needsOf(key: Prepared): Needs {
  const all = [...leaves(key)];
  const texts = textsOf(all, 'text');
  const bodies = textsOf(all, 'body');
  return {
    header: all.some((leaf) => leaf.kind === 'header'),
    envelope: all.some((leaf) => leaf.kind === 'sent'),
    saved: all.some((leaf) => leaf.kind === 'saved'),
    thread: all.some((leaf) => leaf.kind === 'threadid'),
    text: all.some((leaf) => leaf.kind === 'text' || leaf.kind === 'body'),
    onlyText: isText(key) && all.every((leaf) => leaf.kind !== 'header'),
    inHeaders: all.some((leaf) => leaf.kind === 'text'),
    annotations: all.filter((leaf) => leaf.kind === 'annotation'),
    texts,
    bodies,
  };
}

function textsOf(all: readonly Prepared[], kind: 'text' | 'body'): Texts {
  const of = (fuzzy: boolean) =>
    all.flatMap((leaf) => (leaf.kind === kind && (leaf.fuzzy ?? false) === fuzzy ? [leaf.text] : []));
  return { exact: new Sought(of(false)), words: of(true) };
}

function* leaves(key: Prepared): Generator<Prepared> {
  if (key.kind === 'and') for (const inner of key.keys) yield* leaves(inner);
  else if (key.kind === 'or') yield* [...leaves(key.first), ...leaves(key.second)];
  else if (key.kind === 'not') yield* leaves(key.key);
  else yield key;
}
