// What one IMAP client knows of the mailbox that it has selected, from the server's replies alone, and the rules that
// every reply must keep (RFC 9051 7, RFC 7162 3.2). A reply that breaks one throws `Inconsistent`.

/** The server said something that can't be, after all that it said before. */
export class Inconsistent extends Error {}

export function must(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Inconsistent(what);
}

/** A message as the client knows it; null: not told yet. */
export interface Known {
  uid: number | null;
  flags: string | null;
  modseq: number;
  /** By the clock that all sessions share: nothing before it is missing in the flags as they were last told. */
  toldAt: number;
  /** During which command. */
  toldBy: string;
}

/** What all sessions together know: a clock, what each UID stands for, and whose messages are recent. */
export class Shared {
  clock = 0;
  /** The Message-ID of each UID that a session put there. */
  readonly messages = new Map<number, string>();
  /** What FETCH told of a UID: never something else. */
  readonly constants = new Map<string, string>();
  readonly recent = new Map<number, string>();
  /** UIDs that a session was told are gone. */
  readonly gone = new Set<number>();
  /** When commands that may change a message's flags were last answered, and how many are under way. */
  readonly #touched = new Map<number, { last: number; underWay: number }>();
  /** The highest UID that an answered command has placed. */
  highest = 0;

  /** Of a command that is sent now. */
  get now(): { readonly since: number; readonly placed: number } {
    return { since: this.clock, placed: this.highest };
  }

  /** A command begins that may change the flags of these; what is returned is called when it is answered. */
  touch(uids: readonly number[]): () => void {
    const count = (step: number) => {
      for (const uid of uids) {
        const { underWay } = this.#touched.get(uid) ?? { underWay: 0 };
        this.#touched.set(uid, { last: this.clock, underWay: underWay + step });
      }
    };
    count(1);
    return () => count(-1);
  }

  /** May a message's flags have changed since? */
  mayHaveChanged(uid: number, since: number): boolean {
    const { last, underWay } = this.#touched.get(uid) ?? { last: -1, underWay: 0 };
    return underWay > 0 || last >= since;
  }

  /** A session has ended. */
  leave(name: string): void {
    for (const [uid, owner] of this.recent) if (owner === name) this.recent.set(uid, 'a session that ended');
  }

  /** The same fact of the same message, always. */
  constant(uid: number, name: string, value: string): void {
    const key = `${uid} ${name}`;
    const before = this.constants.get(key);
    must(before === undefined || before === value, `UID ${uid} had ${name} ${before}, now ${value}`);
    this.constants.set(key, value);
  }
}

/** What the command in hand may be answered with. */
export interface Asked {
  readonly name: string;
  /** EXPUNGE may come (RFC 9051 7.5.1). */
  readonly expunges: boolean;
  /** Numbers that are asked for and not told yet. */
  readonly numbers: Set<number>;
  /** When it was sent, and the highest UID that was placed by then. */
  readonly since: number;
  readonly placed: number;
}

export class Model {
  /** Another one for each connection. */
  name: string;
  readonly #shared: Shared;
  messages: Known[] = [];
  keywords = new Set<string>();
  uidvalidity = 0;
  uidnext = 0;
  recent = 0;
  highestModseq = 0;
  qresync = false;
  readOnly = false;

  constructor(name: string, shared: Shared) {
    this.name = name;
    this.#shared = shared;
  }

  /** A mailbox is being selected: nothing is known any more. */
  reset(): void {
    this.messages = [];
    this.keywords = new Set();
    this.uidnext = 0;
    this.recent = 0;
  }

  /** Takes an untagged reply; `literals` as text. */
  take(text: string, literals: readonly string[], asked: Asked): void {
    this.#shared.clock++;
    const numbered = /^\* (\d+) (EXISTS|RECENT|EXPUNGE|FETCH)(?: (.*))?$/s.exec(text);
    if (numbered !== null) {
      const number = Number(numbered[1]);
      if (numbered[2] === 'EXISTS') this.#exists(number);
      else if (numbered[2] === 'RECENT') this.#countRecent(number);
      else if (numbered[2] === 'EXPUNGE') this.#expunged(number, asked);
      else this.#fetched(number, numbered[3] ?? '', literals, asked);
    } else this.#told(text, asked);
  }

