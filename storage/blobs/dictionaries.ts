// What zstd knows beforehand of mail: the field names, forms and turns of phrase that a small piece has no room to repeat.
// A frame that was packed with a dictionary carries its number and can be read with that one alone, so a dictionary that
// was released stays as it is for ever; a better one gets the next number and is read beside it. bench/dictionary/
// trained these on public mail and on the forms of today's.

import { readFileSync } from 'node:fs';

/** The dictionaries that pieces are packed with. */
export interface Dictionaries {
  readonly header: Uint8Array;
  readonly body: Uint8Array;
}

/** Reads them: 8 KB each. */
export function readDictionaries(): Dictionaries {
  const read = (name: string) => readFileSync(new URL(name, import.meta.url));
  return { header: read('header-1.dictionary'), body: read('body-2.dictionary') };
}
