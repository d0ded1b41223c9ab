// 600,000 damaged arguments through the parsers of IMAP, and thousands of damaged commands through live sessions: a
// parser takes or refuses and nothing else; a session answers every command once, stays in step, and has no bug to tell.
import { expect, test } from 'vitest';
import { dateTime, writeDateTime } from '#protocols/imap/grammar/date-time.ts';
import { BadCommand, Refusal } from '#protocols/imap/grammar/errors.ts';
import { fetchItems } from '#protocols/imap/grammar/fetch-att.ts';
import { flagList } from '#protocols/imap/grammar/flags.ts';
import { ListPattern } from '#protocols/imap/grammar/list-pattern.ts';
import { listRequest } from '#protocols/imap/grammar/list-request.ts';
import { searchSources } from '#protocols/imap/grammar/mailbox-filter.ts';
import { mailboxPath, mailboxReply } from '#protocols/imap/grammar/mailbox-name.ts';
import { fetchModifiers, selectParameters } from '#protocols/imap/grammar/mod-sequence.ts';
import { notifyArguments } from '#protocols/imap/grammar/notify.ts';
import { Scanner, type Segment } from '#protocols/imap/grammar/scanner.ts';
import { search } from '#protocols/imap/grammar/search-key.ts';
import { searchReturn, within } from '#protocols/imap/grammar/search-return.ts';
import { inRanges, resolveSet, type SequenceSet, sequenceSet } from '#protocols/imap/grammar/sequence-set.ts';
import { sortCriteria } from '#protocols/imap/grammar/sort-criteria.ts';
import { batchRequest } from '#protocols/imap/grammar/uid-batches.ts';
import { decodeMailbox, encodeMailbox } from '#protocols/imap/grammar/utf7.ts';
import { Rows } from '#protocols/imap/index/rows.ts';
import { charsetDecoder } from '#protocols/imap/search/text.ts';
import { lastMatch } from '#protocols/imap/sync/resync.ts';
import { View } from '#protocols/imap/view/view.ts';
import { listArguments } from '#test/support/imap-extension-inputs.ts';
import * as inputs from '#test/support/imap-inputs.ts';
import { type ImapServer, message, PASSWORD, startImap } from '#test/support/imap-server.ts';
import { between, pick, type Random, seeded } from '#test/support/random.ts';
import { type ImapWire, WireClosed } from '#test/support/wire.ts';
import { written } from '#test/support/written.ts';

const ARGUMENTS = 600_000;
const COMMANDS = 4_000;

/** What is fuzzed, so that a faulty one can be put in its place. */
interface Parsers {
  readonly sequenceSet: (scanner: Scanner) => SequenceSet;
  readonly resolveSet: typeof resolveSet;
  readonly fetchItems: typeof fetchItems;
}
const REAL: Parsers = { sequenceSet, resolveSet, fetchItems };

/** Text with literals, as the reader would hand it on. */
function segments(text: string): Segment[] {
  const found: Segment[] = [];
  let rest = text;
  for (let match = /\{(\d+)\+?\}\r\n/.exec(rest); match !== null; match = /\{(\d+)\+?\}\r\n/.exec(rest)) {
    const start = match.index + match[0].length;
    const end = start + Math.min(Number(match[1]), rest.length - start);
    found.push({ text: rest.slice(0, start - 2), literal: Buffer.from(rest.slice(start, end), 'latin1') });
    rest = rest.slice(end);
  }
  found.push({ text: rest, literal: null });
  return found;
}

/** What a set means, one number at a time. */
function naive(text: string, largest: number, value: number): boolean {
  return text.split(',').some((item) => {
    const ends = item.split(':').map((end) => (end === '*' ? largest : Number(end)));
    if (largest === 0 && item.includes('*')) return false;
    return value >= Math.min(...ends) && value <= Math.max(...ends);
  });
}

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

/** RFC 7162 3.2.5.2, one pair at a time, of those that a small mailbox can have. */
function naiveMatch(view: View, { numbers, uids }: { numbers: SequenceSet; uids: SequenceSet }): number {
  const listed = (set: SequenceSet) => {
    const found: number[] = [];
    for (const [first, last] of resolveSet(set, 0)) {
      for (let value = first; value <= last && found.length < 1_000; value++) found.push(value);
    }
    return found;
  };
  const known = listed(uids);
  const pairs = listed(numbers).map((number, at) => [number, known[at] ?? 0] as const);
  const matching = pairs.filter(
    ([number, uid]) => view.has(view.slotOf(number)) && view.slotOfUid(uid) === view.slotOf(number),
  );
  return Math.max(0, ...matching.map(([, uid]) => uid));
}

