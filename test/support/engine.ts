// An SQLite engine by itself, as one thread has it: no store above it, no other threads beside it.
import pino from 'pino';
import { type EngineOptions, SqliteEngine } from '#storage/engines/sqlite/engine.ts';
import { layoutOf } from '#storage/engines/sqlite/layout.ts';
import { createStoreShared } from '#storage/engines/sqlite/shared.ts';

/** An engine on a data directory, which logs nothing; what is fatal to it is thrown. */
export function engineOn(data: string, options: Partial<EngineOptions> = {}): SqliteEngine & AsyncDisposable {
  const { shared = createStoreShared() } = options;
  const engine = new SqliteEngine({
    layout: layoutOf(data),
    shared,
    log: pino({ level: 'silent' }),
    handles: 10,
    boots: { current: shared.bootId, endedCleanly: () => false },
    control: null,
    maintenance: null,
    bulk: null,
    fatal: (error) => {
      throw error;
    },
    ...options,
  });
  return Object.assign(engine, { [Symbol.asyncDispose]: () => engine.close() });
}
