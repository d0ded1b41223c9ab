// The arguments of SORT and THREAD before their search keys (RFC 5256 5, RFC 5957 5).

import { SORT_CRITERIA } from '../limits.ts';
import type { NumberName, TextName } from '../sort/sources.ts';
import { BadCommand } from './errors.ts';
import type { Scanner } from './scanner.ts';

export interface SortCriterion {
  /** `relevancy`: by the score of a fuzzy search, the best first (RFC 6203 6). */
  readonly key: NumberName | TextName | 'relevancy';
  readonly reverse: boolean;
}

const KEYS: ReadonlySet<string> = new Set([
  ...['ARRIVAL', 'CC', 'DATE', 'FROM', 'SIZE', 'SUBJECT', 'TO'],
  ...['DISPLAYFROM', 'DISPLAYTO'],
  'RELEVANCY',
]);

/** sort-criteria = "(" sort-criterion *(SP sort-criterion) ")" */
export function sortCriteria(scanner: Scanner): SortCriterion[] {
  const criteria: SortCriterion[] = [];
  scanner.list(SORT_CRITERIA, () => {
    const reverse = scanner.takeWord('REVERSE');
    if (reverse) scanner.space();
    const name = scanner.atom().toUpperCase();
    if (name.startsWith('DISPLAY')) scanner.needs('SORT=DISPLAY');
    if (name === 'RELEVANCY') scanner.needs('SEARCH=FUZZY');
    if (!KEYS.has(name)) throw new BadCommand('Unknown sort criterion');
    criteria.push({ key: name.toLowerCase() as SortCriterion['key'], reverse });
  });
  if (criteria.length === 0) throw new BadCommand('SORT without criteria');
  return criteria;
}

export type Algorithm = 'ORDEREDSUBJECT' | 'REFERENCES';

/** thread-alg */
export function threadAlgorithm(scanner: Scanner): Algorithm {
  const name = scanner.atom().toUpperCase();
  if (name !== 'ORDEREDSUBJECT' && name !== 'REFERENCES') throw new BadCommand('Unknown threading algorithm');
  scanner.needs(`THREAD=${name}`);
  return name;
}
