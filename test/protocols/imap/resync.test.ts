// Clients that keep a copy of a mailbox (RFC 7162), over sockets: whatever happens while they are away, or in the middle
// of a command, what they have after coming back is what is there.
import { ImapFlow } from 'imapflow';
import { expect, test } from 'vitest';
import { message, PASSWORD, startImap } from '#test/support/imap-server.ts';
import { between, pick, type Random, seeded } from '#test/support/random.ts';
import type { ImapWire } from '#test/support/wire.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);

test('CONDSTORE: a client that was away asks for what changed, and stores only where nothing did', async () => {
  await using imap = await startImap();
  const [one, other] = [await imap.login(), await imap.login()];
  for (const name of ['one', 'two', 'three']) await one.ok('APPEND INBOX', message(name));
  const selected = texts(await one.ok('SELECT INBOX (CONDSTORE)')).join('\n');
  const known = /HIGHESTMODSEQ (\d+)/.exec(selected)?.[1];
  await one.ok('UNSELECT');
  await other.ok('SELECT INBOX');
  await other.ok('STORE 2 +FLAGS (\\Seen)');
  await one.ok('SELECT INBOX');
  expect(texts(await one.ok(`FETCH 1:* FLAGS (CHANGEDSINCE ${known})`))).toEqual([
    expect.stringMatching(/^\* 2 FETCH \(MODSEQ \(\d+\) FLAGS \(\\Seen.*\)\)$/),
  ]);
  expect((await one.ok(`STORE 1:3 (UNCHANGEDSINCE ${known}) +FLAGS (\\Flagged)`)).text).toMatch(/^\[MODIFIED 2\]/);
});

test('QRESYNC: one SELECT brings a client that was away up to date', async () => {
  await using imap = await startImap();
  const [one, other] = [await imap.login(), await imap.login()];
  for (const name of ['one', 'two', 'three']) await one.ok('APPEND INBOX', message(name));
  await one.ok('ENABLE QRESYNC');
  const selected = texts(await one.ok('SELECT INBOX')).join('\n');
  const [, validity] = /UIDVALIDITY (\d+)/.exec(selected) ?? [];
  const [, known] = /HIGHESTMODSEQ (\d+)/.exec(selected) ?? [];
  await one.ok('CLOSE');
  await other.ok('SELECT INBOX');
  await other.ok('STORE 2 +FLAGS (\\Deleted)');
  await other.ok('EXPUNGE');
  expect(texts(await one.ok(`SELECT INBOX (QRESYNC (${validity} ${known}))`))).toContain('* VANISHED (EARLIER) 2');
});

// ------------------------------------------------------------------------------------------- a client with a copy

/** A disconnected client by RFC 7162 6: what it has of INBOX, and the mod-sequence up to which. */
class Copy {
  readonly flags = new Map<number, string>();
  validity = '';
  modseq = 0;
  /** Of the connection: UIDs in the order of their numbers; null where a new message's is not known yet. */
  #uids: (number | null)[] = [];
  #seen = 0;

