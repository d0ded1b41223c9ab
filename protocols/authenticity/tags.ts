// Tag lists (RFC 6376 3.2): what DKIM signatures and keys are written in.

import { trim } from '#storage/message/headers.ts';

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const NAME = /^[A-Za-z][A-Za-z0-9_]*$/;

/** The tags of a text, their values without the white space around them; null if it is no tag list. */
export function readTags(text: string): ReadonlyMap<string, string> | null {
  const tags = new Map<string, string>();
  const pieces = text.split(';');
  if (trim(pieces.at(-1) ?? '') === '') pieces.pop();
  for (const piece of pieces) {
    const equals = piece.indexOf('=');
    const name = trim(piece.slice(0, Math.max(0, equals)));
    if (!NAME.test(name) || tags.has(name)) return null; // none twice
    tags.set(name, trim(piece.slice(equals + 1)));
  }
  return tags;
}

/** The octets of a value in base64, in which white space says nothing; none if it is not base64. */
export function octetsOf(value: string | undefined): Buffer {
  const text = withoutBlanks(value);
  return Buffer.from(BASE64.test(text) ? text : '', 'base64');
}

function withoutBlanks(value: string | undefined): string {
  return (value ?? '').replace(/\s+/g, '');
}

/** The parts of a list with colons. */
export function listOf(value: string): readonly string[] {
  return value.split(':').map(trim);
}
