// The terms of one stored message, of the very text that a scan of it would look through.

import { hasEightBit } from '../message/charset.ts';
import { type Field, fields, fieldValue, latin1 } from '../message/headers.ts';
import { ADDRESS_FIELDS, readings } from '../message/readings.ts';
import { sections } from '../message/structure.ts';
import { lookAtText, type TextPiece, textPieces } from '../message/text.ts';
import type { MessageContent, MessageId } from '../ports.ts';
import type { IndexedMessage } from './index-file.ts';
import { type IndexedField, isIndexedField } from './port.ts';
import { Terms } from './terms.ts';

/** Reads and takes apart one message. Errors: those of its content. */
export async function messageTerms(
  message: MessageId,
  content: MessageContent,
  structure: string,
): Promise<IndexedMessage> {
  const header = new Terms();
  const body = new Terms();
  const take = (piece: TextPiece) => {
    (piece.header ? header : body).add(piece.text);
    return false;
  };
  if (!lookAtText(content, structure, { headers: true }, take)) {
    for await (const piece of textPieces(content, structure, { headers: true })) take(piece);
  }
  header.end();
  body.end();
  const block = latin1(await content.bytes(0, content.prefixLength + sections(structure).root.header.end));
  const others = otherReadings(block);
  const { fields: ofFields, complete: fieldsComplete } = fieldTerms(block);
  const complete = header.complete && body.complete && others.complete && fieldsComplete;
  const unsure = !complete || !others.all.isSubsetOf(header.all);
  return { message, header: header.all.union(others.all), body: body.all, fields: ofFields, unsure };
}

/** Of a message without any. */
export function noFields(): Record<IndexedField, ReadonlySet<string>> {
  return { cc: NONE, from: NONE, subject: NONE, to: NONE };
}

const NONE: ReadonlySet<string> = new Set();

/** What header keys look through where that may differ from the header's text: nearly always in the same words. */
function otherReadings(block: string): Terms {
  const raw = hasEightBit(block);
  const found = new Terms();
  for (const field of fields(block)) {
    if (raw || ADDRESS_FIELDS.has(field.name)) addReadings(found, block, field);
  }
  return found;
}

/** The terms of what keys for these fields look through. */
function fieldTerms(block: string): { fields: Record<IndexedField, ReadonlySet<string>>; complete: boolean } {
  const terms = new Map<IndexedField, Terms>();
  for (const field of fields(block)) {
    const { name } = field;
    if (!isIndexedField(name)) continue;
    const found = terms.get(name) ?? new Terms();
    addReadings(found, block, field);
    terms.set(name, found);
  }
  const found = noFields();
  for (const [name, { all }] of terms) found[name] = all;
  return { fields: found, complete: terms.values().every(({ complete }) => complete) };
}

function addReadings(terms: Terms, block: string, field: Field): void {
  for (const text of readings(field.name, [fieldValue(block, field)])) {
    terms.add(text);
    terms.end();
  }
}
