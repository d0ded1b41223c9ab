// Annotations of messages in commands (RFC 5257 8): what FETCH asks for, what STORE and APPEND set, what SEARCH compares.

import type { Annotation, AnnotationChange } from '#storage/account/annotation-port.ts';
import { ANNOTATION_BYTES, ANNOTATION_ENTRIES, ANNOTATION_NAME_CHARS } from '../limits.ts';
import { BadCommand, Refusal } from './errors.ts';
import { ListPattern } from './list-pattern.ts';
import type { Scanner } from './scanner.ts';

/** In the order in which they are told. */
const ATTRIBUTES = ['value.priv', 'value.shared', 'size.priv', 'size.shared'] as const;
export type AnnotationAttribute = (typeof ATTRIBUTES)[number];

/** Entries, by name or by a pattern. */
export interface AnnotationEntries {
  /** Without wildcards: told even where it is not there. */
  readonly names: readonly string[];
  readonly patterns: readonly ListPattern[];
}

export interface AnnotationRequest {
  readonly entries: AnnotationEntries;
  readonly attributes: readonly AnnotationAttribute[];
}

export function isMeant({ names, patterns }: AnnotationEntries, name: string): boolean {
  return names.includes(name) || patterns.some((pattern) => pattern.matches(name));
}

/** What a message has of an attribute's kind; of the two kinds, one is for all. */
export function isOf(attribute: AnnotationAttribute, { shared }: Annotation): boolean {
  return attribute.endsWith('.shared') === shared;
}

/** "(" entries SP attribs ")" */
export function annotationRequest(scanner: Scanner): AnnotationRequest {
  scanner.needs('ANNOTATE-EXPERIMENT-1');
  scanner.expect('(');
  const entries = entriesOf(oneOrMore(scanner));
  scanner.space();
  const attributes = attributesOf(oneOrMore(scanner));
  scanner.expect(')');
  return { entries, attributes };
}

/** "(" entry SP "(" attrib SP value ... ")" ... ")": values for oneself and for all. */
export function annotationChanges(scanner: Scanner): AnnotationChange[] {
  scanner.needs('ANNOTATE-EXPERIMENT-1');
  const changes: AnnotationChange[] = [];
  scanner.list(ANNOTATION_ENTRIES * 2, () => {
    const name = entryName(scanner.astring());
    scanner.space();
    for (let more = false, open = scanner.take('('); ; more = true) {
      if (!open) throw new BadCommand('Expected a list of attributes');
      if (more) scanner.space();
      const attribute = scanner.astring().toLowerCase();
      scanner.space();
      if (attribute !== 'value.priv' && attribute !== 'value.shared') throw new BadCommand('Not to be set');
      if (changes.length >= ANNOTATION_ENTRIES * 2) throw new BadCommand('Too many annotations');
      changes.push({ name, shared: attribute === 'value.shared', value: value(scanner.nstring8()) });
      if (scanner.take(')')) break;
      open = true;
    }
  });
  if (changes.length === 0) throw new BadCommand('No annotations');
  return changes;
}

/** entry-match SP attrib-match of SEARCH: the attributes are values. */
export function annotationToFind(scanner: Scanner): AnnotationRequest {
  scanner.needs('ANNOTATE-EXPERIMENT-1');
  const entries = entriesOf([scanner.listMailbox()]);
  scanner.space();
  const attributes = attributesOf([scanner.listMailbox()]);
  if (attributes.some((attribute) => !attribute.startsWith('value'))) throw new BadCommand('Only values are compared');
  return { entries, attributes };
}

function oneOrMore(scanner: Scanner): string[] {
  if (scanner.peek() !== '(') return [scanner.listMailbox()];
  const found: string[] = [];
  scanner.list(ANNOTATION_ENTRIES, () => found.push(scanner.listMailbox()));
  if (found.length === 0) throw new BadCommand('Empty list');
  return found;
}

function entriesOf(texts: readonly string[]): AnnotationEntries {
  const lower = texts.map((text) => text.toLowerCase());
  const isPattern = (text: string) => /[*%]/.test(text);
  for (const text of lower) if (text.length > ANNOTATION_NAME_CHARS) throw new BadCommand('Entry name too long');
  return {
    names: lower.filter((text) => !isPattern(text)).map(entryName),
    patterns: ListPattern.all('', lower.filter(isPattern), false),
  };
}

function attributesOf(texts: readonly string[]): AnnotationAttribute[] {
  const lower = texts.map((text) => text.toLowerCase());
  const patterns = ListPattern.all('', lower, false);
  // `value` alone means both kinds.
  const found = ATTRIBUTES.filter(
    (name) => lower.includes(name.replace(/\..*/, '')) || patterns.some((pattern) => pattern.matches(name)),
  );
  if (found.length === 0) throw new BadCommand('Unknown annotation attribute');
  return found;
}

const ENTRY = /^(?:\/[a-z0-9._-]+)+$/;

/** In lower case; letters, digits and little else, so that it can be told as it is. */
function entryName(text: string): string {
  const name = text.toLowerCase();
  if (name.length > ANNOTATION_NAME_CHARS || !ENTRY.test(name)) throw new BadCommand('Invalid entry name');
  return name;
}

function value(bytes: string | null): string | null {
  if (bytes === null) return null;
  if (bytes.length > ANNOTATION_BYTES) throw new Refusal('ANNOTATE TOOBIG', 'Too long');
  const text = Buffer.from(bytes, 'latin1').toString('utf8');
  if (text.includes('\0') || text.includes('\ufffd')) throw new Refusal('CANNOT', 'Annotations are text in UTF-8');
  return text;
}
