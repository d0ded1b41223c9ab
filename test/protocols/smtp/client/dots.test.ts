// What follows DATA: whatever a message is made of, the server reads one message out of it.
import { expect, test } from 'vitest';
import { DotStuffer } from '#protocols/smtp/client/dots.ts';
import { DataReader } from '#protocols/smtp/data.ts';
import { between, pick, seeded } from '#test/support/random.ts';

function encode(chunks: readonly string[]): string {
  const dots = new DotStuffer();
  const pieces = chunks.flatMap((chunk) => [...dots.encode(Buffer.from(chunk, 'latin1'))]);
  return Buffer.concat(pieces).toString('latin1') + dots.end();
}

test.each([
  ['', '.\r\n'],
  ['a', 'a\r\n.\r\n'],
  ['a\r\n', 'a\r\n.\r\n'],
  ['.\r\n', '..\r\n.\r\n'],
  ['a\r\n.\r\nb\r\n', 'a\r\n..\r\nb\r\n.\r\n'],
  ['a\r\n..b', 'a\r\n...b\r\n.\r\n'],
  // CVE-2023-51764 and its siblings: none of these may be an end to anybody.
  ['a\n.\nb', 'a\r\n..\r\nb\r\n.\r\n'],
  ['a\n.\r\nb', 'a\r\n..\r\nb\r\n.\r\n'],
  ['a\r\n.\nb', 'a\r\n..\r\nb\r\n.\r\n'],
  ['a\r.\rb', 'a\r\n..\r\nb\r\n.\r\n'],
  ['a\r.\r\nb', 'a\r\n..\r\nb\r\n.\r\n'],
  ['a\r\n.\rb', 'a\r\n..\r\nb\r\n.\r\n'],
  ['a\r\n\0.\r\nb', 'a\r\n\0.\r\nb\r\n.\r\n'],
  ['a\r', 'a\r\n.\r\n'],
])('%j is sent as %j, however it is cut', (text, sent) => {
  expect(encode([text])).toBe(sent);
  expect(encode([...text])).toBe(sent);
});

test('every mixture of line ends and dots comes out as one message, the same at any cut', () => {
  const random = seeded(51_764);
  for (let n = 0; n < 5_000; n++) {
    const length = between(random, 0, 30);
    const text = Array.from({ length }, () => pick(random, ['\r', '\n', '\r\n', '.', '..', 'a', '\0'])).join('');
    const cut = between(random, 0, text.length);
    const sent = encode([text.slice(0, cut), text.slice(cut)]);
    expect(encode([text])).toBe(sent);
    const reader = new DataReader({ repair: false, lineOctets: 1_000 });
    const bytes = Buffer.from(sent, 'latin1');
    expect(reader.read(bytes, 0)).toBe(bytes.length);
    expect(reader.ended).toBe(true);
    const normal = text.replace(/\r\n|\r|\n/g, '\r\n');
    const whole = normal === '' || normal.endsWith('\r\n') ? normal : `${normal}\r\n`;
    expect(Buffer.from(reader.content).toString('latin1')).toBe(whole);
  }
});
