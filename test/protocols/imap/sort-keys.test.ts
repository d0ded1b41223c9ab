// What SORT and THREAD compare: base subjects (RFC 5256 2.1), the collation (RFC 5051), and the order of much.
import { expect, test } from 'vitest';
import { baseSubject } from '#protocols/imap/sort/base-subject.ts';
import { displayOf, mailboxOf, subjectOf } from '#protocols/imap/sort/envelope-fields.ts';
import { orderBy, sortTexts } from '#protocols/imap/sort/order.ts';
import { Pace } from '#protocols/net/pace.ts';
import { casemap, collationKey } from '#storage/message/casemap.ts';
import { decodeWords } from '#storage/message/words.ts';
import { between, pick, seeded } from '#test/support/random.ts';

test.each([
  ['hello', 'hello', false],
  ['Re: hello', 'hello', true],
  ['RE[2]: hello', 'hello', true],
  ['re [x] : hello', 'hello', true],
  ['Fwd: hello', 'hello', true],
  ['fw: hello', 'hello', true],
  ['forward: hello', 'forward: hello', false],
  ['Re: Fwd: [list] Re: hello', 'hello', true],
  ['[list] hello', 'hello', false],
  ['[list] [other] Re: hello', 'hello', true],
  ['[list]', '[list]', false],
  ['[list] [other]', '[other]', false],
  ['Re: [list]', '[list]', true],
  ['hello (fwd)', 'hello', true],
  ['hello (fwd) (FWD)  ', 'hello', true],
  ['[fwd: hello]', 'hello', true],
  ['[Fwd: Re: hello (fwd)]', 'hello', true],
  ['[fwd: [fwd: hello] ]', 'hello', true],
  ['[fwd: hello', '[fwd: hello', false],
  ['  many \t spaces\r\n  here ', 'many spaces here', false],
  ['Re:', '', true],
  ['', '', false],
  ['reply: x', 'reply: x', false],
  ['[a][b]re:[c]fwd:x', 'x', true],
  ['[a[b]] x', '[a[b]] x', false],
  ['re: ] x', '] x', true],
])('the base of %j is %j', (subject, base, reply) => {
  expect(baseSubject(subject)).toEqual({ base, reply });
});

