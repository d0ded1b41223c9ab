// The multi-line form of a message, compared with one made the slow way, however the message is cut into pieces.
import { expect, test } from 'vitest';
import { ReplyWriter } from '#protocols/net/reply-writer.ts';
import { MessageWriter, TopCutter } from '#protocols/pop3/octets.ts';

/** Writes pieces of these lengths, over and over. */
function written(message: string, lengths: readonly number[], cutter?: TopCutter): string {
  const chunks: Buffer[] = [];
  const out = new ReplyWriter((chunk) => chunks.push(Buffer.from(chunk)));
  const writer = new MessageWriter(out);
  const bytes = Buffer.from(message, 'latin1');
  let at = 0;
  for (let turn = 0; at < bytes.length && cutter?.done !== true; turn++) {
    const length = lengths[turn % lengths.length] ?? 1;
    const piece = bytes.subarray(at, at + length);
    writer.write(cutter === undefined ? piece : cutter.cut(piece));
    at += length;
  }
  writer.end();
  out.flush();
  return Buffer.concat(chunks).toString('latin1');
}

/** What a client gets that reads lines up to the lone dot and takes doubled dots away. */
function received(wire: string): string {
  expect(wire.endsWith('\r\n.\r\n') || wire === '.\r\n').toBe(true);
  return wire.slice(0, -3).replace(/(^|\n)\.\./g, '$1.');
}

const MESSAGES = [
  '',
  '.\r\n',
  '..\r\n.\r\n',
  'Subject: x\r\n\r\nbody\r\n',
  'Subject: x\r\n\r\n.\r\n..\r\n...\r\n. \r\nend\r\n',
  'no end',
  'ends in LF\n',
  'ends in CR\r',
  'ends in a dot\r\n.',
  'bare LF\n.\nand dot\n.\r\n',
  'bare CR\r.\r\r\n.x\r\n',
  `${'x'.repeat(300)}\r\n.${'y'.repeat(300)}\r\n`,
];

test('every message is received as it is, in pieces of any length, with an open last line ended', () => {
  for (const message of MESSAGES) {
    const ended = message === '' || message.endsWith('\r\n') ? message : `${message}\r\n`;
    for (const lengths of [[1], [2], [3, 1], [5, 2, 7], [1_000]]) {
      const wire = written(message, lengths);
      expect(received(wire)).toBe(ended);
      // A reader that ends lines at a bare LF meets no lone dot before the end either.
      expect(wire.split('\n').slice(0, -2)).not.toContain('.');
      expect(wire.slice(0, -3)).not.toContain('\n.\r\n');
    }
  }
});

test('TOP gives the header, the empty line and so many lines, in pieces of any length', () => {
  const header = 'From: a\r\nSubject: x\r\n\r\n';
  const body = ['one\r\n', '.two\r\n', '\r\n', 'four\r\n', 'five'];
  for (const lengths of [[1], [2], [3, 1], [1_000]]) {
    for (let lines = 0; lines <= 7; lines++) {
      const wanted = header + body.slice(0, lines).join('') + (lines >= 5 ? '\r\n' : '');
      expect(received(written(header + body.join(''), lengths, new TopCutter(lines)))).toBe(wanted);
    }
    expect(received(written('Subject: no body\r\n', lengths, new TopCutter(3)))).toBe('Subject: no body\r\n');
    expect(received(written('\r\nno header\r\n', lengths, new TopCutter(0)))).toBe('\r\n');
    expect(received(written('A: b\n\nbare\nlines\n', lengths, new TopCutter(1)))).toBe('A: b\n\nbare\n\r\n');
  }
});
