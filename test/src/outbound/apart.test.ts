// What is taken out of a message that is too large, and what it then is: by parts of every kind, and by chance.
import { expect, test } from 'vitest';
import { takeApart } from '#src/outbound/routes/apart.ts';
import { MessageScanner } from '#storage/message/scanner.ts';
import { sections, walk } from '#storage/message/structure.ts';

const lines = (...texts: string[]) => texts.join('\r\n');
const part = (type: string, body: string, ...more: string[]) => lines(`Content-Type: ${type}`, ...more, '', body);
const multipart = (subtype: string, boundary: string, ...parts: string[]) =>
  part(
    `multipart/${subtype}; boundary=${boundary}`,
    lines(...parts.flatMap((one) => [`--${boundary}`, one]), `--${boundary}--`),
  );
const file = (name: string, size: number) =>
  part('application/pdf', 'x'.repeat(size), `Content-Disposition: attachment; filename=${name}`);
const taken = (message: string, most: number) => {
  const found = takeApart(Buffer.from(message, 'latin1'), most);
  return found === null
    ? null
    : {
        rest: Buffer.from(found.rest).toString('latin1'),
        names: found.attachments.map(({ name }) => name),
        contents: found.attachments.map(({ content }) => Buffer.from(content()).toString('latin1')),
      };
};
const HEAD = 'From: a@example.test\r\nMIME-Version: 1.0\r\n';
const TEXT = part('text/plain', 'Hello');

test('the largest go first, and what is left is what it would have been without them', () => {
  const whole = (...files: string[]) => HEAD + multipart('mixed', 'b', TEXT, ...files);
  const [one, two, three] = [file('1', 900), file('2', 2_000), file('3', 1_000)];
  const all = whole(one, two, three);
  expect(taken(all, 2_500)).toEqual({ rest: whole(one, three), names: ['2'], contents: ['x'.repeat(2_000)] });
  expect(taken(all, 1_500)).toMatchObject({ rest: whole(one), names: ['2', '3'] });
  expect(taken(all, 600)).toMatchObject({ rest: whole(), names: ['1', '2', '3'] });
  expect(taken(all, all.length)).toEqual({ rest: all, names: [], contents: [] });
  expect(taken(whole(two, TEXT, three), 600)).toMatchObject({ rest: whole(TEXT), names: ['2', '3'] });
});

test('a message of attachments alone keeps an empty text', () => {
  const found = taken(HEAD + multipart('mixed', 'b', file('1', 900), file('2', 900)), 400);
  expect(found?.names).toEqual(['1', '2']);
  expect(found?.rest).toBe(HEAD + multipart('mixed', 'b', part('text/plain; charset=us-ascii', '')));
});

test('pictures of a text are told by their Content-ID, and other forms of it are not taken away', () => {
  const image = part('image/png', 'AAAA'.repeat(300), 'Content-ID: <i@x>', 'Content-Transfer-Encoding: base64');
  const related = multipart('related', 'r', part('text/html', '<img>'), image);
  const message = HEAD + multipart('alternative', 'a', TEXT, related);
  const found = takeApart(Buffer.from(message), 700);
  expect(found?.attachments.map(({ id, inline, type, name }) => [id, inline, type, name])).toEqual([
    ['i@x', true, 'image/png', 'attachment'],
  ]);
  expect(found?.attachments[0]?.content()).toEqual(new Uint8Array(900));
  const calendar = part('text/calendar', 'x'.repeat(900));
  expect(taken(HEAD + multipart('alternative', 'a', TEXT, calendar), 500)).toBeNull();
  expect(taken(HEAD + multipart('related', 'r', part('application/xml', 'x'.repeat(900)), image), 1_000)).toBeNull();
});

test('what is signed, encrypted or no multipart stays whole', () => {
  for (const kind of ['signed', 'encrypted', 'report']) {
    expect(taken(HEAD + multipart(kind, 'b', TEXT, file('1', 900)), 500)).toBeNull();
  }
  expect(taken(HEAD + multipart('mixed', 'o', TEXT, multipart('signed', 'i', TEXT, file('1', 900))), 500)).toBeNull();
  expect(taken(HEAD + file('1', 900), 500)).toBeNull();
  expect(taken(HEAD + part('text/plain', 'x'.repeat(900)), 500)).toBeNull();
});

test('whatever a message is made of, the parts that are kept are those that were there', () => {
  let seed = 20_261_122;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  const parts = (message: Uint8Array) => {
    const scanner = new MessageScanner();
    scanner.write(message);
    const { root } = sections(scanner.end().structure);
    return [...walk(root)]
      .filter(({ type }) => type !== 'multipart')
      .map(({ body }) => Buffer.from(message.subarray(body.start, body.end)).toString('latin1'));
  };
  let leaf = 0;
  const any = (depth: number): string => {
    const kind = random(depth > 3 ? 3 : 5);
    if (kind === 0) return part('text/plain', `text ${leaf++}`);
    if (kind < 3) return file(`f${leaf}`, random(3_000)).concat(String(leaf++));
    const subtype = ['mixed', 'related', 'alternative', 'signed'][random(4)] ?? '';
    const inner = Array.from({ length: 1 + random(4) }, () => any(depth + 1));
    const text = multipart(subtype, `b${depth}x${leaf++}`, ...inner);
    // The last boundary is missing, or the text goes on behind it.
    return random(8) === 0 ? text.slice(0, -random(12)) : random(8) === 0 ? `${text}\r\nbehind` : text;
  };
  for (let n = 0; n < 2_000; n++) {
    const message = Buffer.from(HEAD + any(0), 'latin1');
    const found = takeApart(message, random(4_000));
    if (found === null) continue;
    const before = parts(message);
    const after = parts(found.rest).filter((body) => body !== '');
    const out = found.attachments.map(({ content }) => Buffer.from(content()).toString('latin1'));
    expect([...after, ...out].sort()).toEqual(before.filter((body) => body !== '').sort());
  }
});
