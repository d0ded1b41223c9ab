// A server's reply (RFC 5321 4.2): its lines read one by one, bounded, whatever it sends.

import { REPLY_CHARACTERS, REPLY_LINES } from './limits.ts';

/** What a server said, or what we say in its place where it said nothing. */
export interface ServerReply {
  readonly code: number;
  /** RFC 3463; made from the code where the server gave none. */
  readonly enhanced: string;
  /** All lines, without codes. */
  readonly text: string;
}

/** Collects the lines of one reply. */
export class ReplyReader {
  readonly lines: string[] = [];
  #code = 0;

  /** Takes a line without its end; true when the reply is complete. Throws a TypeError if it is none. */
  take(line: string): boolean {
    const match = /^([2-5]\d\d)([ -]?)(.*)$/s.exec(line);
    if (match === null) throw new TypeError('the server does not speak SMTP');
    const [, digits, separator, text = ''] = match;
    if (this.lines.length === 0) this.#code = Number(digits);
    // RFC 5321 4.2.1: all lines have the same code; where they differ the last one is what counts for others too.
    if (separator !== '-') this.#code = Number(digits);
    this.lines.push(text);
    if (this.lines.length > REPLY_LINES) throw new TypeError('a reply that does not end');
    return separator !== '-';
  }

  reply(): ServerReply {
    return toReply(this.#code, this.lines);
  }
}

const ENHANCED = /^([245])\.(\d{1,3})\.(\d{1,3})(?:\s+|$)/;

/** A reply of these lines: the enhanced code at their front (RFC 2034 3) is taken off. */
export function toReply(code: number, lines: readonly string[]): ServerReply {
  const kind = Math.floor(code / 100);
  const found = ENHANCED.exec(lines[0] ?? '');
  // One that contradicts the code says nothing.
  const enhanced = found !== null && Number(found[1]) === kind ? `${found[1]}.${found[2]}.${found[3]}` : '';
  const text = lines
    .map((line) => printable(enhanced === '' ? line : line.replace(ENHANCED, '')))
    .join(' ')
    .slice(0, REPLY_CHARACTERS);
  return { code, enhanced: enhanced === '' ? `${kind === 3 ? 2 : kind}.0.0` : enhanced, text };
}

/** As it is logged, stored and reported: one line, no control characters. */
export function formatReply({ code, enhanced, text }: ServerReply): string {
  return `${code} ${enhanced} ${text}`.trimEnd();
}

function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ').trim();
}
