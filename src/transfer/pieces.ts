// What crosses between a file and a mailbox at import and export: folders, and messages as a head, bytes and an end.

import type { SpecialUse } from '#storage/ports.ts';
import type { Piece } from '../control/wire.ts';

export type FolderPiece = {
  readonly kind: 'folder';
  /** The levels of its name. */
  readonly path: readonly string[];
  /** What the first level is for, if its name says so; the account's own folder for that is meant. */
  readonly special: SpecialUse;
};

export type MessagePiece = {
  readonly kind: 'message';
  /** What to call it in a report: a file, or its number in one. */
  readonly where: string;
  /** Bits of Flag. */
  readonly flags: number;
  readonly keywords: readonly string[];
  /** INTERNALDATE, where the source says so. */
  readonly received: Received | null;
  /** At export to an mbox: what that can't show of the message's line ends. */
  readonly shape?: Shape;
  /** At export: how long it is. */
  readonly size?: number;
  /** Its file's date: the INTERNALDATE of a message that tells nothing better itself. */
  readonly fileDate: number | null;
};

export type Received = { readonly seconds: number; readonly offsetMinutes: number };

/** What of a message's line ends an mbox can't show by itself. */
export type Shape = {
  /** Some lines end otherwise than in CRLF. */
  readonly raw: boolean;
  /** The last line has no end. */
  readonly open: boolean;
};

/** Ends a message's bytes. */
export type EndPiece = { readonly kind: 'end' };

/** Something that was left out, and why. */
export type ProblemPiece = { readonly kind: 'problem'; readonly where: string; readonly reason: string };

/** A folder comes before its messages; bytes come between a message and its end. */
export type TransferPiece = FolderPiece | MessagePiece | EndPiece | ProblemPiece | Uint8Array;

/** Tells bytes from the rest. */
export function isBytes(piece: Piece | TransferPiece): piece is Uint8Array {
  return piece instanceof Uint8Array;
}