  #told(text: string, asked: Asked): void {
    const vanished = /^\* VANISHED ([\d:,]+)$/.exec(text);
    if (vanished !== null) this.#vanished(vanished[1] ?? '', asked);
    const flags = /^\* FLAGS \((.*)\)$/.exec(text);
    if (flags !== null) this.keywords = new Set((flags[1] ?? '').toLowerCase().split(' '));
    const permanent = /^\* OK \[PERMANENTFLAGS \((.*?)\)\]/.exec(text);
    if (permanent !== null && permanent[1] !== '') {
      const names = new Set((permanent[1] ?? '').toLowerCase().split(' '));
      must(
        [...names].every((name) => name === '\\*' || this.keywords.has(name)),
        `PERMANENTFLAGS without FLAGS: ${text}`,
      );
    }
    const code = /^\* OK \[(UIDVALIDITY|UIDNEXT|HIGHESTMODSEQ) (\d+)\]/.exec(text);
    if (code?.[1] === 'UIDVALIDITY') this.#validity(Number(code[2]));
    if (code?.[1] === 'UIDNEXT') this.#next(Number(code[2]), asked.placed);
    if (code?.[1] === 'HIGHESTMODSEQ') this.modseq(Number(code[2]));
    must(!/\[(SERVERBUG|UNAVAILABLE)/.test(text), text);
  }

