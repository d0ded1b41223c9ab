// Looks for texts in messages themselves, many at a time: what a search does that the index can not decide, in the
// session's thread and in the search thread.

import { StoreError } from '../errors.ts';
import { Needles, Sought } from '../message/needles.ts';
import { lookAtBodyText, lookAtText, type TextPiece, textPieces } from '../message/text.ts';
import type { MailAccount, MailboxId, MessageBody, MessageContent } from '../ports.ts';
import { bitOf, type Looked, type LookQuery } from './port.ts';

/** Called after each message: it may want other work to have its turn first. */
export type Turn = () => Promise<void> | undefined;

/** Looks into messages; those that are gone are left out. Errors: unavailable, if one can't be read; what `turn` throws. */
export async function lookInto(mail: MailAccount, mailbox: MailboxId, query: LookQuery, turn: Turn): Promise<Looked> {
  const [texts, bodies] = [new Sought(query.texts), new Sought(query.bodies)];
  const looked: [uid: number, mask: number][] = [];
  const take = (uid: number, inTexts: Needles, inBodies: Needles) => {
    looked.push([uid, maskOf(query.texts, inTexts, 0) | maskOf(query.bodies, inBodies, query.texts.length)]);
  };
  const takeRead = async (uid: number, content: Promise<MessageContent>, structure: string) => {
    try {
      const here = await content;
      take(uid, await readIn(here, structure, texts, true), await readIn(here, structure, bodies, false));
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'not-found') throw error;
    }
  };
  if (query.texts.length === 0) {
    const none = new Needles(texts);
    for await (const page of mail.listing(mailbox, query.uids, ['message', 'structure', 'body'])) {
      for (const { uid, message, structure, body } of page) {
        const found = lookInBody(body, structure, bodies);
        if (found === null) await takeRead(uid, mail.content(message), structure);
        else take(uid, none, found);
        const due = turn();
        if (due !== undefined) await due;
      }
    }
  } else {
    for await (const page of mail.listing(mailbox, query.uids, ['structure', 'content'])) {
      for (const { uid, structure, content } of page) {
        const inTexts = lookIn(content, structure, texts, true);
        const inBodies = lookIn(content, structure, bodies, false);
        if (inTexts === null || inBodies === null) await takeRead(uid, Promise.resolve(content), structure);
        else take(uid, inTexts, inBodies);
        const due = turn();
        if (due !== undefined) await due;
      }
    }
  }
  return { uids: Uint32Array.from(looked, ([uid]) => uid), found: Uint32Array.from(looked, ([, mask]) => mask) };
}

/** Null if the body is not at hand. */
function lookInBody(body: MessageBody, structure: string, sought: Sought): Needles | null {
  const needles = new Needles(sought);
  const reader = ({ text }: TextPiece) => needles.feed(text);
  return lookAtBodyText(body, structure, sought.bytes, reader) ? needles : null;
}

function lookIn(content: MessageContent, structure: string, sought: Sought, headers: boolean): Needles | null {
  const needles = new Needles(sought);
  if (sought.strings.size === 0) return needles;
  const reader = ({ text }: TextPiece) => needles.feed(text);
  return lookAtText(content, structure, { headers, sought: sought.bytes }, reader) ? needles : null;
}

/** The same of one that must be waited for. */
async function readIn(content: MessageContent, structure: string, sought: Sought, headers: boolean): Promise<Needles> {
  const needles = new Needles(sought);
  if (sought.strings.size === 0) return needles;
  for await (const { text } of textPieces(content, structure, { headers })) if (needles.feed(text)) break;
  return needles;
}

function maskOf(strings: readonly string[], needles: Needles, from: number): number {
  let mask = 0;
  for (const [index, text] of strings.entries()) if (needles.found(text)) mask |= bitOf(from + index);
  return mask;
}
