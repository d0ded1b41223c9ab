// What every helper thread of a store has: its end of the control channel, an engine of its own over the same files
// (same locks, same rule of syncing before answering), and the bodies.

import { bulkOperation } from '../account/bulk.ts';
import { createFileBlobs } from '../blobs/files.ts';
import type { Blobs } from '../blobs/port.ts';
import { type BootRow, bootsOf } from '../engines/sqlite/boots.ts';
import { Control } from '../engines/sqlite/control.ts';
import { type Maintenance, SqliteEngine } from '../engines/sqlite/engine.ts';
import { type Layout, layoutOf } from '../engines/sqlite/layout.ts';
import type { StoreShared } from '../engines/sqlite/shared.ts';
import type { StoreLog } from '../log.ts';

/** What a helper thread is told of the store; structured-cloneable. */
export interface StoreData {
  readonly data: string;
  readonly shared: StoreShared;
  readonly boots: readonly BootRow[];
}

export interface Member {
  readonly layout: Layout;
  readonly control: Control;
  readonly engine: SqliteEngine;
  readonly blobs: Blobs;
}

export interface MemberOptions {
  readonly log: StoreLog;
  /** Files that the thread keeps open at most. */
  readonly handles: number;
  readonly maintenance: Maintenance;
  readonly fatal: (error: Error) => void;
}

/** Joins the store from a helper thread; close the engine, then the control, to leave it. */
export function joinStore({ data, shared, boots }: StoreData, options: MemberOptions): Member {
  const layout = layoutOf(data);
  const control = new Control(shared);
  const engine = new SqliteEngine({
    layout,
    // A count of handles of its own: the budget of the process is the server threads'.
    shared: { ...shared, handles: new SharedArrayBuffer(4) },
    boots: bootsOf(shared.bootId, boots),
    control,
    bulk: bulkOperation,
    ...options,
  });
  return { layout, control, engine, blobs: createFileBlobs({ directory: data, log: options.log }) };
}
