// A message with binary parts (RFC 2045 2.9), as it may come by BINARYMIME (RFC 3030 3) or literal8 (RFC 3516 4.4), in a form
// that every reader can be told: a part with the encoding `binary` that is no text becomes base64. Nothing is lost by that
// (RFC 3030 3), and BINARY gives it back as it was. What is text in spite of its label stays as it came.

import type { Staged } from '../ports.ts';
import { ByteFormScan } from './byte-form.ts';
import { HEADER_BYTES } from './limits.ts';
import { type Part, sections } from './structure.ts';
import { Base64Encoder } from './transfer-encode.ts';

const FIELD = /^(content-transfer-encoding[ \t]*:)([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)/gim;

/** What has to change, in the order of the bytes. */
export type BinaryEdits = readonly BinaryEdit[];

interface BinaryEdit {
  readonly part: Part;
  /** 8bit: one with such parts in it, that says itself that it is binary. */
  readonly encoding: 'base64' | '8bit';
}

/**
 * What has to become base64; nothing, mostly. Null if it can't: it stands in what is signed, which has to stay as it is and
 * should never have been binary (RFC 1847 2.1), or is a message or made of parts (RFC 2045 6.4).
 */
export async function binaryEdits(staged: Staged): Promise<BinaryEdits | null> {
  const edits: BinaryEdit[] = [];
  let found = false;
  for (const { part, signed } of walk(sections(staged.scanned.structure).root, false)) {
    if (part.type === 'multipart' || part.message !== null) {
      if (!signed) edits.push({ part, encoding: '8bit' });
      continue;
    }
    if (part.encoding !== 'binary' || (await isText(staged, part.body))) continue;
    if (signed || part.type === 'message') return null;
    edits.push({ part, encoding: 'base64' });
    found = true;
  }
  return found ? edits : [];
}

/** The message with these changes. */
export async function* withoutBinary(staged: Staged, edits: BinaryEdits): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const { part, encoding } of edits) {
    const { header, body } = part;
    yield* open(staged, at, header.start);
    // What was read of it is here; the rest, of any length, passes by.
    const read = Math.min(header.end, header.start + HEADER_BYTES);
    const pieces = await Array.fromAsync(open(staged, header.start, read));
    yield Buffer.from(relabelled(Buffer.concat(pieces).toString('latin1'), encoding), 'latin1');
    yield* open(staged, read, header.end);
    at = header.end;
    if (encoding === '8bit') continue;
    const encoder = new Base64Encoder();
    for await (const piece of open(staged, body.start, body.end)) yield encoder.encode(piece);
    yield encoder.end();
    at = body.end;
  }
  yield* open(staged, at, staged.size);
}

function* walk(part: Part, signed: boolean): Generator<{ readonly part: Part; readonly signed: boolean }> {
  yield { part, signed };
  const inside = signed || (part.type === 'multipart' && part.subtype === 'signed');
  if (part.message !== null) yield* walk(part.message, inside);
  for (const child of part.children) yield* walk(child, inside);
}

/** A header block with another encoding; of what is made of parts, only if it says that it is binary. */
function relabelled(block: string, encoding: BinaryEdit['encoding']): string {
  return block.replace(FIELD, (field: string, name: string, value: string) => {
    return encoding === 'base64' || /^\s*binary\s*$/i.test(value) ? `${name} ${encoding}` : field;
  });
}

/** Lines that end in CR LF and are not too long, without NUL (RFC 2045 2.8). */
async function isText(staged: Staged, { start, end }: Part['body']): Promise<boolean> {
  const scan = new ByteFormScan();
  for await (const piece of open(staged, start, end)) {
    scan.add(piece);
    if (scan.isBinary) return false;
  }
  return scan.end().encoding !== 'binary';
}

async function* open(staged: Staged, start: number, end: number): AsyncGenerator<Uint8Array> {
  if (start < end) yield* staged.open(start, end) as AsyncIterable<Uint8Array>;
}
