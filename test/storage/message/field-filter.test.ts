// Choosing fields by name: exact bytes, whatever a header block looks like.
import { expect, test } from 'vitest';
import { FieldFilter } from '#storage/message/field-filter.ts';
import { fields } from '#storage/message/headers.ts';
import { between, pick, seeded } from '#test/support/random.ts';

const select = (header: string, names: readonly string[], not = false): string =>
  Buffer.from(new FieldFilter(new Set(names), not).select(Buffer.from(header, 'latin1'))).toString('latin1');

test('HEADER.FIELDS gives exact bytes in their order, with the empty line, and NOT gives the rest', () => {
  const header = 'To: a\r\n b\r\nX: 1\r\nto: c\r\nnonsense\r\nDate: x\r\n\r\n';
  expect(select(header, ['to', 'date'])).toBe('To: a\r\n b\r\nto: c\r\nDate: x\r\n\r\n');
  expect(select(header, ['to', 'date'], true)).toBe('X: 1\r\nnonsense\r\n\r\n');
  expect(select('To: a\r\n', ['to'])).toBe('To: a\r\n');
  expect(select('To: a\r\n\r\n', ['cc'])).toBe('\r\n');
});

test('names are compared whole and without case, with blanks before the colon, and only where they are names', () => {
  expect(select('SUBJECT : a\nsubjec: b\nSubject-X: c\n', ['subject'])).toBe('SUBJECT : a\n');
  expect(select(' subject: a\nsubject\n : b\nsub ject: c\n', ['subject'])).toBe('');
  // "@" and "`" differ as letters of two cases do.
  expect(select('a@: 1\na`: 2\n', ['a`'])).toBe('a`: 2\n');
});

test('a filter is used again and again, and keeps nothing of the block that it was given', () => {
  const filter = new FieldFilter(new Set(['to']));
  const block = Buffer.from('To: one\r\n\r\n');
  const first = filter.select(block);
  block.fill(0x78);
  expect(Buffer.from(first).toString()).toBe('To: one\r\n\r\n');
  expect(Buffer.from(filter.select(Buffer.from('To: two\r\n'))).toString()).toBe('To: two\r\n');
});

test('it agrees with the reader of fields about 20,000 random blocks', () => {
  const random = seeded(20_261);
  const pieces = ['to', 'To', 'Cc', 'X-A', ':', ':', ' ', '\t', '\r\n', '\r\n', '\n', '\r', 'v', '\xe9', '\0'];
  for (let round = 0; round < 20_000; round++) {
    const block = Array.from({ length: between(random, 0, 24) }, () => pick(random, pieces)).join('');
    const names = new Set(['to', 'x-a']);
    const not = round % 2 === 1;
    const found = fields(block);
    const end = found.at(-1)?.end ?? 0;
    const kept = found
      .filter(({ name }) => names.has(name) !== not)
      .map((field) => block.slice(field.start, field.end));
    const expected = kept.join('') + block.slice(end, block.indexOf('\n', end) + 1);
    expect(select(block, [...names], not), JSON.stringify(block)).toBe(expected);
  }
});
