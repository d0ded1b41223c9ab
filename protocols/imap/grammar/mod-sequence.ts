// The parameters of SELECT and the modifiers of FETCH and STORE, most of which carry mod-sequences (RFC 7162 7).

import { MODIFIERS } from '../limits.ts';
import { BadCommand } from './errors.ts';
import type { Scanner } from './scanner.ts';
import { type PartialRange, partialRange } from './search-return.ts';
import { type SequenceSet, sequenceSet } from './sequence-set.ts';

const DIGITS = /\d{1,19}/y;
const LARGEST = 2n ** 63n - 1n;

/**
 * mod-sequence-valzer: up to 2^63 - 1. 0 is taken everywhere, since iOS sends CHANGEDSINCE 0. Values that no number of
 * ours can have are told as the largest that one can.
 */
export function modSequence(scanner: Scanner): number {
  const digits = scanner.match(DIGITS)?.[0];
  if (digits === undefined) throw new BadCommand('Expected a mod-sequence');
  if (digits.length > 15 && BigInt(digits) > LARGEST) throw new BadCommand('Mod-sequence too large');
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}

const LIST_AHEAD = / (?=\()/y;

/** [SP "(" name ... *(SP name ...) ")"]: `read` takes what follows a name, and refuses names it does not know. */
export function modifiers(scanner: Scanner, read: (name: string) => void): void {
  if (scanner.match(LIST_AHEAD) === null) return;
  let count = 0;
  scanner.list(MODIFIERS, () => {
    count++;
    read(scanner.atom().toUpperCase());
  });
  if (count === 0) throw new BadCommand('Empty list');
}

export interface FetchModifiers {
  /** Only messages with a greater mod-sequence (RFC 7162 3.1.4.1). */
  changedSince: number | null;
  /** And what was expunged since (RFC 7162 3.2.6). */
  vanished: boolean;
  /** Only these of the messages (RFC 9394 3.3). */
  partial: PartialRange | null;
}

/** fetch-modifiers */
export function fetchModifiers(scanner: Scanner): FetchModifiers {
  const found: FetchModifiers = { changedSince: null, vanished: false, partial: null };
  modifiers(scanner, (name) => {
    if (name === 'VANISHED') {
      scanner.needs('QRESYNC');
      found.vanished = true;
    } else if (name === 'CHANGEDSINCE') {
      scanner.needs('CONDSTORE');
      scanner.space();
      found.changedSince = modSequence(scanner);
    } else if (name === 'PARTIAL') {
      scanner.needs('PARTIAL');
      scanner.space();
      found.partial = partialRange(scanner);
    } else throw new BadCommand('Unknown FETCH modifier');
  });
  return found;
}

/** [SP "(" "UNCHANGEDSINCE" SP mod-sequence-valzer ")"] of STORE (RFC 7162 3.1.3). */
export function unchangedSince(scanner: Scanner): number | undefined {
  let found: number | undefined;
  modifiers(scanner, (name) => {
    if (name !== 'UNCHANGEDSINCE') throw new BadCommand('Unknown STORE modifier');
    scanner.needs('CONDSTORE');
    scanner.space();
    found = modSequence(scanner);
  });
  return found;
}

/** What a client knew of a mailbox when it left (RFC 7162 3.2.5). */
export interface Resync {
  readonly uidvalidity: number;
  readonly modseq: number;
  /** null: all. */
  readonly known: SequenceSet | null;
  /** Some sequence numbers, and the UIDs that they stood for. */
  readonly match: { readonly numbers: SequenceSet; readonly uids: SequenceSet } | null;
}

export interface SelectParameters {
  /** Changes of annotations are to be told (RFC 5257 4.1). */
  annotate: boolean;
  condstore: boolean;
  qresync: Resync | null;
}

/** select-params */
export function selectParameters(scanner: Scanner): SelectParameters {
  const found: SelectParameters = { annotate: false, condstore: false, qresync: null };
  modifiers(scanner, (name) => {
    if (name === 'CONDSTORE' || name === 'QRESYNC') scanner.needs(name);
    if (name === 'ANNOTATE') {
      scanner.needs('ANNOTATE-EXPERIMENT-1');
      found.annotate = true;
    } else if (name === 'CONDSTORE') found.condstore = true;
    else if (name === 'QRESYNC') {
      scanner.space();
      found.qresync = resync(scanner);
    } else throw new BadCommand('Unknown SELECT parameter');
  });
  return found;
}

const SET_AHEAD = / (?=\d)/y;

/** "(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")" */
function resync(scanner: Scanner): Resync {
  scanner.expect('(');
  const uidvalidity = scanner.number();
  scanner.space();
  const modseq = modSequence(scanner);
  const known = scanner.match(SET_AHEAD) === null ? null : withoutStar(scanner);
  let match: Resync['match'] = null;
  if (scanner.match(LIST_AHEAD) !== null) {
    scanner.expect('(');
    const numbers = withoutStar(scanner);
    scanner.space();
    match = { numbers, uids: withoutStar(scanner) };
    scanner.expect(')');
  }
  scanner.expect(')');
  return { uidvalidity, modseq, known, match };
}

/** RFC 7162 7, known-uids: neither "*" nor "$" is allowed. */
function withoutStar(scanner: Scanner): SequenceSet {
  const set = sequenceSet(scanner);
  if (set.saved || set.pairs.some(([first, last]) => first === 0 || last === 0)) throw new BadCommand('Numbers only');
  return set;
}
