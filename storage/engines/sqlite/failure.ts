// Turns what SQLite and the file system throw into the store's closed set of errors.

import { StoreError, type StoreErrorCode } from '../../errors.ts';

const BY_CODE: Readonly<Record<string, StoreErrorCode>> = {
  SQLITE_FULL: 'no-space',
  // The -shm file could not be made as large as it has to be.
  SQLITE_IOERR_SHMSIZE: 'no-space',
  ENOSPC: 'no-space',
  EDQUOT: 'no-space',
  SQLITE_CORRUPT: 'corrupt',
  SQLITE_NOTADB: 'corrupt',
  SQLITE_BUSY: 'busy',
  SQLITE_LOCKED: 'busy',
  SQLITE_PROTOCOL: 'busy',
  EMFILE: 'busy',
  ENFILE: 'busy',
};

/** The code of a thrown thing (`SQLITE_IOERR_READ`, `ENOSPC`), or ''. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return '';
  return error.code;
}

/** True of SQLite's refusals that a retry may lift. */
export function isBusy(error: unknown): boolean {
  return kindOf(codeOf(error)) === 'busy' && codeOf(error).startsWith('SQLITE_');
}

/** True if the disk is full. */
export function isNoSpace(error: unknown): boolean {
  return kindOf(codeOf(error)) === 'no-space';
}

/** True if SQLite could not sync a file. */
export function isFailedSync(error: unknown): boolean {
  return /^SQLITE_IOERR_(DIR_)?FSYNC$/.test(codeOf(error));
}

/** True of errors that come of the machine, false of those that are a mistake in the program. */
export function isExpected(error: unknown): boolean {
  const code = codeOf(error);
  return error instanceof StoreError || kindOf(code) !== undefined || isFault(code);
}

/** The same failure as a StoreError; one that is already one is left as it is. */
export function toStoreError(error: unknown, where: string): StoreError {
  if (error instanceof StoreError) return error;
  const code = kindOf(codeOf(error)) ?? 'unavailable';
  return new StoreError(code, `${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}

function kindOf(code: string): StoreErrorCode | undefined {
  // Extended codes (SQLITE_CORRUPT_VTAB, SQLITE_BUSY_SNAPSHOT) mean what their first two words say.
  return BY_CODE[code] ?? BY_CODE[code.split('_', 2).join('_')];
}

function isFault(code: string): boolean {
  return /^SQLITE_(IOERR|CANTOPEN|READONLY|NOMEM|PERM|AUTH)/.test(code) || /^E[A-Z]+$/.test(code);
}
