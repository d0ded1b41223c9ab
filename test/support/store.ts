// A store opened in this process, without a server: to prepare its data, or to test it by itself.
import pino from 'pino';
import { createStoreShared, type OpenStoreOptions, openStore } from '#storage/open.ts';
import type { Store } from '#storage/ports.ts';

/** Opens the store in a folder, as a main thread that logs nothing; what is fatal to it is thrown. */
export function openQuietStore(data: string, options: Partial<OpenStoreOptions> = {}): Promise<Store> {
  return openStore({
    data,
    log: pino({ level: 'silent' }),
    shared: createStoreShared(),
    main: true,
    handles: 10,
    retentionDays: 14,
    fatal: (error) => {
      throw error;
    },
    ...options,
  });
}
