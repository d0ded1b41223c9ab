// The arguments of UIDBATCHES (RFC 10022).

import { BadCommand } from './errors.ts';
import { MAX_NUMBER, type Scanner } from './scanner.ts';

export interface BatchRequest {
  /** Messages in a batch. */
  readonly size: number;
  /** Which batches: 1 holds the newest messages. As given: nothing says yet that it rises. */
  readonly first: number;
  readonly last: number;
}

/** nz-number [SP nz-number ":" nz-number] */
export function batchRequest(scanner: Scanner): BatchRequest {
  const size = positive(scanner);
  if (!scanner.take(' ') || scanner.atEnd) return { size, first: 1, last: MAX_NUMBER };
  const first = positive(scanner);
  scanner.expect(':');
  return { size, first, last: positive(scanner) };
}

function positive(scanner: Scanner): number {
  const number = scanner.number();
  if (number === 0) throw new BadCommand('Batches and their messages are counted from 1');
  return number;
}
