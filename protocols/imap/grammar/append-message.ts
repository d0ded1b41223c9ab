// The messages of APPEND and REPLACE (RFC 9051 9, append-message; MULTIAPPEND, RFC 3502; UTF8, RFC 6855 4).

import { type DateTime, dateTime } from './date-time.ts';
import { BadCommand } from './errors.ts';
import { type FlagList, flagList } from './flags.ts';
import type { Scanner } from './scanner.ts';

/** How a message's bytes are given. */
export type MessageForm = 'literal' | 'utf8';

export interface MessageHead {
  readonly flags: FlagList | null;
  readonly received: DateTime | null;
  readonly form: MessageForm;
}

/** SP [flag-list SP] [date-time SP], up to the literal. */
export function messageHead(scanner: Scanner): MessageHead {
  scanner.space();
  let flags: FlagList | null = null;
  if (scanner.peek() === '(') {
    flags = flagList(scanner);
    scanner.space();
  }
  let received: DateTime | null = null;
  if (scanner.peek() === '"') {
    received = dateTime(scanner);
    scanner.space();
  }
  if (!scanner.takeWord('UTF8')) return { flags, received, form: 'literal' };
  if (!scanner.utf8) throw new BadCommand('UTF8=ACCEPT is not enabled'); // RFC 6855 4
  scanner.space();
  scanner.expect('(');
  return { flags, received, form: 'utf8' };
}

/** Is the literal that is announced at the end of this text a message's? The text begins before its head. */
export function announcesMessage(scanner: Scanner): boolean {
  try {
    messageHead(scanner);
    return scanner.atPendingLiteral;
  } catch (error) {
    // Not (yet) the head of a message; what is wrong with it is told when it is read.
    if (error instanceof BadCommand) return false;
    throw error;
  }
}