const TARGETS: ((random: Random, parsers: Parsers) => void)[] = [
  (random, parsers) => {
    const text = inputs.damaged(random, inputs.set(random));
    const scanner = new Scanner([{ text, literal: null }]);
    const set = parsers.sequenceSet(scanner);
    scanner.end();
    if (set.saved) return check(text.trim() === '$' && set.pairs.length === 0, 'what was saved');
    const largest = between(random, 0, 40);
    const ranges = parsers.resolveSet(set, largest);
    let last = 0;
    for (const [first, end] of ranges) {
      check(first > last && end >= first, `ranges of ${text}`);
      last = end;
    }
    for (let value = 1; value <= 50; value++) {
      check(inRanges(ranges, value) === naive(text.trim(), largest, value), `${value} in ${text} of ${largest}`);
    }
  },
  (random, parsers) => {
    const scanner = new Scanner(segments(inputs.damaged(random, inputs.fetchItems(random))));
    const items = parsers.fetchItems(scanner);
    scanner.end();
    check(items.length > 0, 'no items');
    for (const item of items) if (item.kind === 'section') check(/^[\x20-\x7e]+$/.test(item.label), 'label');
  },
  (random) => {
    const scanner = new Scanner([{ text: inputs.damaged(random, inputs.fetchModifiers(random)), literal: null }]);
    const { changedSince } = fetchModifiers(scanner);
    scanner.end();
    check(changedSince === null || Number.isSafeInteger(changedSince), 'a mod-sequence');
  },
  (random) => {
    const scanner = new Scanner([{ text: inputs.damaged(random, inputs.selectParameters(random)), literal: null }]);
    const { qresync } = selectParameters(scanner);
    scanner.end();
    if (qresync?.match == null) return;
    const rows = new Rows(0);
    for (let uid = 3; uid < 60; uid += between(random, 1, 3))
      rows.append({ uid, message: uid, size: 1, flags: 0, modseq: 1 }, 0);
    const view = new View(rows, rows.count, new Uint32Array(0));
    check(lastMatch(view, qresync.match) === naiveMatch(view, qresync.match), 'the last match');
  },
  (random) => {
    const scanner = new Scanner([{ text: `${inputs.damaged(random, inputs.searchReturn(random))}x`, literal: null }]);
    const wanted = searchReturn(scanner);
    if (wanted?.partial == null) return;
    const results = Array.from({ length: between(random, 0, 30) }, (_, index) => index + 1);
    const { from, to, backwards } = wanted.partial;
    const place = (result: number) => (backwards ? results.length - result + 1 : result);
    const naive = results.filter((result) => place(result) >= from && place(result) <= to);
    check(within(results, wanted.partial).join() === naive.join(), 'a range of results');
  },
  (random) => {
    const scanner = new Scanner([{ text: inputs.damaged(random, inputs.sortCriteria(random)), literal: null }]);
    const criteria = sortCriteria(scanner);
    scanner.end();
    check(criteria.length > 0 && criteria.length < 10, 'criteria');
  },
  (random) => {
    const asked = inputs.damaged(random, pick(random, ['500', '2000 1:2', '999 7:3', '4294967295 1:4294967295']));
    const scanner = new Scanner([{ text: asked, literal: null }]);
    const { size, first, last } = batchRequest(scanner);
    scanner.end();
    check(Math.min(size, first, last) > 0 && Math.max(size, first, last) <= 0xffff_ffff, 'batches');
  },
  (random) => {
    const sources = searchSources(new Scanner(segments(`${inputs.damaged(random, inputs.searchSources(random))}x`)));
    check(sources === null || sources.length > 0, 'sources');
  },
  (random) => {
    const scanner = new Scanner(segments(inputs.damaged(random, inputs.notifyArguments(random))));
    const { groups } = notifyArguments(scanner);
    scanner.end();
    check(
      groups.every(({ events }) => !events.has('FlagChange') || events.has('MessageExpunge')),
      'events go together',
    );
  },
  (random) => {
    search(new Scanner(segments(inputs.damaged(random, inputs.searchKeys(random)))), charsetDecoder);
  },
  (random) => {
    const scanner = new Scanner(segments(inputs.damaged(random, inputs.flagList(random))));
    const { flags } = flagList(scanner);
    scanner.end();
    check(flags >= 0 && flags < 32, 'flags');
  },
  (random) => {
    const scanner = new Scanner([{ text: inputs.damaged(random, inputs.dateTime(random)), literal: null }]);
    const { seconds, offsetMinutes } = dateTime(scanner);
    scanner.end();
    const again = dateTime(
      new Scanner([{ text: written((out) => writeDateTime(out, seconds, offsetMinutes)), literal: null }]),
    );
    check(again.seconds === seconds && again.offsetMinutes === offsetMinutes, 'a date-time is written as it was read');
  },
  (random) => {
    const wire = inputs.damaged(random, inputs.astring(random));
    const path = mailboxPath(wire);
    const decoded = decodeMailbox(wire);
    check(decoded !== null && encodeMailbox(decoded) === wire, `one name has one spelling: ${wire}`);
    check(/^"[\x20-\x7e]*"$/.test(mailboxReply(path, false)), 'reply');
    check(mailboxPath(mailboxReply(path, true).slice(1, -1).replace(/\\(.)/g, '$1'), true) === path, 'UTF-8');
  },
  (random) => {
    const pattern = ListPattern.of('', inputs.damaged(random, pick(random, ['a%', '*a*', 'a/%/*', 'inbox', '&APw-*'])));
    pattern?.matches('a/b/c');
    pattern?.matches('INBOX');
  },
  (random) => {
    const { patterns } = listRequest(new Scanner(segments(inputs.damaged(random, listArguments(random)))));
    check(patterns.length > 0, 'patterns');
  },
];

