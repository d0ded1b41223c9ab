// Addresses and domains have one spelling, whatever is thrown at them.
import { expect, test } from 'vitest';
import {
  canonicalDomain,
  canonicalLocal,
  formatAddress,
  parseAddress,
  splitSuffix,
} from '#storage/directory/addresses.ts';
import { between, pick, seeded } from '#test/support/random.ts';

test('domains are lower-case A-labels', () => {
  const spellings: Record<string, string> = {
    'Example.TEST': 'example.test',
    'example.test.': 'example.test',
    'BÜCHER.example': 'xn--bcher-kva.example',
    'xn--bcher-kva.example': 'xn--bcher-kva.example',
    'a_b.test': 'a_b.test',
    localhost: 'localhost',
  };
  for (const [name, one] of Object.entries(spellings)) expect([name, canonicalDomain(name)]).toEqual([name, one]);
});

test('IP addresses in all their forms are no domains', () => {
  for (const name of ['127.0.0.1', '0x7f.1', '2130706433', '[::1]', '::1', '１２７.0.0.1']) {
    expect([name, canonicalDomain(name)]).toEqual([name, '']);
  }
});

test('local parts are lower case, composed, and without needless quotes', () => {
  expect(canonicalLocal('"Anna"')).toBe('anna');
  expect(canonicalLocal('"a\\nna"')).toBe('anna');
  expect(canonicalLocal('DO\u0308RTE')).toBe('dörte');
  for (const bad of ['', '.', 'a.', '.a', 'a..b', 'a b', '"a b"', 'a@b', 'a\u00a0b', 'a\u200bb', 'a\nb', 'a(b)', '"']) {
    expect([bad, canonicalLocal(bad)]).toEqual([bad, '']);
  }
});

test('a suffix begins at the first plus that is not the first character', () => {
  expect(splitSuffix('a+b+c')).toEqual({ base: 'a', suffix: 'b+c' });
  expect(splitSuffix('+a')).toEqual({ base: '+a', suffix: '' });
  expect(splitSuffix('a')).toEqual({ base: 'a', suffix: '' });
});

test('200,000 random texts neither throw nor have two spellings', () => {
  const random = seeded(20_261_122);
  const pieces = [
    'a',
    'B',
    'é',
    'e\u0301',
    '@',
    '.',
    '..',
    '"',
    '\\',
    ' ',
    '+',
    '-',
    '_',
    '\u0000',
    '\ud800',
    '\u{1f600}',
    'ß',
    'xn--',
    '１',
    '[',
    ']',
    ':',
    '/',
    '%',
    'x'.repeat(70),
    '\u3002',
    '\u200d',
    'I\u0307',
    '0x7f',
    '127',
  ];
  for (let round = 0; round < 200_000; round += 1) {
    let text = '';
    for (let length = between(random, 0, 8); length > 0; length -= 1) text += pick(random, pieces);
    const address = parseAddress(text, { catchAll: true });
    const domain = canonicalDomain(text);
    if (canonicalDomain(domain) !== domain) throw new Error(`${JSON.stringify(text)} has two spellings`);
    if (address === undefined) continue;
    const again = parseAddress(formatAddress(address), { catchAll: true });
    if (again?.local !== address.local || again.domain !== address.domain) {
      throw new Error(`${JSON.stringify(text)} has two spellings`);
    }
  }
});