/** RFC 5256 2.1 as it is written, one step after the other. */
function literal(subject: string): { base: string; reply: boolean } {
  let text = subject.replace(/[ \t\r\n]+/g, ' ');
  let reply = false;
  for (;;) {
    for (let match = /(\(fwd\)|[ ])$/i.exec(text); match !== null; match = /(\(fwd\)|[ ])$/i.exec(text)) {
      if (match[0] !== ' ') reply = true;
      text = text.slice(0, match.index);
    }
    for (let again = true; again; ) {
      again = false;
      const leader = /^(?:(?:\[[^[\]]*\][ ]*)*(?:re|fwd?)[ ]*(?:\[[^[\]]*\][ ]*)?:|[ ])/i.exec(text)?.[0];
      if (leader !== undefined) {
        if (leader !== ' ') reply = true;
        text = text.slice(leader.length);
        again = true;
        continue;
      }
      const blob = /^\[[^[\]]*\][ ]*/.exec(text)?.[0];
      if (blob !== undefined && blob.length < text.length) {
        text = text.slice(blob.length);
        again = true;
      }
    }
    if (!/^\[fwd:/i.test(text) || !text.endsWith(']')) return { base: text, reply };
    text = text.slice(5, -1);
    reply = true;
  }
}

test('random subjects have the base that the RFC’s steps give, and long ones take no time', () => {
  const random = seeded(20_261_126);
  const pieces = [
    're',
    'Re:',
    'fw',
    'FWD:',
    '[',
    ']',
    ':',
    ' ',
    '(fwd)',
    '[fwd:',
    'x',
    'list',
    '\t',
    '[a]',
    '(',
    're[1]:',
  ];
  for (let round = 0; round < 30_000; round++) {
    const subject = Array.from({ length: between(random, 0, 9) }, () => pick(random, pieces)).join('');
    expect([subject, baseSubject(subject)]).toEqual([subject, literal(subject)]);
  }
  // In time that grows with the square of the length, one of these would take longer than a test may.
  for (const piece of ['[]', '[', 're:', '(fwd)', '[fwd:', ' [x] ', ']', 're[']) {
    baseSubject(piece.repeat(500_000));
    baseSubject(`${piece.repeat(500_000)}${']'.repeat(500_000)}`);
  }
});

test('the collation is i;unicode-casemap', () => {
  for (const [one, other] of [
    ['straße', 'STRAßE'],
    ['Größe', 'GRO\u0308ßE'],
    ['σίσυφος', 'ΣΊΣΥΦΟΣ'],
    ['ǆ', 'ǅ'],
    ['ı', 'I'],
    ['ᾳ', 'ᾼ'],
    ['\uff21', 'a'],
    ['დ', 'დ'],
  ]) {
    expect([one, casemap(one ?? '')]).toEqual([one, casemap(other ?? '')]);
  }
  expect(casemap('ß')).toBe('ß');
  expect(casemap('ŉ')).toBe('\u02bcn');
  expect(casemap('დ')).toBe('დ');
  expect(casemap('ᾀ')).toBe('\u0391\u0313\u0345');
  // By the octets of UTF-8: beyond the first plane comes last, and '_' after letters.
  const keys = ['_', 'z', 'a', '\u{10437}', '\uffee', 'é'].map(collationKey);
  expect(keys.toSorted((a, b) => (a < b ? -1 : 1))).toEqual([keys[2], keys[5], keys[1], keys[0], keys[4], keys[3]]);
});

test('fields are found in an ENVELOPE, whatever stands in the others', () => {
  const envelope =
    '("Mon, (1) \\"Jan\\"" "=?utf-8?q?Gr=C3=BC=C3=9Fe?= \\\\ \\"x\\"" (("A \\"B\\" (c)" NIL "ann" "example.test")(NIL NIL "b" "c")) ((NIL NIL "s" "t")) NIL ((NIL NIL "team" NIL)(NIL NIL "m" "n")(NIL NIL NIL NIL)) (("=?utf-8?q?=C3=A9?=" NIL "cc" "")) NIL NIL "<id@x>")';
  expect(decodeWords(subjectOf(envelope))).toBe('Grüße \\ "x"');
  expect([mailboxOf(envelope, 2), displayOf(envelope, 2)]).toEqual(['ann', 'A "B" (c)']);
  expect([mailboxOf(envelope, 3), displayOf(envelope, 3)]).toEqual(['s', 's@t']);
  expect([mailboxOf(envelope, 4), displayOf(envelope, 4)]).toEqual(['', '']);
  expect([mailboxOf(envelope, 5), displayOf(envelope, 5)]).toEqual(['team', 'team']);
  expect([mailboxOf(envelope, 6), displayOf(envelope, 6)]).toEqual(['cc', 'é']);
  expect(subjectOf('(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)')).toBe('');
});

test('numbers and texts of any kind are ordered as one by one they would be', async () => {
  const random = seeded(20_261_127);
  for (let round = 0; round < 300; round++) {
    const count = between(random, 0, 40);
    const large = pick(random, [3, 5, 10, 100, 2 ** 33, 2 ** 50]);
    const criteria = Array.from({ length: between(random, 1, 4) }, () => ({
      values: Float64Array.from({ length: count }, () => between(random, 0, 5) * Math.floor(large / 5) - 7),
      reverse: random() < 0.5,
    }));
    const expected = Array.from({ length: count }, (_, at) => at).sort((a, b) => {
      for (const { values, reverse } of criteria) {
        const difference = (values[a] ?? 0) - (values[b] ?? 0);
        if (difference !== 0) return reverse ? -difference : difference;
      }
      return a - b;
    });
    expect([...orderBy(criteria, count)]).toEqual(expected);
  }
  const pace = new Pace({ congested: false, drain: async () => {} });
  const texts = Array.from({ length: 20_000 }, () => String(between(random, 0, 1_000_000)));
  expect(await sortTexts(texts, pace)).toEqual(texts.toSorted());
});
