// Looks for texts in messages themselves, away from the session that asks: a share of the work of a search that the index
// can not decide.

import { setImmediate } from 'node:timers/promises';
import { Needles, Sought } from '../message/needles.ts';
import { lookAtBodyText, lookAtText, type TextPiece } from '../message/text.ts';
import type { MailAccount, MailboxId, MessageBody, MessageContent } from '../ports.ts';
import { bitOf, type Looked, type LookQuery } from './port.ts';

/** Looks into the messages that are at hand; the others are left out. Errors: unavailable, if one is damaged. */
export async function lookInto(mail: MailAccount, mailbox: MailboxId, query: LookQuery): Promise<Looked> {
  const [texts, bodies] = [new Sought(query.texts), new Sought(query.bodies)];
  const uids: number[] = [];
  const found: number[] = [];
  const take = (uid: number, inTexts: Needles | null, inBodies: Needles | null) => {
    if (inTexts === null || inBodies === null) return;
    uids.push(uid);
    found.push(maskOf(query.texts, inTexts, 0) | maskOf(query.bodies, inBodies, query.texts.length));
  };
  if (query.texts.length === 0) {
    const none = new Needles(texts);
    for await (const page of mail.listing(mailbox, query.uids, ['structure', 'body'])) {
      for (const { uid, structure, body } of page) take(uid, none, inBody(body, structure, bodies));
      await setImmediate();
    }
  } else {
    for await (const page of mail.listing(mailbox, query.uids, ['structure', 'content'])) {
      for (const { uid, structure, content } of page) {
        take(uid, inContent(content, structure, texts, true), inContent(content, structure, bodies, false));
      }
      await setImmediate();
    }
  }
  return { uids: Uint32Array.from(uids), found: Uint32Array.from(found) };
}

function inBody(body: MessageBody, structure: string, sought: Sought): Needles | null {
  const needles = new Needles(sought);
  const reader = ({ text }: TextPiece) => needles.feed(text);
  return lookAtBodyText(body, structure, sought.bytes, reader) ? needles : null;
}

function inContent(content: MessageContent, structure: string, sought: Sought, headers: boolean): Needles | null {
  const needles = new Needles(sought);
  if (sought.strings.size === 0) return needles;
  const reader = ({ text }: TextPiece) => needles.feed(text);
  return lookAtText(content, structure, { headers, sought: sought.bytes }, reader) ? needles : null;
}

function maskOf(strings: readonly string[], needles: Needles, from: number): number {
  let mask = 0;
  for (const [index, text] of strings.entries()) if (needles.found(text)) mask |= bitOf(from + index);
  return mask;
}
