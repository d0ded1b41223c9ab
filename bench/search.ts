// SEARCH in the mailbox of 100,000 messages, once it is indexed: what is asked first after a start, and again.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Sqlite from 'better-sqlite3';
import { fill, LARGE_NAME, login } from './drivers.ts';
import { ratio } from './imap.ts';
import { median, type Report } from './report.ts';
import type { Side } from './side.ts';

/** Indexing takes half of a core: some minutes, on a machine that does other things too several times that. */
const INDEXED_WITHIN = 30 * 60_000;
/** How often one is asked again. */
const AGAIN = { own: 2, peer: 1 };
/** A peer's search that took longer, s, is not asked again in a round: it has no index, and does the same each time. */
const SLOW = 3;
/** After each search, in which the event loops' delays are asked for, ms. */
const PAUSE = 200;

interface Asked {
  readonly name: string;
  readonly keys: string;
  /** The most that it may take, as a share of the peer's time: the first time, and again. */
  readonly first: number;
  readonly again: number;
}

const FIELD = { first: 0.5, again: 0.5 };
const WORD = { first: 0.1, again: 0.02 };
const LOOK = { first: 0.7, again: 0.7 };

/** What the sample has: "rechnung" is in the name of attachments, two of its words stand side by side in one of 70. */
const SEARCHES: readonly Asked[] = [
  { name: 'SUBJECT, a word of 2 % of them', keys: 'SUBJECT "invoice"', ...FIELD },
  { name: 'SUBJECT, a miss', keys: 'SUBJECT "zebra quux"', ...FIELD },
  { name: 'FROM, an address', keys: 'FROM "u12@"', ...FIELD },
  { name: 'FROM, a name', keys: 'FROM "anna"', ...FIELD },
  { name: 'HEADER Message-ID, one message', keys: 'HEADER Message-ID', ...FIELD },
  { name: 'HEADER Message-ID, a miss', keys: 'HEADER Message-ID "<nosuch@x>"', ...FIELD },
  { name: 'TEXT, a word of 2 % of them', keys: 'TEXT "rechnung"', ...WORD },
  { name: 'BODY, a word of 1 % of them', keys: 'BODY "encoding"', ...WORD },
  { name: 'TEXT, a miss', keys: 'TEXT "zebraquux"', ...WORD },
  { name: 'BODY, a miss', keys: 'BODY "zebraquux"', ...WORD },
  { name: 'BODY, two letters', keys: 'BODY "iv"', ...LOOK },
  { name: 'BODY, a phrase of rare words', keys: 'BODY "to these recipients"', ...LOOK },
  { name: 'BODY, a phrase of frequent words', keys: 'BODY "of the"', ...LOOK },
  { name: 'BODY, a word of three quarters of them', keys: 'BODY "quarter"', ...LOOK },
];

/** Each search once after a start, and then again; what both sides find is compared. */
export class SearchRounds {
  readonly #messages: number;
  readonly #found = new Map<string, string>();

  constructor(messages: number) {
    this.#messages = messages;
  }