  #validity(value: number): void {
    must(this.uidvalidity === 0 || this.uidvalidity === value, `UIDVALIDITY ${value}, was ${this.uidvalidity}`);
    this.uidvalidity = value;
  }

  #next(value: number, placed: number): void {
    must(value > placed, `UIDNEXT ${value}, and ${placed} was placed before`);
    this.uidnext = value;
  }

  /** A HIGHESTMODSEQ was told. */
  modseq(value: number): void {
    must(value >= this.highestModseq, `HIGHESTMODSEQ ${value}, was ${this.highestModseq}`);
    this.highestModseq = value;
  }

  #exists(number: number): void {
    must(number >= this.messages.length, `${number} EXISTS, after ${this.messages.length} and no EXPUNGE`);
    while (this.messages.length < number)
      this.messages.push({ uid: null, flags: null, modseq: 0, toldAt: 0, toldBy: '' });
  }

  #countRecent(number: number): void {
    must(number <= this.messages.length, `${number} RECENT of ${this.messages.length}`);
    this.recent = number;
  }

  #expunged(number: number, asked: Asked): void {
    must(asked.expunges, `EXPUNGE during ${asked.name}`);
    must(!this.qresync, 'EXPUNGE where VANISHED is due');
    must(number >= 1 && number <= this.messages.length, `${number} EXPUNGE of ${this.messages.length}`);
    const [message] = this.messages.splice(number - 1, 1);
    if (message?.uid != null) this.#shared.gone.add(message.uid);
    const numbers = [...asked.numbers].filter((other) => other !== number);
    asked.numbers.clear();
    for (const other of numbers) asked.numbers.add(other > number ? other - 1 : other);
  }

  #vanished(set: string, asked: Asked): void {
    must(asked.expunges, `VANISHED during ${asked.name}`);
    must(this.qresync, 'VANISHED without QRESYNC');
    for (const uid of listed(set)) {
      const exact = this.messages.findIndex((message) => message.uid === uid);
      const at = exact >= 0 ? exact : this.#unknownNear(uid);
      must(at >= 0, `VANISHED ${uid}, of which nothing was told`);
      this.messages.splice(at, 1);
      this.#shared.gone.add(uid);
    }
  }

  /** A message whose UID is not known and may be this one. */
  #unknownNear(uid: number): number {
    const above = this.messages.findIndex((message) => message.uid !== null && message.uid > uid);
    const end = above < 0 ? this.messages.length : above;
    const at = end - 1;
    if (this.messages[at]?.uid !== null) return -1;
    // Which of several unknown ones it was is not known: nor are their flags any more.
    for (let index = at; this.messages[index]?.uid === null; index--) this.messages[index] = unknown();
    return at;
  }

  #fetched(number: number, items: string, literals: readonly string[], asked: Asked): void {
    const message = this.messages[number - 1];
    must(message !== undefined, `FETCH of ${number} of ${this.messages.length}`);
    const solicited = asked.numbers.delete(number);
    const uid = /\bUID (\d+)/.exec(items)?.[1];
    if (uid !== undefined) this.#learnUid(number, message, Number(uid));
    const modseq = Number(/\bMODSEQ \((\d+)\)/.exec(items)?.[1] ?? 0);
    if (modseq > 0) {
      must(modseq >= message.modseq, `MODSEQ of ${number} fell from ${message.modseq} to ${modseq}`);
      message.modseq = modseq;
    }
    const flags = /\bFLAGS \(([^)]*)\)/.exec(items)?.[1];
    if (flags !== undefined) this.#learnFlags(number, message, flags, asked, solicited || modseq > 0);
    if (message.uid === null) return;
    for (const name of ['RFC822.SIZE', 'INTERNALDATE', 'ENVELOPE']) {
      const value = new RegExp(`${name.replace('.', '\\.')} (\\d+|"[^"]*"|\\(.*?\\)\\))`).exec(items)?.[1];
      if (value !== undefined) this.#shared.constant(message.uid, name, value);
    }
    const [body] = literals;
    if (body === undefined) return;
    const id = /^Message-ID: (\S+)/im.exec(body)?.[1] ?? '';
    const placed = this.#shared.messages.get(message.uid);
    must(placed === undefined || placed === id, `UID ${message.uid} is ${placed}, and FETCH gave ${id}`);
    this.#shared.constant(message.uid, 'Message-ID', id);
  }

  #learnUid(number: number, message: Known, uid: number): void {
    must(message.uid === null || message.uid === uid, `${number} had UID ${message.uid}, now ${uid}`);
    if (message.uid !== null) return;
    const before = this.messages.slice(0, number - 1).findLast((other) => other.uid !== null)?.uid ?? 0;
    const after = this.messages.slice(number).find((other) => other.uid !== null)?.uid ?? Number.POSITIVE_INFINITY;
    must(uid > before && uid < after, `${number} has UID ${uid}, between ${before} and ${after}`);
    message.uid = uid;
  }

  #learnFlags(number: number, message: Known, text: string, asked: Asked, expected: boolean): void {
    const names = text === '' ? [] : text.toLowerCase().split(' ');
    must(new Set(names).size === names.length, `flags twice in ${text}`);
    const unheard = names.filter((name) => name !== '\\recent' && !this.keywords.has(name));
    must(unheard.length === 0, `${unheard} of ${number} was not told in FLAGS`);
    const flags = names.toSorted().join(' ');
    const { uid } = message;
    if (uid !== null && names.includes('\\recent') && !this.readOnly) {
      const other = this.#shared.recent.get(uid);
      must(other === undefined || other === this.name, `UID ${uid} is recent in ${other} and ${this.name}`);
      this.#shared.recent.set(uid, this.name);
    }
    if (message.flags !== null && names.includes('\\recent') !== message.flags.split(' ').includes('\\recent'))
      must(false, `\\Recent of ${number} changed from ${message.flags} to ${flags}`);
    if (!expected && uid !== null && message.flags === flags) {
      must(
        this.#shared.mayHaveChanged(uid, message.toldAt),
        `the flags of ${number} (${flags}) were told again, and nothing changed them`,
      );
    }
    message.flags = flags;
    message.toldAt = asked.since;
    message.toldBy = asked.name;
  }

  /** The numbers of the messages that a set of UIDs names, of those that are known. */
  numberOf(uid: number): number {
    return this.messages.findIndex((message) => message.uid === uid) + 1;
  }
}

function unknown(): Known {
  return { uid: null, flags: null, modseq: 0, toldAt: 0, toldBy: '' };
}

/** The numbers of a set without a star. */
export function listed(set: string): number[] {
  return set.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split(':').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
