// Hostile texts for the footer, from fixed seeds: wherever it is put, what was there is all there, in order; an encoder
// gives back what it got, whatever the pieces; and an answer comes in time that grows with the text only.
import { describe, expect, test } from 'vitest';
import { withFooter } from '#src/outbound/footer/insert.ts';
import { placeInHtml, placeInText } from '#src/outbound/footer/place.ts';
import { transferDecoding } from '#storage/message/transfer.ts';
import { Base64Encoder, QuotedPrintableEncoder } from '#storage/message/transfer-encode.ts';
import { between, pick, type Random, seeded } from '#test/support/random.ts';

const TEXT = [
  '> ',
  '\r\n',
  '\n',
  '\r',
  'On 3 May',
  'wrote:',
  '----',
  'Original',
  '_'.repeat(25),
  'From: x',
  ' ',
  '',
  '-- ',
  '\xe9',
];
const HTML = [
  '<',
  '>',
  '</',
  '<!--',
  '-->',
  '<style>',
  '</style',
  '<blockquote type="cite">',
  '</blockquote>',
  '</body>',
  'text',
  '<div class="gmail_quote',
  '"',
  "'",
  '<title',
  '&nbsp;',
  '\xe9',
  '<body>',
];
const some = (random: Random, atoms: readonly string[]) =>
  Array.from({ length: between(random, 0, 40) }, () => pick(random, atoms)).join('');

describe('footer', () => {
  test('nothing of the text is lost or moved', () => {
    const random = seeded(24);
    for (let n = 0; n < 20_000; n++) {
      const subtype = n % 2 === 0 ? 'html' : 'plain';
      const text = some(random, subtype === 'html' ? HTML : TEXT);
      const bytes = Buffer.from(text, 'latin1');
      const after = withFooter({ subtype, charset: 'iso-8859-1', encoding: '8bit', bytes }, { text: 'FOOT', html: '' });
      if (after === null || after === 'opaque') throw new Error(`no footer in ${JSON.stringify(text)}`);
      const whole = Buffer.from(after.bytes).toString('latin1');
      const place = subtype === 'html' ? placeInHtml(text) : placeInText(text);
      const before = text.slice(0, place);
      expect(whole.startsWith(subtype === 'html' ? before : before.trimEnd())).toBe(true);
      expect(whole.endsWith(text.slice(place))).toBe(true);
      expect(whole.split('FOOT').length).toBe(2);
    }
  });

  test('what is encoded in any pieces decodes to itself, in lines of 76 characters', () => {
    const random = seeded(25);
    for (let n = 0; n < 5_000; n++) {
      const text =
        n % 3 === 0
          ? Array.from({ length: between(random, 0, 300) }, () => String.fromCharCode(between(random, 0, 255))).join('')
          : some(random, [...TEXT, '=', '\t', '=3D', 'x'.repeat(70)]);
      const bytes = Buffer.from(text, 'latin1');
      for (const [name, encoder] of [
        ['base64', new Base64Encoder()],
        ['quoted-printable', new QuotedPrintableEncoder()],
      ] as const) {
        const pieces: Uint8Array[] = [];
        for (let at = 0; at < bytes.length; ) {
          const end = Math.min(bytes.length, at + between(random, 1, 90));
          pieces.push(encoder.encode(bytes.subarray(at, end)));
          at = end;
        }
        const encoded = Buffer.concat([...pieces, encoder.end()]);
        const decoding = transferDecoding(name);
        expect(Buffer.concat([decoding.decode(encoded), decoding.end()]).equals(bytes)).toBe(true);
        for (const line of encoded.toString('latin1').split('\r\n')) expect(line).toMatch(/^[\t -~]{0,76}$/);
      }
    }
  });

  test('the largest text of the worst kind is looked at once', () => {
    for (const piece of [
      '<',
      '<!--',
      '<style>',
      '<div ',
      '> ',
      '----',
      '-- \n',
      'a:\n',
      '<blockquote type="cite">',
      '_\n',
    ]) {
      const text = piece.repeat(Math.floor(1_000_000 / piece.length));
      expect(placeInHtml(text)).toBeLessThanOrEqual(text.length);
      expect(placeInText(text)).toBeLessThanOrEqual(text.length);
    }
  });
});