/** Runs the parsers over damaged arguments; throws what no parser may throw. */
function fuzzParsers(seed: number, rounds: number, parsers: Parsers): { taken: number; refused: number } {
  const random = seeded(seed);
  const counts = { taken: 0, refused: 0 };
  for (let round = 0; round < rounds; round++) {
    const target = TARGETS[round % TARGETS.length];
    try {
      target?.(random, parsers);
      counts.taken++;
    } catch (error) {
      if (!(error instanceof BadCommand) && !(error instanceof Refusal)) throw error;
      counts.refused++;
    }
  }
  return counts;
}

test('every damaged argument is taken or refused, and what is taken means what it says', () => {
  const { taken, refused } = fuzzParsers(20_261_122, ARGUMENTS, REAL);
  console.log(`imap parsers: ${ARGUMENTS} inputs, ${taken} taken, ${refused} refused`);
  expect(taken).toBeGreaterThan(ARGUMENTS / 5);
  expect(refused).toBeGreaterThan(ARGUMENTS / 5);
});

test('a planted fault is found', () => {
  const swapped: Parsers = {
    ...REAL,
    resolveSet: (set, largest) =>
      resolveSet({ ...set, pairs: set.pairs.map(([a, b]) => (a > b ? [b, b] : [a, b])) }, largest),
  };
  expect(() => fuzzParsers(1, ARGUMENTS / 30, swapped)).toThrow(/ in /);
  const careless: Parsers = {
    ...REAL,
    fetchItems: (scanner) => {
      if (scanner.peek() === '<') throw new TypeError('planted');
      const items = fetchItems(scanner);
      if (items.some((item) => item.kind === 'section' && item.part.length > 3)) throw new TypeError('planted');
      return items;
    },
  };
  expect(() => fuzzParsers(1, ARGUMENTS / 30, careless)).toThrow('planted');
});

// ---------------------------------------------------------------------------------------------------- live sessions

/** Why a session may say BYE to what it is sent here. */
const GOODBYES =
  /^\* BYE (Command line too long|Literal too large|Logging out|The selected mailbox was deleted|Line too long)/;

interface Live {
  client: ImapWire;
  commands: number;
  refused: number;
  reconnected: number;
}

async function entered(imap: ImapServer): Promise<ImapWire> {
  const client = await imap.connect();
  await client.login('anna@example.test', PASSWORD);
  await client.ok('SELECT INBOX');
  return client;
}

