// The messages of APPEND and REPLACE (RFC 9051 9, append-message; MULTIAPPEND, RFC 3502; UTF8, RFC 6855 4; CATENATE,
// RFC 4469 5).

import type { AnnotationChange } from '#storage/account/annotation-port.ts';
import { annotationChanges } from './annotation.ts';
import { type DateTime, dateTime } from './date-time.ts';
import { BadCommand, Refusal } from './errors.ts';
import { type FlagList, flagList } from './flags.ts';
import type { Scanner } from './scanner.ts';

/** How a message's bytes are given: at once, or in parts. */
export type MessageForm = 'literal' | 'utf8' | 'catenate';

export interface MessageHead {
  readonly flags: FlagList | null;
  readonly received: DateTime | null;
  readonly annotations: readonly AnnotationChange[];
  readonly form: MessageForm;
}

/** Flags and a date, if at all, and then the message: what is wrong with them is told when they are read. */
const USUAL = / (?:\([\\$\w ]{0,200}\) )?(?:"[ \w:+-]{1,40}" )?~?\{\d+\+?\}$/y;

/** SP [flag-list SP] [date-time SP] ["ANNOTATION" SP annotations SP], up to the literal or the first part. */
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
  let annotations: readonly AnnotationChange[] = [];
  if (scanner.takeWord('ANNOTATION')) {
    scanner.space();
    annotations = annotationChanges(scanner);
    scanner.space();
  }
  return { flags, received, annotations, form: messageForm(scanner) };
}

function messageForm(scanner: Scanner): MessageForm {
  const form = scanner.takeWord('UTF8') ? 'utf8' : scanner.takeWord('CATENATE') ? 'catenate' : 'literal';
  if (form === 'literal') return form;
  if (form === 'utf8' && !scanner.utf8) throw new BadCommand('UTF8=ACCEPT is not enabled'); // RFC 6855 4
  if (form === 'catenate') scanner.needs('CATENATE');
  scanner.space();
  scanner.expect('(');
  return form;
}

/** A part of CATENATE: the URL, or null before a literal. */
export function catenatePart(scanner: Scanner): string | null {
  const isText = scanner.takeWord('TEXT');
  if (!isText && !scanner.takeWord('URL')) throw new BadCommand('Expected TEXT or URL');
  scanner.space();
  return isText ? null : scanner.astring();
}

/**
 * Is the literal that is announced at the end of this text a message's, or a part of one? The text begins before a
 * message's head; `inside`: before a part of CATENATE.
 */
export function announcesMessage(scanner: Scanner, inside = false): boolean {
  if (!inside && scanner.seesPending(USUAL)) return true;
  try {
    for (let parts = inside; ; ) {
      if (!parts && messageHead(scanner).form !== 'catenate') return scanner.atPendingLiteral;
      if (catenatePart(scanner) === null) return scanner.atPendingLiteral;
      parts = !scanner.take(')');
      if (parts) scanner.space();
    }
  } catch (error) {
    // Not (yet) the head of a message; what is wrong with it is told when it is read.
    if (error instanceof BadCommand || error instanceof Refusal) return false;
    throw error;
  }
}
