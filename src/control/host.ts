// What a command is given beside the store: the same in the running server and without one.

import { statSync } from 'node:fs';
import type { Logger } from 'pino';
import type { Config } from '#config/schema.ts';
import type { SessionRecord } from '#protocols/ports.ts';
import { StoreError } from '#storage/errors.ts';
import { createStoreShared, type OpenStore, openStore } from '#storage/open.ts';
import { Refused } from '../commands/command.ts';
import { createRootLog } from '../observe/log.ts';

export interface Host {
  readonly config: Config;
  readonly store: OpenStore;
  readonly log: Logger;
  /** The last sessions of an IP address or an account; only where a server runs. */
  readonly sessions?: (subject: string) => Promise<SessionRecord[]>;
  /** True in the running server. */
  readonly running: boolean;
}

/** Opens the store here, under DATA/lock, for one command; undefined if another process has it. */
export async function openHost(config: Config): Promise<(Host & AsyncDisposable) | undefined> {
  refuseForeignOwner(config.data);
  // At a terminal what goes well is told by the command.
  const level = config.log.level === 'info' ? 'warn' : config.log.level;
  const { log, flush } = createRootLog({ level, thread: 0 });
  const fatal = (error: Error): void => {
    log.fatal({ err: error }, 'a write could not be made durable: nothing more can be promised');
    flush();
    process.exit(1);
  };
  try {
    const { handles, retentionDays } = config.storage;
    const shared = createStoreShared();
    const store = await openStore({ data: config.data, log, shared, main: true, handles, retentionDays, fatal });
    return { config, store, log, running: false, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
  } catch (error) {
    if (error instanceof StoreError && error.code === 'busy') return undefined;
    throw error;
  }
}

/** Root would leave files that the server's own user can't open. */
function refuseForeignOwner(data: string): void {
  if (process.getuid?.() !== 0) return;
  const owner = statSync(data, { throwIfNoEntry: false })?.uid ?? 0;
  if (owner === 0) return;
  throw new Refused(
    `${data} belongs to another user (${owner}) and no server runs: run the command as that user (sudo -u '#${owner}' ...)`,
  );
}
