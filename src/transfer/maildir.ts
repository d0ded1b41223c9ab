// Maildir++ names: folders as `.Work.Sub` (modified UTF-7), flags after `:2,` in file names, keywords as the letters
// that Dovecot's `dovecot-keywords` explains.

import { Flag } from '#storage/ports.ts';
import { decodeModifiedUtf7, encodeModifiedUtf7 } from './modified-utf7.ts';

/** The file that explains a folder's letters, a line each: `0 $Label`. */
export const KEYWORDS_FILE = 'dovecot-keywords';

/** a to z. */
export const MAX_KEYWORDS = 26;

const LETTERS = [
  [Flag.draft, 'D'],
  [Flag.flagged, 'F'],
  [Flag.answered, 'R'],
  [Flag.seen, 'S'],
  [Flag.deleted, 'T'],
] as const;

/** The keyword that Maildir has a letter of its own for ("passed"). */
const FORWARDED = '$Forwarded';

/** What follows `:2,` in a file's name; `letters` are the folder's keywords in order. */
export function infoOf(flags: number, keywords: readonly string[], letters: readonly string[]): string {
  const system = LETTERS.map(([bit, letter]) => (flags & bit ? letter : '')).join('');
  const passed = keywords.some((keyword) => keyword.toLowerCase() === FORWARDED.toLowerCase()) ? 'P' : '';
  const own = keywords
    .map((keyword) => letters.findIndex((known) => known.toLowerCase() === keyword.toLowerCase()))
    .filter((i) => i >= 0 && i < MAX_KEYWORDS)
    .sort((a, b) => a - b)
    .map((i) => String.fromCharCode(97 + i));
  return [...system, ...passed].sort().join('') + own.join('');
}

/** True of keywords that need a letter. */
export function needsLetter(keyword: string): boolean {
  return keyword.toLowerCase() !== FORWARDED.toLowerCase();
}

/** The flags in a file's name. */
export function flagsOf(name: string, letters: ReadonlyMap<number, string>): { flags: number; keywords: string[] } {
  const info = /[:;!]2,([A-Za-z]*)$/.exec(name)?.[1] ?? '';
  const keywords = info.includes('P') ? [FORWARDED] : [];
  for (const letter of info) {
    const keyword = letters.get(letter.charCodeAt(0) - 97);
    if (keyword !== undefined) keywords.push(keyword);
  }
  return { flags: LETTERS.reduce((flags, [bit, letter]) => flags | (info.includes(letter) ? bit : 0), 0), keywords };
}

/** The keywords of a `dovecot-keywords` file by number. */
export function parseKeywords(text: string): Map<number, string> {
  return new Map(
    Array.from(text.matchAll(/^(\d{1,2}) (\S+)[ \r]*$/gm), ([, number, keyword]) => [Number(number), keyword ?? '']),
  );
}

/**
 * When a message came in: its file's date, or the time in its name if that is earlier (a copied Maildir has new dates
 * on its files, and Dovecot's IMAP APPEND puts the date it was given on the file alone).
 */
export function maildirDate(name: string, fileDate: number): number {
  const inName = Number(/^(\d{9,10})\./.exec(name)?.[1] ?? Number.POSITIVE_INFINITY);
  return Math.min(inName, fileDate);
}

/** True if the name says that the file's size is the message's: its line ends are CRLF, or are meant as they stand. */
export function isExact(name: string): boolean {
  const size = /,S=(\d+)/.exec(name)?.[1];
  return size !== undefined && size === /,W=(\d+)/.exec(name)?.[1];
}

/** The directory of a folder: '' for INBOX, `.Work.Sub`. */
export function directoryOf(path: readonly string[]): string {
  if (path.length === 1 && path[0]?.toUpperCase() === 'INBOX') return '';
  return path.map((level) => `.${encodeModifiedUtf7(level, './')}`).join('');
}

/** The folder of a directory below a Maildir (Maildir++, or Dovecot's layout of plain directories). */
export function folderOf(directory: string): string[] {
  const levels = directory
    .split('/')
    .flatMap((name) => (name.startsWith('.') ? name.slice(1).split('.') : [name]))
    .map(decodeModifiedUtf7)
    .filter((level) => level !== '');
  // Courier puts all below INBOX.
  if (levels.length > 1 && levels[0]?.toUpperCase() === 'INBOX') levels.shift();
  return levels.length === 0 ? ['INBOX'] : levels;
}
