// The preview: the first 200 characters of a text with its white space folded, however much of the text that takes.
import { expect, test } from 'vitest';
import { PREVIEW_CHARACTERS } from '#storage/message/limits.ts';
import { MessageScanner } from '#storage/message/scanner.ts';
import { between, pick, seeded } from '../../support/random.ts';

function preview(text: string): string {
  const scanner = new MessageScanner();
  scanner.write(Buffer.from(`Content-Type: text/plain; charset=utf-8\r\n\r\n${text}`));
  return scanner.end().preview;
}

/** By the rule, character by character. */
function expected(text: string): string {
  const folded = [...text.replace(/[\s\0]+/g, ' ').trimStart()];
  return folded.slice(0, PREVIEW_CHARACTERS).join('').trimEnd();
}

test('the preview is the beginning of the text, its white space folded', () => {
  expect(preview('Dear  Anna,\r\n\r\n\tthank you.\r\n')).toBe('Dear Anna, thank you.');
  expect(preview(' \r\n \r\n')).toBe('');
});

test('a character of two code units is never cut', () => {
  const text = `${'a'.repeat(PREVIEW_CHARACTERS - 1)}😀😀`;
  expect(preview(text)).toBe(`${'a'.repeat(PREVIEW_CHARACTERS - 1)}😀`);
});

test('blanks before and between words, however long, leave the same preview', () => {
  const random = seeded(17);
  for (let round = 0; round < 2_000; round++) {
    const accents = round % 3 === 0 ? ['é', '😀'] : [];
    let text = ' '.repeat(pick(random, [0, 0, 1, 399, 400, 401, 900]));
    const length = between(random, 0, 1_200);
    while (text.length < length) {
      const word = pick(random, ['a', 'word', 'x'.repeat(between(random, 1, 250)), ...accents]);
      text += word + pick(random, [' ', '  ', '\r\n', '\t', '', ' '.repeat(between(random, 1, 300))]);
    }
    expect(preview(text)).toBe(expected(text));
  }
});
