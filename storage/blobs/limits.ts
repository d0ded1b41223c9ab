// The sizes that decide where a body lives and what it costs in memory.

/** Bodies up to this many bytes lie in the database, so that one sync covers a whole delivery (DESIGN 4). */
export const INLINE_BYTES = 64 * 1024;

/** Plain bytes of one frame of a blob file: a partial read decompresses whole frames, a writer holds two of them. */
export const FRAME_BYTES = 256 * 1024;

/** Frames of one blob file: 16 GiB, far above any configurable message size; bounds what a damaged footer can ask for. */
export const MAX_FRAMES = 65_536;

/** zstd's own default: 0.4 ms for a frame; higher levels gain little on mail and cost much. */
export const ZSTD_LEVEL = 3;

/** Names per page of a sweep: one query of the caller each. */
export const SWEEP_PAGE = 500;

/** Frames being compressed at once in one server thread: each takes 3.5 MB while it is, and a thread of the pool that
 * the syncs of commits wait for, too. */
export const COMPRESSIONS = 2;
