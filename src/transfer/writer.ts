// Writes what comes out of a mailbox in one of the formats of an export.

import type { FolderPiece, MessagePiece } from './pieces.ts';

/** The formats of an export; import reads them all, and tells them by itself. */
export const FORMATS = ['mbox', 'maildir', 'eml', 'zip'] as const;
export type Format = (typeof FORMATS)[number];

/** One export being written. Each promise is the back-pressure. */
export interface Writer {
  /** A folder; those of its messages come after it. */
  folder(folder: FolderPiece): Promise<void>;
  /** Begins a message. */
  begin(message: MessagePiece): Promise<void>;
  bytes(bytes: Uint8Array): Promise<void>;
  /** Ends the message. */
  end(): Promise<void>;
  /** The export is complete; what to tell besides. */
  finish(): Promise<readonly string[]>;
  /** The export failed: removes what would look like a complete one. */
  abandon(): Promise<void>;
}

/** The format that a path says: `.mbox`, `.zip`, else a Maildir. */
export function formatOf(path: string): Format {
  if (/\.mbox$/i.test(path)) return 'mbox';
  return /\.zip$/i.test(path) ? 'zip' : 'maildir';
}

/** Starts writing; Refused if the path is taken. */
export async function openWriter(path: string, format: Format): Promise<Writer> {
  switch (format) {
    case 'mbox':
      return (await import('./write-mbox.ts')).writeMbox(path);
    case 'maildir':
      return (await import('./write-maildir.ts')).writeMaildir(path);
    case 'eml':
      return (await import('./write-eml.ts')).writeEmlFolder(path);
    case 'zip':
      return (await import('./write-eml.ts')).writeZip(path);
  }
}
