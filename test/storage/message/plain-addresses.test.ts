// Address lists that are read in one pass: as ENVELOPE has them, and never other than the reader of all lists would.
import { expect, test } from 'vitest';
import { parseAddresses, plainAddresses } from '#storage/message/address.ts';
import { between, pick, seeded } from '#test/support/random.ts';

/** What the reader of all lists makes of one; '' if a group, a route or a quoted pair is in it. */
function asRead(list: string): string {
  let text = '';
  for (const { group, name, route, mailbox, host } of parseAddresses(list)) {
    if (group !== undefined || route !== '' || /["\\]/.test(name + mailbox + host)) return '';
    text += `(${name === '' ? 'NIL' : `"${name}"`} NIL "${mailbox}" "${host}")`;
  }
  return `(${text})`;
}

test.each([
  ['anna@example.test', '((NIL NIL "anna" "example.test"))'],
  ['Anna  Kask <anna@example.test>', null],
  ['Anna Kask <anna@example.test>, <b@c>', '(("Anna Kask" NIL "anna" "example.test")(NIL NIL "b" "c"))'],
  ['"Kask, Anna (she)" <a+b=c@d>,e@f', '(("Kask, Anna (she)" NIL "a+b=c" "d")(NIL NIL "e" "f"))'],
  ['=?utf-8?Q?J=C3=BCri?= T <a@b>', '(("=?utf-8?Q?J=C3=BCri?= T" NIL "a" "b"))'],
  ['=?utf-8?Q?a <b@c>?= <d@e>', null],
  ['Anna <a@b> (old)', null],
  ['Anna <a@b>,', null],
  ['friends: a@b;', null],
  ['"a\\"b" <c@d>', null],
  ['J\xfcri <a@b>', null],
  ['', null],
])('%j', (list, told) => {
  expect(plainAddresses(list)).toBe(told);
});

test('20,000 random lists: it says nothing, or what the reader of all lists says', () => {
  const random = seeded(11);
  const addresses = ['a@b', '<c@d.e>', 'B C <c@d>', '"x, y" <a@b>', '=?utf-8?q?x?= <c@d>', 'a=?b <c=d@e>'];
  const pieces = [
    'a',
    'b.c',
    '@',
    '<',
    '>',
    ' ',
    ', ',
    ',',
    '"',
    '=?utf-8?q?',
    '?=',
    '=',
    '?',
    '(',
    ')',
    ';',
    '[',
    ':',
  ];
  let plain = 0;
  for (let count = 0; count < 20_000; count++) {
    let list = Array.from({ length: between(random, 1, 3) }, () => pick(random, addresses)).join(', ');
    for (let damage = between(random, 0, 2); damage > 0; damage--) {
      const at = between(random, 0, list.length);
      list = list.slice(0, at) + pick(random, pieces) + list.slice(at);
    }
    const trimmed = list.trim();
    const told = plainAddresses(trimmed);
    if (told === null) continue;
    plain++;
    expect(told, trimmed).toBe(asRead(trimmed));
  }
  expect(plain).toBeGreaterThan(5_000);
});
