// When a write-ahead log is moved into its database (DESIGN 5, "Checkpoints").

const PAGE = 4_096;

/**
 * A PASSIVE checkpoint, which disturbs nobody, is due from 4 MB of WAL: it costs three syncs (log, database, and the
 * header of the log that begins anew), and at 2 MB they were a tenth of a delivery's CPU. Read again after a kill, 4 MB
 * take some milliseconds.
 */
export const PASSIVE_FRAMES = (4 * 1024 * 1024) / PAGE;

/** From 8 MB the WAL is restarted under the lock: PASSIVE alone never ends under steady load (263 MB were seen). */
export const RESTART_FRAMES = (8 * 1024 * 1024) / PAGE;

/** The log's length is looked at after so many rows were written, about eight deliveries: looking costs a lock or two. */
export const WATCH_ROWS = 64;
