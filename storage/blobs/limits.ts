// The sizes that decide where a body lives and what it costs in memory.

import type { BudgetLimits } from './budget.ts';

/** Bodies up to this many bytes lie in the database, so that one sync covers a whole delivery (DESIGN 4). */
export const INLINE_BYTES = 64 * 1024;

/** Plain bytes of one frame of a blob file: a partial read decompresses whole frames, a writer holds two of them. */
export const FRAME_BYTES = 256 * 1024;

/** Frames of one blob file: 16 GiB, far above any configurable message size; bounds what a damaged footer can ask for. */
export const MAX_FRAMES = 65_536;

/** zstd's own default: 0.4 ms for a frame; higher levels gain little on mail and cost much. */
export const ZSTD_LEVEL = 3;

/** For small pieces, packed on the server thread before a message can be answered for: two thirds of level 3's CPU, for 2.3 %
 * more bytes. */
export const ZSTD_SMALL_LEVEL = 1;

/** The table in which a small piece is looked for in itself: 32 KB, which stay near the processor while other work is
 * done between two messages. zstd's own choice is four times that, and no smaller. */
export const ZSTD_SMALL_HASH_LOG = 13;

/** Longer pieces are packed without the dictionary, which would make them 1.7 % smaller: to look in it as well takes 29.9
 * us instead of 24.7. */
export const DICTIONARY_BYTES = 4_096;

/** Names per page of a sweep: one query of the caller each. */
export const SWEEP_PAGE = 500;

/** Frames being compressed at once in one server thread: each takes 3.5 MB while it is, and a thread of the pool that
 * the syncs of commits wait for, too. */
export const COMPRESSIONS = 2;

/** Memory of a large body on its way in: the frame that fills, and the one that is compressed and written. */
export const LARGE_STAGED_BYTES = 2 * FRAME_BYTES;

/** The least that a body on its way in is counted as; then its size doubles, as that of the buffers it is collected in. */
export const SMALL_STAGED_BYTES = 16 * 1024;

/** Memory for bodies on their way in, over all threads (budget.ts). What a socket has been read ahead is beside it. */
export const STAGING: BudgetLimits = {
  /** 32 MiB: two thousand ordinary messages at once, or 250 of the largest that stay in memory. */
  smallKib: 32 * 1024,
  /** 64 MiB: 128 large messages at once, far more than a disk keeps up with. */
  largeKib: 64 * 1024,
  /** Each of them has collected up to 64 KiB of body: together at most a fourth of the small purse. */
  waiting: 64,
  /** Longer than a stalled body is left alone, and shorter than any peer's patience (RFC 5321 4.5.3.2.5: 3 minutes). */
  waitMs: 45_000,
  /** 1 KiB/s, a tenth of the slowest mobile link, for half a minute. */
  stallBytes: 5 * 1024,
  stallPeriodMs: 5_000,
  stalls: 6,
};
