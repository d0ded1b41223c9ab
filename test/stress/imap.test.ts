// A short random stress of the IMAP server with a fixed seed, and proof that the checker sees what it is there for.
// `node test/stress/long.ts` runs it for as long as is wanted against the real program.
import { expect, test } from 'vitest';
import { PASSWORD, startImap } from '#test/support/imap-server.ts';
import { type Asked, Model, Shared } from './model.ts';
import { stress } from './stress.ts';

test('twelve sessions that do anything at once in one mailbox are each told a consistent story', async () => {
  await using imap = await startImap({ trusted: () => true });
  const place = { user: 'anna@example.test', password: PASSWORD, mailbox: 'INBOX', other: 'Archive', size: 60 };
  const { commands } = await stress({
    ...place,
    port: imap.port,
    clients: 12,
    rounds: 4,
    commands: 40,
    seed: 20_261_122,
  });
  console.log(`imap stress: ${commands} commands`);
  expect(commands).toBeGreaterThan(12 * 4 * 40);
});

const asked = (changes: Partial<Asked> = {}): Asked => {
  return { name: 'NOOP', expunges: true, numbers: new Set(), since: 1, placed: 0, ...changes };
};

/** Replies, and the last one of them breaks a rule: what the checker says. */
const FAULTS: readonly [replies: readonly string[], last: Partial<Asked>, says: RegExp][] = [
  [['* 3 EXISTS', '* 2 EXISTS'], {}, /no EXPUNGE/],
  [['* 3 EXISTS', '* 4 EXPUNGE'], {}, /4 EXPUNGE of 3/],
  [['* 3 EXISTS', '* 1 EXPUNGE'], { name: 'STORE', expunges: false }, /EXPUNGE during STORE/],
  [['* 3 EXISTS', '* 4 RECENT'], {}, /4 RECENT of 3/],
  [['* 3 EXISTS', '* 4 FETCH (UID 9)'], {}, /FETCH of 4 of 3/],
  [['* 3 EXISTS', '* 2 FETCH (UID 9)', '* 2 FETCH (UID 8)'], {}, /had UID 9/],
  [['* 3 EXISTS', '* 2 FETCH (UID 9)', '* 3 FETCH (UID 9)'], {}, /between 9 and/],
  [['* 3 EXISTS', '* 1 FETCH (FLAGS (new))'], {}, /not told in FLAGS/],
  [['* 3 EXISTS', '* 1 FETCH (FLAGS (\\Seen \\Seen))'], {}, /twice/],
  [['* 3 EXISTS', '* 1 FETCH (FLAGS ())', '* 1 FETCH (FLAGS (\\Recent))'], {}, /\\Recent of 1 changed/],
  [['* 3 EXISTS', '* 1 FETCH (UID 5 FLAGS ())', '* 1 FETCH (UID 5 FLAGS ())'], {}, /told again/],
  [['* 3 EXISTS', '* 1 FETCH (MODSEQ (7))', '* 1 FETCH (MODSEQ (6))'], {}, /fell/],
  [['* OK [HIGHESTMODSEQ 9]', '* OK [HIGHESTMODSEQ 8]'], {}, /HIGHESTMODSEQ 8, was 9/],
  [['* OK [UIDVALIDITY 9]', '* OK [UIDVALIDITY 8]'], {}, /UIDVALIDITY 8, was 9/],
  [['* OK [UIDNEXT 7] x'], { placed: 7 }, /UIDNEXT 7/],
  [['* 1 EXISTS', '* VANISHED 5'], {}, /without QRESYNC/],
  [['* FLAGS (\\Seen)', '* OK [PERMANENTFLAGS (\\Seen more)] x'], {}, /PERMANENTFLAGS without FLAGS/],
  [['* 1 EXISTS', '* 1 FETCH (UID 5 RFC822.SIZE 9)', '* 1 FETCH (UID 5 RFC822.SIZE 8)'], {}, /RFC822.SIZE 9, now 8/],
];

test('a reply that breaks a rule is seen', () => {
  for (const [replies, last, says] of FAULTS) {
    const model = new Model('s', new Shared());
    model.keywords = new Set(['\\seen', '\\deleted']);
    for (const reply of replies.slice(0, -1)) model.take(reply, [], asked());
    expect(() => model.take(replies.at(-1) ?? '', [], asked(last)), replies.join()).toThrow(says);
  }
});

test('what one session was told binds the others: recent messages, and what a UID stands for', () => {
  const shared = new Shared();
  const [one, two] = [new Model('one', shared), new Model('two', shared)];
  for (const model of [one, two]) model.take('* 1 EXISTS', [], asked());
  one.take('* 1 FETCH (UID 5 FLAGS (\\Recent) BODY[] {1})', ['Message-ID: <a>\r\n'], asked());
  expect(() => two.take('* 1 FETCH (UID 5 FLAGS (\\Recent))', [], asked())).toThrow(/recent in one and two/);
  expect(() => two.take('* 1 FETCH (UID 5 BODY[] {1})', ['Message-ID: <b>\r\n'], asked())).toThrow(/Message-ID <a>/);
});
