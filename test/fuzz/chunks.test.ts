// Counted content (BDAT) and binary parts, made up from fixed seeds: however a stream is cut, each chunk ends where its count
// says, and a binary message comes out as text without a loss, or not at all.
import { expect, test } from 'vitest';
import { ChunkReader } from '#protocols/smtp/chunk.ts';
import { DataReader } from '#protocols/smtp/data.ts';
import { binaryEdits, withoutBinary } from '#storage/message/binary-parts.ts';
import { sections, walk } from '#storage/message/structure.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { between, pick, type Random, seeded } from '#test/support/random.ts';
import { NO_SYNC, openSqlStore } from '#test/support/sql-store.ts';

const STREAMS = 20_000;
const MESSAGES = 1_500;
const PIECES = ['\r\n', '\r\n', '\r', '\n', '.', '\r\n.\r\n', '\0', 'a', 'text', '\xff', 'BDAT 5 LAST\r\n', 'QUIT\r\n'];
const some = (random: Random, most: number) =>
  Array.from({ length: between(random, 0, most) }, () => pick(random, PIECES)).join('');

/** Reads chunks of these lengths that follow each other in one stream, which arrives in pieces; what they made together. */
function read(stream: Buffer, counts: readonly number[], repair: boolean, random: Random | null) {
  const reader = new DataReader({ repair, dots: false, lineOctets: 60 });
  let content = '';
  let at = 0;
  for (const count of counts) {
    const chunk = new ChunkReader(reader, count);
    const start = at;
    while (!chunk.ended) {
      const piece = stream.subarray(0, random === null ? stream.length : at + between(random, 1, 9));
      at = chunk.read(piece, at);
      content += Buffer.from(chunk.content).toString('latin1');
    }
    expect(at - start).toBe(count);
  }
  return { content: content + Buffer.from(reader.finish()).toString('latin1'), fault: reader.fault };
}

test(`${STREAMS} streams of chunks are what they are whole, and end where they are counted to`, () => {
  const random = seeded(3_030);
  for (let n = 0; n < STREAMS; n++) {
    const text = some(random, 20);
    const stream = Buffer.from(`${text}${some(random, 3)}`, 'latin1'); // what follows the last chunk is none of it
    const counts: number[] = [];
    for (let left = text.length; left > 0; left -= counts.at(-1) ?? 0) counts.push(between(random, 1, left));
    for (const repair of [false, true]) {
      const whole = read(stream, text === '' ? [] : [text.length], repair, null);
      expect(read(stream, counts, repair, random)).toEqual(whole);
      const plain = text.split('\r\n').every((line) => !/[\r\n\0]/.test(line) && line.length <= 60);
      if (plain) expect(whole).toEqual({ content: text, fault: null });
      else if (repair) expect(whole.content.replaceAll('\r\n', '')).not.toMatch(/[\r\n\0]/);
      else expect(whole.fault).not.toBeNull();
    }
  }
});

/** A message of parts of all kinds, and the bodies of those that say they are binary, in order. */
function makeParts(random: Random, depth: number, bodies: string[]): string {
  const kind = depth === 0 ? between(random, 0, 1) : between(random, 0, 3);
  const boundary = `b${depth}x${between(random, 0, 999)}`;
  if (kind < 2) {
    const body = `${pick(random, ['', '\0'])}${some(random, 12)}`;
    if (kind === 0) bodies.push(body);
    const encoding = kind === 0 ? pick(random, ['binary', 'Binary', '\r\n binary']) : '7bit';
    return `Content-Type: application/x\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${kind === 0 ? body : 'text'}`;
  }
  if (kind === 2) {
    return `Content-Type: message/rfc822\r\nContent-Transfer-Encoding: binary\r\n\r\n${makeParts(random, depth - 1, bodies)}`;
  }
  const parts = Array.from({ length: between(random, 1, 4) }, () => makeParts(random, depth - 1, bodies));
  const subtype = pick(random, ['mixed', 'mixed', 'encrypted', 'related']);
  return `Content-Type: multipart/${subtype}; boundary=${boundary}\r\n\r\n${parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('')}--${boundary}--`;
}

test(`${MESSAGES} binary messages become text without a loss`, async () => {
  await using folder = await temporaryFolder();
  await using store = await openSqlStore(folder.path, { sync: NO_SYNC });
  const stage = async (pieces: AsyncIterable<Uint8Array> | readonly Uint8Array[]) => {
    await using staging = store.stage({ maxBytes: 1_000_000 });
    for await (const piece of pieces) await staging.write(piece);
    return await staging.finish();
  };
  const random = seeded(1_830);
  let changed = 0;
  for (let n = 0; n < MESSAGES; n++) {
    const bodies: string[] = [];
    const text = `Subject: x\r\nMIME-Version: 1.0\r\n${makeParts(random, 3, bodies)}`;
    await using staged = await stage([Buffer.from(text, 'latin1')]);
    const edits = await binaryEdits(staged);
    if (edits === null) throw new Error('nothing of it is signed');
    await using again = await stage(withoutBinary(staged, edits));
    const bytes = Buffer.concat(await Array.fromAsync(again.open() as AsyncIterable<Buffer>));
    if (edits.length > 0) changed++;
    else expect(bytes.toString('latin1')).toBe(text);
    expect(bytes.includes(0)).toBe(false);
    expect(bytes.toString('latin1')).not.toMatch(/\r(?!\n)|(?<!\r)\n/);
    const found = [...walk(sections(again.scanned.structure).root)].filter(({ encoding }) =>
      /base64|binary/.test(encoding),
    );
    const decoded = found
      .filter(({ message }) => message === null)
      .map(({ body, encoding }) => {
        const part = bytes.subarray(body.start, body.end);
        return (encoding === 'base64' ? Buffer.from(part.toString('latin1'), 'base64') : part).toString('latin1');
      });
    expect(decoded).toEqual(bodies);
  }
  expect(changed).toBeGreaterThan(MESSAGES / 4);
});
