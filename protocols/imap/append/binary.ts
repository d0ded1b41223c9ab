// A message that came as literal8 (RFC 3516 4.4) is kept in a form that BODY[] can tell: what has the encoding `binary`
// becomes base64, and BINARY gives it back as it was.

import { type Part, sections, walk } from '#storage/message/structure.ts';
import type { Staged, Staging } from '#storage/ports.ts';

/** Octets of a line of base64: 76 characters (RFC 2045 6.8). */
const LINE_OCTETS = 57;
/** Lines that are encoded together. */
const LINES = 512;
const FIELD = /^(content-transfer-encoding[ \t]*:)[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*/im;

/** Writes the message again with its binary parts in base64; false if it has none, and nothing is written. */
export async function writeAsText(staged: Staged, staging: Staging): Promise<boolean> {
  const parts = [...walk(sections(staged.scanned.structure).root)].filter(isBinary);
  if (parts.length === 0) return false;
  let at = 0;
  for (const { header, body } of parts) {
    await copy(staged, at, header.start, staging);
    await staging.write(Buffer.from(await headerText(staged, header.start, header.end), 'latin1'));
    await encode(staged, body.start, body.end, staging);
    at = body.end;
  }
  await copy(staged, at, staged.size, staging);
  return true;
}

function isBinary({ type, message, encoding }: Part): boolean {
  return encoding === 'binary' && type !== 'multipart' && message === null;
}

async function copy(staged: Staged, start: number, end: number, staging: Staging): Promise<void> {
  if (start >= end) return;
  for await (const bytes of staged.open(start, end)) await staging.write(bytes as Buffer);
}

async function headerText(staged: Staged, start: number, end: number): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const bytes of staged.open(start, end)) pieces.push(bytes as Buffer);
  return Buffer.concat(pieces).toString('latin1').replace(FIELD, '$1 base64');
}

async function encode(staged: Staged, start: number, end: number, staging: Staging): Promise<void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const bytes of start < end ? staged.open(start, end) : []) {
    rest = Buffer.concat([rest, bytes as Buffer]);
    while (rest.length >= LINE_OCTETS * LINES) {
      await staging.write(lines(rest.subarray(0, LINE_OCTETS * LINES)));
      rest = rest.subarray(LINE_OCTETS * LINES);
    }
  }
  await staging.write(lines(rest));
}

function lines(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('base64').replace(/.{1,76}/g, '$&\r\n'), 'latin1');
}