  /** Takes the replies of a command, as RFC 7162 6 says. */
  take(lines: readonly string[], tagged: string): void {
    let told = 0;
    this.#seen = 0;
    for (const line of lines) told = this.#line(line) ?? told;
    const inTagged = /\[HIGHESTMODSEQ (\d+)\]/.exec(tagged)?.[1];
    if (inTagged !== undefined) told = Number(inTagged);
    // HIGHESTMODSEQ, even if higher mod-sequences have been seen; else the highest seen.
    if (told > 0) this.modseq = told;
    else this.modseq = Math.max(this.modseq, this.#seen);
  }

  get hasUnknown(): boolean {
    return this.#uids.includes(null);
  }

  leave(): void {
    this.#uids = [];
  }

  #line(line: string): number | undefined {
    const exists = /^\* (\d+) EXISTS/.exec(line)?.[1];
    if (exists !== undefined) while (this.#uids.length < Number(exists)) this.#uids.push(null);
    const vanished = /^\* VANISHED (\(EARLIER\) )?([\d:,]+)$/.exec(line);
    if (vanished !== null) this.#vanished(vanished[2] ?? '', vanished[1] !== undefined);
    const fetched = /^\* (\d+) FETCH \((.*)\)$/.exec(line);
    if (fetched !== null) this.#fetched(Number(fetched[1]), fetched[2] ?? '');
    const validity = /\[UIDVALIDITY (\d+)\]/.exec(line)?.[1];
    if (validity !== undefined) this.validity = validity;
    const highest = /^\* OK \[HIGHESTMODSEQ (\d+)\]/.exec(line)?.[1];
    return highest === undefined ? undefined : Number(highest);
  }

  #vanished(set: string, earlier: boolean): void {
    for (const range of set.split(',')) {
      const [first = 0, last = first] = range.split(':').map(Number);
      for (let uid = first; uid <= last; uid++) {
        this.flags.delete(uid);
        if (earlier) continue;
        const at = this.#uids.indexOf(uid);
        // It may be one whose UID was never told; then the numbers are asked for again.
        if (at === -1) this.#uids.splice(this.#uids.lastIndexOf(null), 1);
        else this.#uids.splice(at, 1);
      }
    }
  }

  #fetched(number: number, items: string): void {
    const uid = Number(/UID (\d+)/.exec(items)?.[1] ?? this.#uids[number - 1] ?? 0);
    if (uid === 0) throw new Error(`of an unknown message: ${items}`);
    if (this.#uids[number - 1] != null && this.#uids[number - 1] !== uid) throw new Error(`${number} is not ${uid}`);
    this.#uids[number - 1] = uid;
    const flags = /FLAGS \(([^)]*)\)/.exec(items)?.[1];
    if (flags !== undefined) this.flags.set(uid, normal(flags));
    this.#seen = Math.max(this.#seen, Number(/MODSEQ \((\d+)\)/.exec(items)?.[1] ?? 0));
  }
}

/** Without \Recent, which is of one session. */
function normal(flags: string): string {
  const kept = flags.split(' ').filter((flag) => flag !== '' && flag !== '\\Recent');
  return kept.sort().join(' ');
}

const FLAGS = ['\\Seen', '\\Flagged', '\\Answered', 'k', 'Work'];

async function disturb(random: Random, other: ImapWire): Promise<void> {
  const number = between(random, 1, 12);
  const kind = between(random, 0, 5);
  if (kind === 0) await other.ok('APPEND INBOX', message('more'));
  else if (kind === 1) await other.ok(`UID STORE ${number}:* +FLAGS.SILENT (${pick(random, FLAGS)})`);
  else if (kind === 2) await other.ok(`UID STORE 1:* -FLAGS.SILENT (${pick(random, FLAGS)})`);
  else if (kind === 3) await other.ok('UID MOVE * Archive');
  else {
    // BAD where there are not that many (RFC 9051 9).
    await other.command(`STORE ${number}:${number + 1} +FLAGS.SILENT (\\Deleted)`);
    await other.ok('EXPUNGE');
  }
}

/** One command of the client with the copy; its replies are taken as a client takes them. */
async function work(random: Random, client: ImapWire, copy: Copy): Promise<void> {
  const number = between(random, 1, 6);
  const command = pick(random, [
    'NOOP',
    `FETCH ${number}:* (UID MODSEQ)`,
    `STORE ${number} +FLAGS (${pick(random, FLAGS)})`,
    `UID STORE 1:9 (UNCHANGEDSINCE ${copy.modseq}) -FLAGS (${pick(random, FLAGS)})`,
    'SEARCH ALL',
    `UID FETCH 1:* (FLAGS) (CHANGEDSINCE ${copy.modseq} VANISHED)`,
    `FETCH ${number} BODY[TEXT]`,
  ]);
  const result = await client.command(command);
  copy.take(texts(result), result.text);
}

