// When a write-ahead log is moved into its database (DESIGN 5, "Checkpoints").

const PAGE = 4_096;

/** A PASSIVE checkpoint, which disturbs nobody, is due from 2 MB of WAL. */
export const PASSIVE_FRAMES = (2 * 1024 * 1024) / PAGE;

/** From 8 MB the WAL is restarted under the lock: PASSIVE alone never ends under steady load (263 MB were seen). */
export const RESTART_FRAMES = (8 * 1024 * 1024) / PAGE;
