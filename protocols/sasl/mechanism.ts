// What a SASL mechanism is to a protocol session (RFC 4422): a small state machine that is fed decoded responses and
// says what to do next. IMAP, POP3 and SMTP share them; each session only frames the lines in its own way.

import { RESPONSE_CHARS } from './limits.ts';

/** What the session does next. */
export type Step =
  /** Send this challenge and feed the answer to next(). */
  | { readonly kind: 'challenge'; readonly data: Uint8Array }
  /** The exchange is over: ask the Authenticator. */
  | { readonly kind: 'password'; readonly login: string; readonly password: string }
  /** The exchange is over without a question: `malformed` is a syntax error (501, BAD), `authorization` an identity
   * that this login may not act as (535, NO [AUTHORIZATIONFAILED]). */
  | { readonly kind: 'failed'; readonly reason: 'malformed' | 'authorization' };

/** One exchange. Made for one attempt and thrown away after it. */
export interface Mechanism {
  /** Feed the client's response; null at the start when the client sent no initial response (RFC 4422 4). */
  next(response: Uint8Array | null): Step;
}

/** A line of the client decoded: bytes, `cancelled` for `*` (RFC 4954 4, RFC 9051 6.2.2), or `malformed`. */
export type Decoded = Uint8Array | 'cancelled' | 'malformed';

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/**
 * Decodes a response line. Surrounding blanks are forgiven (F218), and so is missing padding. An empty line is an empty
 * response.
 */
export function decodeResponse(line: string): Decoded {
  if (line.length > RESPONSE_CHARS) return 'malformed';
  const text = line.trim();
  if (text === '*') return 'cancelled';
  return BASE64.test(text) ? Buffer.from(text, 'base64') : 'malformed';
}

/** As decodeResponse for an initial response, where `=` is the empty one (RFC 4954 4, RFC 9051 6.2.2). */
export function decodeInitialResponse(text: string): Decoded {
  return text.trim() === '=' ? new Uint8Array(0) : decodeResponse(text);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes as text, or null if they are longer than the limit, not UTF-8 or carry a NUL. */
export function text(bytes: Uint8Array, limit: number): string | null {
  if (bytes.length > limit || bytes.includes(0)) return null;
  try {
    return utf8.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return null; // not UTF-8
    throw error;
  }
}
