// The arguments of GETMETADATA and SETMETADATA (RFC 5464 5), and of LIST's RETURN (METADATA ...) (RFC 9590).

import { METADATA_NAME_CHARS, METADATA_NAMES } from '../limits.ts';
import { BadCommand } from './errors.ts';
import type { Scanner } from './scanner.ts';

/** Levels below a name that are meant too. */
export type MetadataDepth = '0' | '1' | 'infinity';

export interface MetadataOptions {
  readonly maxSize: number | null;
  readonly depth: MetadataDepth;
}

/** entry = astring: in lower case, since names are compared so (RFC 5464 3.1). */
export function metadataName(scanner: Scanner): string {
  const name = scanner.astring().toLowerCase();
  if (name.length > METADATA_NAME_CHARS || !isName(name)) throw new BadCommand('Invalid entry name');
  return name;
}

function isName(name: string): boolean {
  return /^[ -~]*$/.test(name) && /^\/(?:private|shared)(?:\/[^/*%]+)*$/.test(name);
}

/** entries = entry / "(" entry *(SP entry) ")" */
export function metadataNames(scanner: Scanner): string[] {
  if (scanner.peek() !== '(') return [metadataName(scanner)];
  const names: string[] = [];
  scanner.list(METADATA_NAMES, () => names.push(metadataName(scanner)));
  if (names.length === 0) throw new BadCommand('No entries');
  return names;
}

/** ["(" option *(SP option) ")" SP] */
export function metadataOptions(scanner: Scanner): MetadataOptions {
  let maxSize: number | null = null;
  let depth: MetadataDepth = '0';
  if (scanner.peek() !== '(') return { maxSize, depth };
  scanner.list(2, () => {
    const option = scanner.atom().toUpperCase();
    scanner.space();
    if (option === 'MAXSIZE') maxSize = scanner.number();
    else if (option === 'DEPTH') depth = metadataDepth(scanner);
    else throw new BadCommand('Unknown GETMETADATA option');
  });
  scanner.space();
  return { maxSize, depth };
}

function metadataDepth(scanner: Scanner): MetadataDepth {
  const depth = scanner.atom().toLowerCase();
  if (depth !== '0' && depth !== '1' && depth !== 'infinity') throw new BadCommand('Unknown DEPTH');
  return depth;
}

/** "(" entry SP value *(SP entry SP value) ")", value = nstring / literal8 */
export function metadataValues(scanner: Scanner): [name: string, value: Buffer | null][] {
  const entries: [string, Buffer | null][] = [];
  scanner.list(METADATA_NAMES, () => {
    const name = metadataName(scanner);
    scanner.space();
    const value = scanner.nstring8();
    entries.push([name, value === null ? null : Buffer.from(value, 'latin1')]);
  });
  if (entries.length === 0) throw new BadCommand('No entries');
  return entries;
}

/** Is an entry meant by a name that was asked for? */
export function isMeant(entry: string, asked: string, depth: MetadataDepth): boolean {
  if (entry === asked) return true;
  if (depth === '0' || !entry.startsWith(`${asked}/`)) return false;
  return depth === 'infinity' || !entry.slice(asked.length + 1).includes('/');
}
