// Where a message ends, and what of it is kept.
import { describe, expect, test } from 'vitest';
import { DataReader } from '#protocols/smtp/data.ts';

/** Reads a stream in pieces of `size` bytes; what it makes of it. */
function read(input: string | Uint8Array, { repair = false, lineOctets = 1_000, size = 65_536 } = {}) {
  const bytes = Buffer.from(input as string, 'latin1');
  const reader = new DataReader({ repair, lineOctets });
  let content = '';
  for (let start = 0; start < bytes.length; start += size) {
    const chunk = bytes.subarray(start, start + size);
    const next = reader.read(chunk, 0);
    content += Buffer.from(reader.content).toString('latin1');
    if (reader.ended)
      return { content, fault: reader.fault, ended: true, rest: bytes.subarray(start + next).toString('latin1') };
  }
  return { content, fault: reader.fault, ended: false, rest: '' };
}

/** However the stream is cut into pieces, the outcome is the same. */
function readAllWays(input: string, options: { repair?: boolean; lineOctets?: number } = {}) {
  const whole = read(input, options);
  for (const size of [1, 2, 3, 5, 7]) expect(read(input, { ...options, size })).toEqual(whole);
  return whole;
}

describe('the end of the data', () => {
  test('is CR LF . CR LF, and what follows is left alone', () => {
    expect(readAllWays('Hello\r\n.\r\nQUIT\r\n')).toEqual({
      content: 'Hello\r\n',
      fault: null,
      ended: true,
      rest: 'QUIT\r\n',
    });
  });

  test('may come at once: an empty message', () => {
    expect(readAllWays('.\r\nQUIT\r\n')).toEqual({ content: '', fault: null, ended: true, rest: 'QUIT\r\n' });
  });

  test('is not a dot with something behind it', () => {
    expect(readAllWays('a\r\n. \r\n.x\r\n..\r\n...\r\n.\r\n')).toMatchObject({
      content: 'a\r\n \r\nx\r\n.\r\n..\r\n',
      ended: true,
    });
  });

  const VARIANTS = [
    '\n.\n',
    '\n.\r\n',
    '\r\n.\n',
    '\r.\r',
    '\r.\r\n',
    '\r\n.\r',
    '\r\n\0.\r\n',
    '\r\n.\0\r\n',
    '\0\r\n.\n',
    '\n\n.\r\n',
    '\r\r\n.\r\r\n',
    '\r\n.\r\r\n',
    '\n.\r\r\n',
    '\x85.\x85',
    '\x0b.\x0b',
    '\r\n .\r\n',
    '\r\n.\t\r\n',
  ];

  test.each(VARIANTS)('is never %j: neither refused nor repaired does it end the data', (variant) => {
    const stream = `Hello${variant}MAIL FROM:<smuggled@example.test>\r\n.\r\nNOOP\r\n`;
    for (const repair of [false, true]) {
      const result = readAllWays(stream, { repair });
      expect(result).toMatchObject({ ended: true, rest: 'NOOP\r\n' });
      expect(result.content).toContain('MAIL FROM:<smuggled@example.test>');
    }
  });

  test('a doubled dot that arrives alone stays content', () => {
    expect(readAllWays('..\r\n.\r\n')).toMatchObject({ content: '.\r\n', ended: true });
  });
});

describe('on MX', () => {
  test.each([
    ['a\nb\r\n.\r\n', 'bare-line-end'],
    ['a\rb\r\n.\r\n', 'bare-line-end'],
    ['a\r\r\nb\r\n.\r\n', 'bare-line-end'],
    ['\n\r\n.\r\n', 'bare-line-end'],
    ['a\0b\r\n.\r\n', 'nul'],
    [`${'a'.repeat(1_001)}\r\n.\r\n`, 'long-line'],
  ])('%j is a fault: %s', (stream, fault) => {
    expect(readAllWays(stream)).toMatchObject({ fault, ended: true });
  });

  test('a line as long as the limit, 8-bit bytes and other controls are none', () => {
    expect(readAllWays(`${'a'.repeat(1_000)}\r\n\xff\x80\x01\x0b\x0c\t\r\n.\r\n`)).toMatchObject({ fault: null });
  });
});

describe('on submission', () => {
  const repaired = (stream: string, lineOctets = 1_000) =>
    readAllWays(`${stream}\r\n.\r\n`, { repair: true, lineOctets });

  test.each([
    ['a bare LF', 'a\nb', 'a\r\nb\r\n'],
    ['a bare CR', 'a\rb', 'a\r\nb\r\n'],
    ['CR CR LF', 'a\r\r\nb', 'a\r\nb\r\n'],
    ['NUL', 'a\0b\0', 'ab\r\n'],
    ['a dot doubled after a bare LF', 'a\n..b', 'a\r\n.b\r\n'],
    ['several empty lines', 'a\n\n\nb', 'a\r\n\r\n\r\nb\r\n'],
    ['a bare CR after a dot', 'a\r\n.\rb', 'a\r\n\r\nb\r\n'],
  ])('%s is repaired', (_name, stream, content) => {
    expect(repaired(stream)).toMatchObject({ content, fault: null });
  });

  test('what is repaired has no bare CR or LF, no NUL and no line over the limit', () => {
    const { content } = repaired(`${'x'.repeat(2_500)}\n\r\n\n\r\r\0\r.\0.\n.\r.${'y'.repeat(1_001)}`);
    expect(content.replaceAll('\r\n', '')).not.toMatch(/[\r\n\0]/);
    expect(Math.max(...content.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(1_000);
  });

  test('a line over the limit is broken, but not inside a character', () => {
    const line = 'ä'.repeat(600);
    const { content } = repaired(Buffer.from(`x${line}`).toString('latin1'));
    const text = Buffer.from(content, 'latin1').toString('utf8');
    expect(text.replaceAll('\r\n', '')).toBe(`x${line}`);
    expect(text.trim().split('\r\n')).toHaveLength(2);
  });

  test('a dot at the start of a line that we broke stays', () => {
    const { content } = repaired(`${'a'.repeat(1_000)}.b`);
    expect(content).toBe(`${'a'.repeat(1_000)}\r\n.b\r\n`);
  });
});
