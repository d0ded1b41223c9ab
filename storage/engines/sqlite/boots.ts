// Which kernel boots this store ran under, and whether each ended with everything synced (DESIGN 4, "Nothing seen is
// ever given to other content"). Kept in directory.db, marked unclean durably before anything else is written, and
// clean after the last sync of an orderly end.

import { all, type Op, run } from '../../operation.ts';
import { Database } from './database.ts';
import type { Layout } from './layout.ts';
import type { Boots } from './upkeep.ts';
import { type SyncCalls, WalSync } from './wal-sync.ts';

/** Boots that are remembered: an account that nobody opened for so many is only made to jump without need. */
const KEPT = 1_000;

export interface BootRow {
  readonly id: string;
  readonly clean: number;
}

/** Answers for the databases' boot ids. */
export function bootsOf(current: string, rows: readonly BootRow[]): Boots {
  const clean = new Set(rows.filter((row) => row.clean !== 0).map((row) => row.id));
  return { current, endedCleanly: (id) => clean.has(id) };
}

/** The boots as directory.db has them; for threads that come later. */
export function readBoots(layout: Layout): BootRow[] {
  const database = new Database({ file: layout.directory, busyTimeout: 1_000 });
  try {
    return database.read(bootRows);
  } finally {
    database.close();
  }
}

/**
 * Notes, durably, that a run under this boot has begun. `interrupted` is true if the run before did not end cleanly: if it
 * was under the same boot, what it had committed is in the page cache, readable and perhaps not on the disk.
 */
export async function beginRun(
  layout: Layout,
  bootId: string,
  now: number,
  sync: SyncCalls,
): Promise<{ readonly rows: BootRow[]; readonly interrupted: boolean }> {
  const rows = await changeBoots(layout, sync, function* () {
    const rows = yield* bootRows();
    yield* run(
      `INSERT INTO boot (id, started, clean) VALUES ($1, $2, 0)
       ON CONFLICT (id) DO UPDATE SET clean = 0, started = excluded.started`,
      [bootId, now],
    );
    yield* run('DELETE FROM boot WHERE started <= (SELECT started FROM boot ORDER BY started DESC LIMIT 1 OFFSET $1)', [
      KEPT,
    ]);
    return rows;
  });
  // By the clock, and by the boot: the clock may have gone back.
  const here = rows.find(({ id }) => id === bootId);
  return { rows, interrupted: rows[0]?.clean === 0 || here?.clean === 0 };
}

/** Notes, durably, that everything committed under this boot is on the disk. */
export async function endRun(layout: Layout, bootId: string, sync: SyncCalls): Promise<void> {
  await changeBoots(layout, sync, () => run('UPDATE boot SET clean = 1 WHERE id = $1', [bootId]));
}

function* bootRows(): Op<BootRow[]> {
  return yield* all<BootRow>('SELECT id, clean FROM boot ORDER BY started DESC LIMIT $1', [KEPT]);
}

async function changeBoots<T>(layout: Layout, sync: SyncCalls, op: () => Op<T>): Promise<T> {
  const database = new Database({ file: layout.directory, busyTimeout: 1_000 });
  try {
    const { value } = database.write(op);
    const wal = new WalSync(layout.directory, sync);
    try {
      await wal.wait();
    } finally {
      await wal.close();
    }
    return value;
  } finally {
    database.close();
  }
}
