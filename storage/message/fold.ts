// Texts as searches compare them: by i;unicode-casemap (RFC 5051, RFC 5255 4.2), so case is ignored in all scripts and
// accents are significant (RFC 9051 6.4.4).

import { casemap } from './casemap.ts';

const OTHER = /[^\0-\x7f]/g;
/** A run of characters beyond ASCII ends before so many of ASCII: the few between them cost less than another run. */
const ASCII_AFTER = /[\0-\x7f]{8}/g;

/** Folded, so that texts that differ only in case (or in how a character is composed) become equal; in lower case. */
export function fold(text: string): string {
  let from = nextOf(OTHER, text, 0);
  if (from < 0) return text.toLowerCase();
  // An ASCII character has no part in what its neighbours become (it is a starter, and decomposes into itself), and
  // nearly all texts are mostly made of them.
  let folded = '';
  for (let done = 0; ; ) {
    const end = from < 0 ? -1 : nextOf(ASCII_AFTER, text, from);
    if (from < 0) return folded + text.slice(done).toLowerCase();
    folded += text.slice(done, from).toLowerCase();
    if (end < 0) return folded + foldOthers(text.slice(from));
    folded += foldOthers(text.slice(from, end));
    done = end;
    from = nextOf(OTHER, text, end);
  }
}

/** Where the first match from here begins; -1 if there is none. */
function nextOf(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? -1;
}

function foldOthers(text: string): string {
  // Decomposed before as well: letters in ligatures have their case ignored too. The sigma at a word's end is a sigma.
  return casemap(text.normalize('NFKD')).toLowerCase().replaceAll('\u03c2', '\u03c3');
}
