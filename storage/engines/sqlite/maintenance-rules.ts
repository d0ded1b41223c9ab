// When a write-ahead log is moved into its database (DESIGN 5, "Checkpoints").

const PAGE = 4_096;

/**
 * A checkpoint is due from 3 MB of WAL: it costs five syncs, and at 2 MB they were a tenth of a delivery's CPU. Read
 * again after a kill, 3 MB take some milliseconds. After each the log begins anew: under steady load one that is only
 * moved never ends (263 MB were seen).
 */
export const CHECKPOINT_FRAMES = (3 * 1024 * 1024) / PAGE;

/** From 8 MB on it is not put off any more. */
export const URGENT_FRAMES = (8 * 1024 * 1024) / PAGE;

/** The log's length is looked at after so many rows were written, about eight deliveries: looking costs a lock or two. */
export const WATCH_ROWS = 64;
