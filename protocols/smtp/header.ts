// What a header block may be. Everything behind the listener holds it in memory and walks its fields.

import type { SmtpReply } from '#protocols/ports.ts';
import { HEADER_BYTES } from '#storage/message/limits.ts';
import type { Staged } from '#storage/ports.ts';
import { HEADER_FIELDS } from './limits.ts';
import { Reply } from './replies.ts';

const [TAB, LF, CR, SPACE] = [0x09, 0x0a, 0x0d, 0x20];
/** `a:`, CR LF: no field is shorter. */
const SHORTEST_FIELD = 4;

/** The reply that refuses a message for its header block: one that is cut off at HEADER_BYTES, or of too many fields. */
export function headerRefusal({ header, size }: Pick<Staged, 'header' | 'size'>): SmtpReply | null {
  if (header.length >= HEADER_BYTES && size > header.length) return Reply.headerTooLarge;
  if (header.length <= HEADER_FIELDS * SHORTEST_FIELD) return null;
  return countFields(header) > HEADER_FIELDS ? Reply.headerTooLarge : null;
}

/** Lines that begin a field (RFC 5322 2.2.3: a folded one begins with a blank). */
function countFields(header: Uint8Array): number {
  let count = 0;
  for (let at = 0; at >= 0 && at < header.length; ) {
    const first = header[at];
    if (first === CR || first === LF) break; // the empty line that ends the block
    if (first !== SPACE && first !== TAB) count++;
    const end = header.indexOf(LF, at);
    at = end < 0 ? -1 : end + 1;
  }
  return count;
}
