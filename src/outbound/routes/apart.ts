// Takes attachments out of a message that is too large for one request, so that they can be handed over one by one: the
// largest first, and no more than must be. Everything else stays byte for byte. What is signed or encrypted is left alone.

import { MessageScanner } from '#storage/message/scanner.ts';
import { fileName, type Part, sections } from '#storage/message/structure.ts';
import { transferDecoding } from '#storage/message/transfer.ts';

export interface Apart {
  readonly name: string;
  /** `type/subtype`. */
  readonly type: string;
  /** Content-ID without its brackets, ''. */
  readonly id: string;
  /** Shown where a text names it. */
  readonly inline: boolean;
  readonly content: () => Uint8Array;
}

export interface TakenApart {
  /** The message without them. */
  readonly rest: Uint8Array;
  /** In the order in which they stood. */
  readonly attachments: readonly Apart[];
}

/** The message in at most so many bytes, and what was taken out of it; null if it can't be. */
export function takeApart(message: Uint8Array, most: number): TakenApart | null {
  const scanner = new MessageScanner();
  scanner.write(message);
  const { root } = sections(scanner.end().structure);
  const chosen = new Set<Part>();
  let left = message.length;
  for (const part of candidates(root).sort((a, b) => length(b) - length(a))) {
    if (left <= most) break;
    chosen.add(part);
    left -= length(part);
  }
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const { start, end, instead } of cuts(root, chosen).sort((a, b) => a.start - b.start)) {
    pieces.push(message.subarray(at, start), Buffer.from(instead));
    at = end;
  }
  const rest = Buffer.concat([...pieces, message.subarray(at)]);
  if (rest.length > most) return null;
  const attachments = [...chosen].sort((a, b) => a.body.start - b.body.start).map((part) => apart(message, part));
  return { rest, attachments };
}

/** Multiparts that say something of their parts together, which would not hold any more. */
const WHOLE = new Set(['signed', 'encrypted', 'report']);

/** What can be taken out of a multipart. */
function candidates(part: Part): Part[] {
  if (part.type !== 'multipart' || WHOLE.has(part.subtype)) return [];
  return part.children.flatMap((child, i) => {
    if (child.type === 'multipart') return candidates(child);
    // RFC 2046 5.1.4: one of several forms of the same. RFC 2387 3.2: the first part is what the others belong to.
    if (part.subtype === 'alternative' || (part.subtype === 'related' && i === 0)) return [];
    const text = child.type === 'text' && child.disposition !== 'attachment' && fileName(child) === '';
    return text ? [] : [child];
  });
}

function length({ header, body }: Part): number {
  return body.end - header.start;
}

interface Cut {
  readonly start: number;
  readonly end: number;
  readonly instead: string;
}

/** The bytes to leave out, so that between two boundaries there is always a part (RFC 2046 5.1.1). */
function cuts(part: Part, chosen: ReadonlySet<Part>): Cut[] {
  const { children } = part;
  const inner = children.flatMap((child) => cuts(child, chosen));
  const [first] = children;
  const last = children.at(-1);
  if (first === undefined || last === undefined) return inner;
  const kept = children.findLastIndex((child) => !chosen.has(child));
  if (kept < 0) return [{ start: first.header.start, end: last.body.end, instead: EMPTY_TEXT }];
  const before = children.slice(0, kept).flatMap((child, i) => {
    const next = children[i + 1];
    return chosen.has(child) && next !== undefined ? [[child, next] as const] : [];
  });
  const own = before.map(([child, next]) => ({ start: child.header.start, end: next.header.start, instead: '' }));
  const end = children[kept]?.body.end ?? last.body.end;
  return [...inner, ...own, ...(last.body.end > end ? [{ start: end, end: last.body.end, instead: '' }] : [])];
}

const EMPTY_TEXT = 'Content-Type: text/plain; charset=us-ascii\r\n\r\n';

function apart(message: Uint8Array, part: Part): Apart {
  const { type, subtype, body, encoding, disposition } = part;
  const id = part.id.replace(/^<|>$/g, '');
  const nameless = type === 'message' && subtype === 'rfc822' ? 'message.eml' : 'attachment';
  return {
    ...{ id, name: fileName(part) || nameless, type: `${type}/${subtype}` },
    inline: id !== '' && disposition !== 'attachment',
    content() {
      const transfer = transferDecoding(encoding);
      const bytes = transfer.decode(message.subarray(body.start, body.end));
      const end = transfer.end();
      return end.length === 0 ? bytes : Buffer.concat([bytes, end]);
    },
  };
}