/** A mailbox selected with some messages in it, whatever was done before. */
async function restore(client: ImapWire): Promise<void> {
  await client.ok('SELECT INBOX');
  // By UID: in an empty mailbox there is no message of the number *.
  await client.ok('UID STORE 1:* +FLAGS.SILENT (\\Deleted)');
  await client.ok('EXPUNGE');
  for (let count = 0; count < 3; count++) await client.ok('APPEND INBOX (k)', message(`${count}`));
}

/** Sends a damaged command and a sentinel, and reads up to the sentinel's answer. */
async function attempt(live: Live, text: string, number: number): Promise<void> {
  const sentinel = `s${number}`;
  const whole = `f${number} ${text}`;
  live.client.wire.send(Buffer.from(`${whole}${inputs.completion(whole)}${sentinel} NOOP\r\n`, 'latin1'));
  let answers = 0;
  const silent = setTimeout(() => {
    console.error(`no answer: ${JSON.stringify(whole)}`);
    live.client.wire.destroy();
  }, 60_000);
  using _timer = { [Symbol.dispose]: () => clearTimeout(silent) };
  for (;;) {
    const { text: line } = await live.client.response();
    check(!line.includes('SERVERBUG'), `${JSON.stringify(whole)}: ${line}`);
    check(/^(\*|\+|[^ ]+ (OK|NO|BAD)) ?/.test(line), `not a response: ${line}`);
    if (line.startsWith('* BYE')) {
      check(GOODBYES.test(line), `${JSON.stringify(whole)}: ${line}`);
      throw new WireClosed(line);
    }
    if (line.startsWith(`${sentinel} `)) {
      check(line.startsWith(`${sentinel} OK`), `${JSON.stringify(whole)}: ${line}`);
      return;
    }
    if (/^f\d+ /.test(line)) answers++;
    if (/^f\d+ (BAD|NO)/.test(line)) live.refused++;
    check(answers <= 1, `${JSON.stringify(whole)} was answered twice`);
  }
}

test('every damaged command is answered once, and the next one is understood', async () => {
  await using imap = await startImap({ messageSize: 100_000, trusted: () => true });
  const random = seeded(20_261_123);
  const live: Live = { client: await entered(imap), commands: 0, refused: 0, reconnected: 0 };
  for (; live.commands < COMMANDS; live.commands++) {
    if (live.commands % 20 === 0) await restore(live.client);
    const text = random() < 0.4 ? inputs.command(random) : inputs.damaged(random, inputs.command(random));
    // A sync literal is asked for or refused, by what stands before it: its continuation is not known beforehand.
    if (/\{\d+\}\r?$/m.test(text) || /(?:^|\n|\s)LOGOUT/i.test(text)) continue;
    try {
      await attempt(live, text, live.commands);
    } catch (error) {
      if (!(error instanceof WireClosed)) throw error;
      live.client.wire.destroy();
      live.client = await entered(imap);
      live.reconnected++;
    }
  }
  console.log(`imap sessions: ${live.commands} commands, ${live.refused} refused, ${live.reconnected} reconnected`);
  expect(live.refused).toBeGreaterThan(COMMANDS / 10);
  expect(live.refused).toBeLessThan(COMMANDS * 0.9);
  expect(live.reconnected).toBeLessThan(COMMANDS / 10);
  await live.client.ok('NOOP');
});

test('random bytes, cut anywhere, end in BAD or BYE and disturb nobody', async () => {
  await using imap = await startImap();
  const random = seeded(20_261_124);
  const steady = await entered(imap);
  let lines = 0;
  for (let round = 0; round < 300; round++) {
    const client = await imap.connect();
    for (let piece = between(random, 1, 5); piece > 0; piece--) {
      const bytes = Buffer.from(Array.from({ length: between(random, 1, 300) }, () => between(random, 0, 255)));
      client.wire.send(random() < 0.5 ? bytes : Buffer.concat([bytes, Buffer.from('\r\n')]));
    }
    client.wire.send('\r\nx LOGOUT\r\n');
    client.wire.socket.end();
    try {
      for (;;) {
        const { text } = await client.response();
        check(/^(\*|\+|[^ ]+ (BAD|NO|OK)) ?/.test(text) && !text.includes('SERVERBUG'), text);
        lines++;
      }
    } catch (error) {
      if (!(error instanceof WireClosed)) throw error;
    }
  }
  expect(lines).toBeGreaterThan(300);
  await steady.ok('NOOP');
});
