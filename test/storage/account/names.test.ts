// Mailbox names under random input: refused with the store's errors, or of one spelling.
import { expect, test } from 'vitest';
import { levelsOf, newLevels } from '#storage/account/names.ts';
import { StoreError } from '#storage/errors.ts';
import { between, pick, seeded } from '#test/support/random.ts';

test('200,000 random names are refused as invalid or too long, or have one spelling', () => {
  const random = seeded(7);
  const pieces = [
    'a',
    'inbox',
    'INBOX',
    '/',
    '//',
    'é',
    'e\u0301',
    '\u0000',
    '\n',
    '\ud800',
    '\u{1f600}',
    '#',
    '.',
    '%',
    '*',
    ' ',
    '\u2028',
    'x'.repeat(100),
    '&AOk-',
    '\u212b',
  ];
  let taken = 0;
  for (let round = 0; round < 200_000; round += 1) {
    let name = '';
    for (let length = between(random, 0, 7); length > 0; length -= 1) name += pick(random, pieces);
    try {
      const path = newLevels(name).join('/');
      if (newLevels(path).join('/') !== path || levelsOf(name).join('/') !== path) throw new Error(`two of ${name}`);
      taken += 1;
    } catch (error) {
      if (!(error instanceof StoreError) || !['invalid', 'limit'].includes(error.code)) throw error;
    }
  }
  expect(taken).toBeGreaterThan(20_000);
});
