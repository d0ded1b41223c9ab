// The terms of one stored message, of the very text that a scan of it would look through.

import { hasEightBit } from '../message/charset.ts';
import { fields, fieldValue, latin1 } from '../message/headers.ts';
import { ADDRESS_FIELDS, readings } from '../message/readings.ts';
import { sections } from '../message/structure.ts';
import { textPieces } from '../message/text.ts';
import type { MessageContent, MessageId } from '../ports.ts';
import type { IndexedMessage } from './index-file.ts';
import { Terms } from './terms.ts';

/** Reads and takes apart one message. Errors: those of its content. */
export async function messageTerms(
  message: MessageId,
  content: MessageContent,
  structure: string,
): Promise<IndexedMessage> {
  const header = new Terms();
  const body = new Terms();
  for await (const piece of textPieces(content, structure, { headers: true }))
    (piece.header ? header : body).add(piece.text);
  header.end();
  body.end();
  const others = new Terms();
  for (const text of await otherReadings(content, structure)) {
    others.add(text);
    others.end();
  }
  const complete = header.complete && body.complete && others.complete;
  const unsure = !complete || !others.all.isSubsetOf(header.all);
  return { message, header: header.all.union(others.all), body: body.all, unsure };
}

/** What header keys look through where that may differ from the header's text: nearly always in the same words. */
async function otherReadings(content: MessageContent, structure: string): Promise<string[]> {
  const { root } = sections(structure);
  const block = latin1(await content.bytes(0, content.prefixLength + root.header.end));
  const raw = hasEightBit(block);
  const found: string[] = [];
  for (const field of fields(block)) {
    if (raw || ADDRESS_FIELDS.has(field.name)) found.push(...readings(field.name, [fieldValue(block, field)]));
  }
  return found;
}
