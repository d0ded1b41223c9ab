// The charset of a search string (RFC 9051 6.4.4).

import iconv from 'iconv-lite';
import { decodeText, hasEightBit } from '#storage/message/charset.ts';
import { Refusal } from '../grammar/errors.ts';

/** How to make text of a search string's bytes (one character per byte). Unknown: NO [BADCHARSET] (RFC 9051 7.1). */
export function charsetDecoder(charset: string | null): (bytes: string) => string {
  const label = (charset ?? 'us-ascii').toLowerCase();
  // Clients send UTF-8 without saying so.
  if (label === 'us-ascii' || label === 'utf-8') return (bytes) => decoded(bytes, 'us-ascii');
  if (!isKnown(label)) throw new Refusal('BADCHARSET (US-ASCII UTF-8)', 'Unknown charset');
  return (bytes) => decoded(bytes, label);
}

function decoded(bytes: string, label: string): string {
  return hasEightBit(bytes) || label !== 'us-ascii' ? decodeText(Buffer.from(bytes, 'latin1'), label) : bytes;
}

function isKnown(label: string): boolean {
  if (iconv.encodingExists(label)) return true;
  try {
    new TextDecoder(label);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false; // not a label of the Encoding Standard
    throw error;
  }
}
