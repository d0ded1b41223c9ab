// Texts as searches compare them: case ignored in all scripts, accents significant (RFC 9051 6.4.4, RFC 5051).

const ASCII = /^[\0-\x7f]*$/;

/** Folded, so that texts that differ only in case (or in how a character is composed) become equal. */
export function fold(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  // The sigma at a word's end is a sigma.
  return text.normalize('NFKD').toLowerCase().replaceAll('\u03c2', '\u03c3');
}
