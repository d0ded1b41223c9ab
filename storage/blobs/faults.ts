// Turns what the file system throws into the store's closed set of errors.

import { StoreError } from '../errors.ts';

/** ENOSPC and EDQUOT are `no-space`; every other failure is a temporary fault. A StoreError passes unchanged. */
export function asStoreError(cause: unknown, what: string): StoreError {
  if (cause instanceof StoreError) return cause;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return new StoreError(code === 'ENOSPC' || code === 'EDQUOT' ? 'no-space' : 'unavailable', what, { cause });
}

/** Runs file work so that only a StoreError leaves it. */
export async function guarded<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw asStoreError(cause, what);
  }
}
