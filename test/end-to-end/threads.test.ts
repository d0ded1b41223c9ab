// Two server threads over one store: what one has answered, the other knows. An APPEND that was answered OK on one thread
// is in the very next STATUS, NOOP or SELECT of a session on the other, always.
import { expect, test } from 'vitest';
import { temporaryFolder } from '#test/support/folder.ts';
import { Installation, type Running } from '#test/support/installation.ts';
import { ImapWire } from '#test/support/wire.ts';

/** A try is one session's next command after one APPEND's OK. */
const TRIES = 100_000;
/** Accounts at work at once, each with a writer on one thread and readers on the other. */
const ACCOUNTS = 12;
const READERS = 8;
const PASSWORD = 'correct horse';
const MESSAGE = 'Subject: seen at once\r\n\r\nbody\r\n';

/** IMAP connections that each thread has now. */
async function connections(running: Running): Promise<[one: number, two: number]> {
  const page = await (await fetch(`http://127.0.0.1:${running.port('http')}/metrics`)).text();
  const of = (thread: number) =>
    Number(new RegExp(`posthuis_connections\\{protocol="imap",thread="${thread}"\\} (\\d+)`).exec(page)?.[1] ?? 0);
  return [of(0), of(1)];
}

/** Opens connections until each thread has as many as wanted; the kernel chooses the thread of each. */
async function openOnEach(running: Running, wanted: number): Promise<[ImapWire[], ImapWire[]]> {
  const threads: [ImapWire[], ImapWire[]] = [[], []];
  let before = await connections(running);
  while (threads[0].length < wanted || threads[1].length < wanted) {
    const client = await ImapWire.open(running.port('imap'));
    const now = await connections(running);
    threads[now[0] > before[0] ? 0 : 1].push(client);
    before = now;
  }
  for (const client of [...threads[0].splice(wanted), ...threads[1].splice(wanted)]) client.wire.destroy();
  return threads;
}

function exists(untagged: readonly { text: string }[]): number | undefined {
  const found = untagged.map(({ text }) => /^\* (\d+) EXISTS$/.exec(text)?.[1]).filter((count) => count !== undefined);
  return found.length === 0 ? undefined : Number(found.at(-1));
}

const TURNS = ['NOOP', 'STATUS', 'NOOP', 'STATUS', 'NOOP', 'SELECT'];

/** A reader that looks in all three ways in turn; what NOOP does not mention is as it was. */
class Reader {
  readonly #client: ImapWire;
  readonly #mailbox: string;
  #seen = 0;
  #turn = 0;

  constructor(client: ImapWire, mailbox: string, turn: number) {
    this.#client = client;
    this.#mailbox = mailbox;
    this.#turn = turn;
  }

  async look(): Promise<{ how: string; count: number }> {
    const how = this.#seen === 0 ? 'SELECT' : (TURNS[this.#turn++ % TURNS.length] ?? 'NOOP');
    if (how === 'STATUS') {
      const { untagged } = await this.#client.ok(`STATUS "${this.#mailbox}" (MESSAGES)`);
      this.#seen = exists(untagged) ?? this.#seen;
      return { how, count: Number(/MESSAGES (\d+)/.exec(untagged.map(({ text }) => text).join(' '))?.[1] ?? -1) };
    }
    const { untagged } = await this.#client.ok(how === 'SELECT' ? `SELECT "${this.#mailbox}"` : 'NOOP');
    this.#seen = exists(untagged) ?? this.#seen;
    return { how, count: this.#seen };
  }
}

/** Appends on one thread and looks on the other until there were enough tries; what was missed. */
async function appendAndLook(writer: ImapWire, readers: readonly ImapWire[], more: () => boolean): Promise<string[]> {
  const missed: string[] = [];
  const eyes = readers.map((reader, number) => new Reader(reader, 'INBOX', number));
  for (let appended = 1; more(); appended++) {
    await writer.ok(`APPEND INBOX {${MESSAGE.length}+}\r\n${MESSAGE}`);
    for (const { how, count } of await Promise.all(eyes.map((reader) => reader.look()))) {
      if (count !== appended) missed.push(`${how} says ${count} after ${appended}`);
    }
  }
  return missed;
}

test(`${TRIES} times, what one thread has answered is known to the other`, async () => {
  await using folder = await temporaryFolder();
  const program = new Installation({ folder: folder.path, threads: 2, listen: { imap: 0, http: 0 } });
  const names = Array.from({ length: ACCOUNTS }, (_, number) => `user${number}`);
  await program.populate(names, PASSWORD);
  const running = await program.serve();
  try {
    const threads = await openOnEach(running, (ACCOUNTS / 2) * (READERS + 1));
    let tries = 0;
    const more = () => {
      tries += READERS;
      return tries <= TRIES;
    };
    const started = performance.now();
    const missed = await Promise.all(
      names.map(async (name, number) => {
        const [here, there] = number % 2 === 0 ? threads : [threads[1], threads[0]];
        const clients = [...here.splice(0, 1), ...there.splice(0, READERS)];
        for (const client of clients) await client.login(`${name}@example.test`, PASSWORD);
        const [writer, ...readers] = clients;
        if (writer === undefined) throw new Error('a thread has too few connections');
        const found = await appendAndLook(writer, readers, more);
        for (const client of clients) client.wire.destroy();
        return found.map((text) => `${name}: ${text}`);
      }),
    );
    const rate = Math.round(tries / ((performance.now() - started) / 1_000));
    console.log(`two threads: ${TRIES} tries, ${missed.flat().length} missed, ${rate} a second`);
    expect(missed.flat().slice(0, 10)).toEqual([]);
  } finally {
    await running.stop();
  }
});
