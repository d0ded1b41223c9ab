// Asks the configured recursive resolvers, follows aliases, and remembers answers as long as they say. What it returns is
// an answer (there may be nothing at that name); that there was none is a DnsFailure, which is always temporary.

import { getServers } from 'node:dns';
import type { Answer, DecodedPacket } from 'dns-packet';
import { Turns } from '#storage/blobs/turns.ts';
import { type DnsServer, exchange, plainName, type Question, type QuestionType, sameName } from './exchange.ts';
import { ALIASES, AT_ONCE, CACHED, KEPT_SECONDS, RECORDS, UDP_MS } from './limits.ts';

/** What is known at a name. */
export interface DnsAnswer {
  /** No such name at all (RFC 8020); else there may just be no record of this type. */
  readonly exists: boolean;
  /** Where the aliases end: the name asked for, if there are none. */
  readonly name: string;
  /** The records of the type asked for, at that name. */
  readonly records: readonly Answer[];
  /** A resolver on this machine has validated all of it (RFC 4035 3.2.3): on the way from another anybody can say so. */
  readonly authentic: boolean;
}

/** No server gave an answer that can be used; later one may. */
export class DnsFailure extends Error {
  /** What the last server said; 'TIMEOUT' if nothing. */
  readonly rcode: string;
  readonly type: QuestionType;

  constructor(question: Question, rcode: string, options?: { cause?: unknown }) {
    super(`${question.name} ${question.type}: ${rcode}`, options);
    this.name = 'DnsFailure';
    this.rcode = rcode;
    this.type = question.type;
  }
}

export interface ResolverOptions {
  /** None: those of the system. */
  readonly servers: readonly DnsServer[];
  /** Waits for a UDP answer; for tests. */
  readonly waits?: readonly number[];
  /** Milliseconds of a clock that never goes back; for tests. */
  readonly clock?: () => number;
}

interface Kept {
  readonly answer: DnsAnswer;
  readonly until: number;
}

/** A stub resolver with a cache. One in a thread. */
export class Resolver {
  readonly #servers: readonly DnsServer[];
  readonly #waits: readonly number[];
  readonly #clock: () => number;
  readonly #cache = new Map<string, Kept>();
  readonly #asking = new Map<string, Promise<DnsAnswer>>();
  readonly #turns = new Turns(AT_ONCE);

  constructor({ servers, waits = UDP_MS, clock = () => performance.now() }: ResolverOptions) {
    this.#servers = servers.length > 0 ? servers : systemServers();
    this.#waits = waits;
    this.#clock = clock;
  }

  /** The answer to a question; rejects with DnsFailure. */
  resolve(name: string, type: QuestionType): Promise<DnsAnswer> {
    const key = `${type} ${plainName(name)}`;
    const kept = this.#cache.get(key);
    if (kept !== undefined && kept.until > this.#clock()) return Promise.resolve(kept.answer);
    const asking = this.#asking.get(key) ?? this.#ask(key, { name: plainName(name), type });
    this.#asking.set(key, asking);
    return asking;
  }

  /** Whether answers are validated here at all: the root says so of itself. That nobody answers is a no. */
  async validates(): Promise<boolean> {
    try {
      return (await this.resolve('.', 'SOA')).authentic;
    } catch (error) {
      if (error instanceof DnsFailure) return false;
      throw error;
    }
  }

  async #ask(key: string, question: Question): Promise<DnsAnswer> {
    try {
      const { answer, seconds } = await this.#turns.run(() => this.#follow(question));
      this.#keep(key, { answer, until: this.#clock() + seconds * 1_000 });
      return answer;
    } finally {
      this.#asking.delete(key);
    }
  }

  #keep(key: string, kept: Kept): void {
    this.#cache.delete(key);
    this.#cache.set(key, kept);
    const [oldest] = this.#cache.keys();
    if (this.#cache.size > CACHED && oldest !== undefined) this.#cache.delete(oldest);
  }

  /** Asks, and asks again where an answer ends in an alias that it does not follow. */
  async #follow({ name, type }: Question): Promise<{ answer: DnsAnswer; seconds: number }> {
    const seen = new Set<string>();
    let authentic = true;
    let seconds: number = KEPT_SECONDS.most;
    for (let at = name; ; ) {
      const packet = await this.#query({ name: at, type });
      authentic &&= packet.flag_ad && packet.near;
      const found = readAnswer(packet, at, type, seen);
      seconds = Math.min(seconds, found.seconds);
      const { records, end } = found;
      const exists = packet.rcode !== 'NXDOMAIN';
      if (records.length > 0 || end === at || !exists) {
        if (records.length === 0) seconds = Math.min(seconds, KEPT_SECONDS.negative);
        return { answer: { exists, name: end, records, authentic }, seconds: Math.max(seconds, KEPT_SECONDS.least) };
      }
      at = end;
    }
  }

  /** The first usable answer of any server. */
  async #query(question: Question): Promise<DecodedPacket & { readonly rcode: string; readonly near: boolean }> {
    let failure = new DnsFailure(question, 'TIMEOUT');
    for (const wait of this.#waits) {
      for (const server of this.#servers) {
        try {
          const packet = await exchange(server, question, wait);
          const rcode = String((packet as { rcode?: unknown }).rcode);
          if (rcode === 'NOERROR' || rcode === 'NXDOMAIN') return { ...packet, rcode, near: isNear(server) };
          failure = new DnsFailure(question, rcode);
        } catch (error) {
          failure = new DnsFailure(question, failure.rcode, { cause: error });
        }
      }
      // That a zone is broken is an answer: asking again the same servers changes nothing (RFC 9520).
      if (failure.rcode !== 'TIMEOUT') break;
    }
    throw failure;
  }
}

/** The records of a type at the end of the aliases that an answer follows; `seen`: names where an alias stood. */
function readAnswer(
  packet: DecodedPacket,
  name: string,
  type: QuestionType,
  seen: Set<string>,
): { readonly records: readonly Answer[]; readonly end: string; readonly seconds: number } {
  const answers = packet.answers ?? [];
  let end = name;
  let seconds: number = KEPT_SECONDS.most;
  const note = (answer: Answer) => {
    const { ttl } = answer as { ttl?: number };
    seconds = Math.min(seconds, typeof ttl === 'number' && ttl >= 0 ? ttl : 0);
  };
  for (;;) {
    const records = answers.filter((answer) => answer.type === type && sameName(answer.name, end)).slice(0, RECORDS);
    records.forEach(note);
    if (records.length > 0) return { records, end, seconds };
    const alias = answers.find((answer) => answer.type === 'CNAME' && sameName(answer.name, end));
    if (alias === undefined || alias.type !== 'CNAME') return { records, end, seconds };
    note(alias);
    // A circle, or a chain that is not meant to end.
    if (seen.has(end) || seen.size >= ALIASES) throw new DnsFailure({ name, type }, 'SERVFAIL');
    seen.add(end);
    end = plainName(String(alias.data));
  }
}

/** On this machine. */
function isNear({ host }: DnsServer): boolean {
  return host === '::1' || host.startsWith('127.');
}

/** What /etc/resolv.conf names. */
function systemServers(): DnsServer[] {
  return getServers().map((text) => {
    const match = /^\[(.+)\]:(\d+)$/.exec(text) ?? /^([\d.]+):(\d+)$/.exec(text);
    return { host: match?.[1] ?? text, port: Number(match?.[2] ?? 53) };
  });
}