  /** Fills the large mailboxes, both at once since nothing is measured yet, where they are not full from an earlier run. */
  async prepare(own: Side, peer: Side | null, sample: string): Promise<void> {
    const seconds = (since: number) => `${Math.round((performance.now() - since) / 1_000)} s`;
    const begun = performance.now();
    const full = async (side: Side) => {
      if ((await messagesIn(side)) === 0) await fill(side, sample, this.#messages);
      const messages = await messagesIn(side);
      if (messages !== this.#messages) throw new Error(`${side.name} has ${messages} messages, not ${this.#messages}`);
      console.log(`${side.name} is filled after ${seconds(begun)}`);
    };
    await Promise.all([own, peer].map((side) => (side === null ? undefined : full(side))));
    await indexed(own);
    console.log(`all is indexed, ${seconds(begun)} after the beginning`);
  }

  async round(side: Side, as: 'own' | 'peer', report: Report): Promise<void> {
    for (const asked of SEARCHES) {
      const keys = asked.keys.endsWith('"') ? asked.keys : `${asked.keys} "${await this.#messageId(side)}"`;
      await side.restart();
      const client = await login(side, 1);
      await client.ok(`EXAMINE ${LARGE_NAME}`);
      await side.delays();
      const search = async () => {
        const begun = performance.now();
        const { untagged } = await client.ok(`UID SEARCH ${keys}`);
        const seconds = (performance.now() - begun) / 1_000;
        return { seconds, found: untagged.map(({ text }) => text).filter((text) => text.startsWith('* SEARCH')) };
      };
      const first = await search();
      const warm: number[] = [];
      if (as === 'peer' && first.seconds > SLOW) {
        report.note(
          `a search that takes the peer more than ${SLOW} s is asked once a round: without an index it takes as long again`,
        );
        warm.push(first.seconds);
      }
      while (warm.length < AGAIN[as]) warm.push((await search()).seconds);
      await sleep(PAUSE);
      const delays = await side.delays();
      client.wire.destroy();
      this.#compare(keys, first.found.join(), report);
      const line = (which: string) => `${this.#messages.toLocaleString('en')} messages: SEARCH ${asked.name}, ${which}`;
      report.add(line('first'), 's', ratio({ most: asked.first }), as, first.seconds, delays);
      report.add(line('again'), 's', ratio({ most: asked.again }), as, median(warm));
    }
  }

  #compare(keys: string, found: string, report: Report): void {
    const before = this.#found.get(keys) ?? found;
    this.#found.set(keys, before);
    const count = (text: string) => text.split(' ').length - 2;
    if (found !== before) report.note(`the sides differ in ${keys}: ${count(before)} and ${count(found)} messages`);
  }

  /** The Message-ID of a message in the middle. */
  async #messageId(side: Side): Promise<string> {
    const middle = this.#messages >> 1;
    const client = await login(side, 1);
    await client.ok(`EXAMINE ${LARGE_NAME}`);
    const { untagged } = await client.ok(`FETCH ${middle} BODY.PEEK[HEADER.FIELDS (Message-ID)]`);
    client.wire.destroy();
    const field = untagged.flatMap(({ literals }) => literals).join('');
    const id = /<[^>]*>/.exec(field)?.[0];
    if (id === undefined) throw new Error(`message ${middle} has no Message-ID`);
    return id;
  }
}

/** How many messages the large mailbox has; 0 if there is none. */
async function messagesIn(side: Side): Promise<number> {
  const client = await login(side, 1);
  const { untagged } = await client.command(`STATUS ${LARGE_NAME} (MESSAGES)`);
  client.wire.destroy();
  return Number(/MESSAGES (\d+)/.exec(untagged.map(({ text }) => text).join())?.[1] ?? 0);
}

/** Waits until the index of every account that has one has its last message. */
export async function indexed(side: Side): Promise<void> {
  for (const end = performance.now() + INDEXED_WITHIN; ; ) {
    const behind = missing(side.data);
    if (behind === 0) return;
    if (performance.now() > end) throw new Error(`after ${INDEXED_WITHIN} ms ${behind} messages are not indexed`);
    await sleep(2_000);
  }
}

/** How many messages the indexes are behind; an account's are all missing while it has no index. */
function missing(data: string): number {
  const files = readdirSync(join(data, 'accounts'), { recursive: true, encoding: 'utf8' });
  const mail = files.filter((name) => name.endsWith('mail.db')).map((name) => join(data, 'accounts', name));
  const last = (file: string, sql: string): number => {
    const sqlite = new Sqlite(file, { readonly: true });
    try {
      // A file that was made a moment ago has no tables yet.
      if (sqlite.pragma('user_version', { simple: true }) === 0) return 0;
      return Number(sqlite.prepare<[], number | null>(sql).pluck().get() ?? 0);
    } finally {
      sqlite.close();
    }
  };
  return mail.reduce((sum, file) => {
    const index = join(file, '../search.db');
    const upTo = existsSync(index) ? last(index, 'SELECT up_to FROM state') : 0;
    return sum + Math.max(0, last(file, 'SELECT max(id) FROM message') - upTo);
  }, 0);
}
