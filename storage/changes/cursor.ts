// A position in the log of a class: `<epoch>.<modseq>` after everything of that modseq, `<epoch>.<modseq>.<seq>` in the
// middle of a transaction's rows. Opaque above the store.

import { StoreError } from '../errors.ts';
import type { Cursor } from '../ports.ts';

export interface Position {
  readonly epoch: number;
  readonly modseq: number;
  /** The last row of that modseq which has been seen; null: all of them. */
  readonly seq: number | null;
}

const FORM = /^([1-9]\d{0,15})\.(\d{1,16})(?:\.(\d{1,15}))?$/;

/** A position as clients keep it. */
export function formatCursor(position: Position): Cursor {
  const { epoch, modseq, seq } = position;
  return seq === null ? `${epoch}.${modseq}` : `${epoch}.${modseq}.${seq}`;
}

/** The position of a cursor; one that we never gave is stale. */
export function parseCursor(cursor: Cursor): Position {
  const match = FORM.exec(cursor);
  const [epoch, modseq, seq] = [Number(match?.[1]), Number(match?.[2]), match?.[3]];
  if (match === null || !Number.isSafeInteger(epoch) || !Number.isSafeInteger(modseq)) {
    throw new StoreError('stale-cursor', 'not a cursor of this store');
  }
  return { epoch, modseq, seq: seq === undefined ? null : Number(seq) };
}
