// The domain's footer in a submission (F24): which texts of the message get it, and what changes in the message by that.
// What is signed, encrypted or otherwise not ours to change is left alone, and so is a text that is too large.

import { fields, fieldValue, fromLatin1, latin1 } from '#storage/message/headers.ts';
import { parseParameters } from '#storage/message/parameters.ts';
import { fileName, type Part, sections } from '#storage/message/structure.ts';
import type { Staged } from '#storage/ports.ts';
import { FOOTER_PART_BYTES, FOOTER_PARTS } from '../limits.ts';
import { type Footer, withFooter } from './insert.ts';

/** Bytes of the message as it was received that are replaced. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

/** What a part says about its text. */
export interface Content {
  readonly charset: string;
  readonly encoding: string;
}

export interface Footed {
  /** In the body, in order. */
  readonly edits: readonly Edit[];
  /** What the message's own header has to say from now on; null: what it says. */
  readonly root: Content | null;
}

export type NotFooted = 'opaque' | 'no-text' | 'too-large' | 'present';

/** `assumed`: what the message's one text is, if its header does not say it. */
export async function addFooter(staged: Staged, footer: Footer, assumed: Content | null): Promise<Footed | NotFooted> {
  const { root } = sections(staged.scanned.structure);
  const texts: Part[] = [];
  if (!collect(root, texts)) return 'opaque';
  if (texts.length === 0) return 'no-text';
  if (texts.length > FOOTER_PARTS || texts.some(({ body }) => body.end - body.start > FOOTER_PART_BYTES)) {
    return 'too-large';
  }
  const edits: Edit[] = [];
  let own: Content | null = null;
  for (const part of texts) {
    const before = { charset: part.charset, encoding: part.encoding, ...(part === root ? assumed : null) };
    const bytes = await range(staged, part.body);
    const after = withFooter({ subtype: part.subtype === 'html' ? 'html' : 'plain', bytes, ...before }, footer);
    if (after === 'opaque') return 'opaque';
    if (after === null) continue;
    const changed = after.charset !== before.charset || after.encoding !== before.encoding;
    if (changed && part === root) own = after;
    if (changed && part !== root) {
      const header = describe(latin1(await range(staged, part.header)), after);
      if (header === null) return 'opaque'; // it has no end: nothing can be said in it
      edits.push({ ...part.header, bytes: fromLatin1(header) });
    }
    edits.push({ ...part.body, bytes: after.bytes });
  }
  return edits.length === 0 ? 'present' : { edits, root: own };
}

/** Finds the texts that a reader is shown first; false if they lie in what must not be changed. */
function collect(part: Part, texts: Part[]): boolean {
  if (part.type === 'text') {
    const shown = part.subtype === 'plain' || part.subtype === 'html';
    if (shown && part.disposition !== 'attachment' && fileName(part) === '') texts.push(part);
    return true;
  }
  if (part.type !== 'multipart') return part.type !== 'application' || !/^(?:x-)?pkcs7-/.test(part.subtype);
  const [first] = part.children;
  switch (part.subtype) {
    case 'alternative':
      return part.children.every((child) => collect(child, texts));
    case 'related':
      return first === undefined || collect(first, texts);
    case 'mixed': {
      // The first that is a text or holds one; what is signed is not passed over in favour of a text beside it.
      for (const child of part.children) {
        if (!collect(child, texts)) return false;
        if (texts.length > 0) return true;
      }
      return true;
    }
    default:
      return false;
  }
}

/** A header block that says this about the text; null if it has no end. */
export function describe(block: string, { charset, encoding }: Content): string | null {
  const found = fields(block);
  const end = found.at(-1)?.end ?? 0;
  if (!/^\r?\n$/.test(block.slice(end))) return null;
  const type = found.find(({ name }) => name === 'content-type');
  const { value, parameters } = parseParameters(type === undefined ? '' : fieldValue(block, type));
  const others = parameters.filter(({ name }) => !name.startsWith('charset'));
  const words = [...others, { name: 'charset', value: charset === '' ? 'us-ascii' : charset }].map(
    (parameter) => `;\r\n\t${parameter.name}="${parameter.value.replace(/["\\]/g, '\\$&')}"`,
  );
  const kept = found
    .filter(({ name }) => !['content-type', 'content-transfer-encoding', 'content-md5'].includes(name))
    .map((field) => block.slice(field.start, field.end));
  return [
    ...kept,
    `Content-Type: ${value === '' ? 'text/plain' : value}${words.join('')}\r\n`,
    `Content-Transfer-Encoding: ${encoding}\r\n`,
    block.slice(end),
  ].join('');
}

/** The same of a message's own header. */
export function describeMessage(header: Uint8Array, content: Content): Uint8Array {
  const block = latin1(header);
  const mime = fields(block).some(({ name }) => name === 'mime-version');
  const described = describe(block, content) ?? block;
  return fromLatin1(mime ? described : `MIME-Version: 1.0\r\n${described}`);
}

async function range(
  staged: Staged,
  { start, end }: { readonly start: number; readonly end: number },
): Promise<Buffer> {
  if (start >= end) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  for await (const chunk of staged.open(start, end) as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
