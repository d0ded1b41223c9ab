// Folders that the server and not the terminal reads or writes.

import { StoreError } from '#storage/errors.ts';
import { Refused } from './command.ts';

/** Says whose rights were missing, where a running server was refused by the file system. */
export async function explainRights<T>(running: boolean, folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const denied = error instanceof StoreError && /EACCES|EPERM|EROFS/.test(error.message);
    if (!running || !denied) throw error;
    throw new Refused(`the server's user has no right to ${folder}: ${error.message}`, { cause: error });
  }
}
