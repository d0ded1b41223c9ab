// Writes what a scan found as `message.structure`: BODYSTRUCTURE and the offsets. structure.ts reads it.

import type { ContentTexts } from './content-header.ts';

/** One part as the scanner leaves it. Offsets count from the start of the message. */
export interface ScannedPart {
  /** What BODYSTRUCTURE has after the size: nothing, the lines, or a whole message; or other parts. */
  kind: 'basic' | 'text' | 'message' | 'multipart';
  /** Its header block is [header, body), its body [body, end). */
  header: number;
  body: number;
  end: number;
  /** Line ends in the body. */
  lines: number;
  texts: ContentTexts;
  /** Of a message: the parts of a multipart, or the one message inside a message/rfc822. */
  children: ScannedPart[];
  /** ENVELOPE of the root part of a message. */
  envelope: string;
}

/** The text of structure.ts's first comment. */
export function structureText(root: ScannedPart): string {
  const offsets: string[] = [];
  return `${partText(root, offsets)}\n${offsets.join(' ')}`;
}

/** body (RFC 9051 9). Every multipart has a child by now, and every message its message. */
function partText(part: ScannedPart, offsets: string[]): string {
  offsets.push(part.header.toString(36), part.body.toString(36), part.end.toString(36));
  const { texts } = part;
  const after = `${texts.disposition} ${texts.language} ${texts.location})`;
  if (part.kind === 'multipart') {
    let children = '';
    for (const child of part.children) children += partText(child, offsets);
    return `(${children} ${texts.subtype} ${texts.parameters} ${after}`;
  }
  const start = `(${texts.type} ${texts.subtype} ${texts.parameters} ${texts.id} ${texts.description} ${texts.encoding} ${part.end - part.body}`;
  const rest = `${texts.md5} ${after}`;
  const [message] = part.children;
  if (part.kind === 'message' && message !== undefined) {
    return `${start} ${message.envelope} ${partText(message, offsets)} ${part.lines} ${rest}`;
  }
  return part.kind === 'text' ? `${start} ${part.lines} ${rest}` : `${start} ${rest}`;
}
