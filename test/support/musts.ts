// Tables of what standards demand, each line with the test that holds us to it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Which standard or section, what must be, and the file (below test/) and title, or a part of it, of the test. */
export type Must = readonly [where: string, rule: string, file: string, title: string];

/** Those whose test is not there. */
export function untested(musts: readonly Must[]): Must[] {
  const texts = new Map<string, string>();
  return musts.filter(([, , file, title]) => {
    const text = texts.get(file) ?? readFileSync(join(import.meta.dirname, '..', file), 'utf8');
    texts.set(file, text);
    return !text.includes(title);
  });
}
