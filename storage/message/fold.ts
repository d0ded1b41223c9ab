// Texts as searches compare them: by i;unicode-casemap (RFC 5051, RFC 5255 4.2), so case is ignored in all scripts and
// accents are significant (RFC 9051 6.4.4).

import { casemap, isAscii } from './casemap.ts';

/** Folded, so that texts that differ only in case (or in how a character is composed) become equal; in lower case. */
export function fold(text: string): string {
  if (isAscii(text)) return text.toLowerCase();
  // Decomposed before as well: letters in ligatures have their case ignored too. The sigma at a word's end is a sigma.
  return casemap(text.normalize('NFKD')).toLowerCase().replaceAll('\u03c2', '\u03c3');
}
