// Finds messages that go round in a circle (RFC 5321 6.3).

import { fields, fieldValue, latin1 } from '#storage/message/headers.ts';
import { HOPS } from './limits.ts';

/** Has this message been through too many hands, or already through ours for one of these addresses? */
export function loops(header: Uint8Array, recipients: readonly string[]): boolean {
  const block = latin1(header);
  const ours = new Set(recipients.map((recipient) => recipient.toLowerCase()));
  let hops = 0;
  for (const field of fields(block)) {
    if (field.name === 'received' && ++hops > HOPS) return true;
    if (field.name === 'delivered-to' && ours.has(utf8(fieldValue(block, field)).toLowerCase())) return true;
  }
  return false;
}

function utf8(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}