test('a copy that is kept by the rules is right after every return, also when the line breaks between commands', async () => {
  await using imap = await startImap();
  const random = seeded(20_261_125);
  const other = await imap.login();
  for (let count = 0; count < 12; count++) await other.ok('APPEND INBOX', message(`${count}`));
  await other.ok('SELECT INBOX');
  const copy = new Copy();
  for (let round = 0; round < 60; round++) {
    const client = await imap.login();
    await client.ok('ENABLE QRESYNC');
    const known = copy.modseq === 0 ? '' : ` (QRESYNC (${copy.validity} ${copy.modseq}))`;
    copy.leave();
    const selected = await client.ok(`SELECT INBOX${known}`);
    copy.take(texts(selected), selected.text);
    // Messages that are new to the copy: by their UIDs, as clients do (RFC 7162 6).
    const next = Math.max(0, ...copy.flags.keys()) + 1;
    const news = await client.ok(`UID FETCH ${next}:* (UID FLAGS)`);
    const modseq = copy.modseq;
    copy.take(texts(news), news.text);
    copy.modseq = modseq;
    const truth = texts(await other.ok('UID FETCH 1:* (UID FLAGS)')).flatMap((line) => {
      const [, uid, flags] = /UID (\d+) FLAGS \(([^)]*)\)/.exec(line) ?? [];
      return uid === undefined ? [] : [[Number(uid), normal(flags ?? '')] as const];
    });
    expect([round, ...[...copy.flags].sort(([a], [b]) => a - b)]).toEqual([round, ...truth]);
    for (let step = between(random, 0, 8); step > 0; step--) {
      if (random() < 0.6) await disturb(random, other);
      else await work(random, client, copy);
    }
    client.wire.destroy();
    for (let step = between(random, 0, 3); step > 0; step--) await disturb(random, other);
    while (texts(await other.ok('STATUS INBOX (MESSAGES)')).some((line) => /MESSAGES \d\)/.test(line))) {
      await other.ok('APPEND INBOX', message('refill'));
    }
  }
  expect(copy.flags.size).toBeGreaterThan(5);
});

test('imapflow with QRESYNC hears of what vanished and fetches what changed', async () => {
  await using imap = await startImap();
  const other = await imap.login();
  for (let count = 1; count <= 5; count++) await other.ok('APPEND INBOX', message(`${count}`));
  await other.ok('SELECT INBOX');
  const client = new ImapFlow({
    host: '127.0.0.1',
    port: imap.securePort,
    secure: true,
    qresync: true,
    auth: { user: 'anna@example.test', pass: PASSWORD },
    tls: { rejectUnauthorized: false },
    logger: false,
  });
  await client.connect();
  expect([...client.enabled]).toEqual(expect.arrayContaining(['CONDSTORE', 'QRESYNC']));
  await client.mailboxOpen('INBOX');
  const { mailbox } = client;
  if (mailbox === false) throw new Error('not open');
  const known = mailbox.highestModseq ?? 0n;
  expect(known).toBeGreaterThan(0n);
  const gone: (number | undefined)[] = [];
  client.on('expunge', ({ uid, vanished }) => gone.push(vanished ? uid : undefined));
  await other.ok('UID STORE 4 +FLAGS.SILENT (\\Flagged)');
  await other.ok('UID STORE 2:3 +FLAGS.SILENT (\\Deleted)');
  await other.ok('EXPUNGE');
  await client.noop();
  expect(gone).toEqual([2, 3]);
  const changed: [number, bigint | undefined][] = [];
  for await (const { uid, modseq } of client.fetch(
    '1:*',
    { uid: true, flags: true },
    { uid: true, changedSince: known },
  )) {
    changed.push([uid, modseq]);
  }
  expect(changed.map(([uid]) => uid)).toEqual([4]);
  expect(changed[0]?.[1]).toBeGreaterThan(known);
  expect(await client.messageFlagsAdd('5', ['k'], { uid: true, unchangedSince: 1n })).toBe(false);
  expect(await client.search({ keyword: 'k' }, { uid: true })).toEqual([]);
  await client.logout();
});
