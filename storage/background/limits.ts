// The limits of helper threads.

/** New objects of a helper thread, MB: it works in small steps, one after the other. */
export const HELPER_LIMITS = { maxYoungGenerationSizeMb: 6 } as const;

/**
 * How long a write-ahead log that has become long is left alone, ms. A change of 100,000 messages is five transactions
 * within it: a checkpoint between them has the lock that they wait for, and its syncs hold up theirs (25 ms instead of 2).
 * A log of 8 MB (URGENT_FRAMES) does not wait.
 */
export const CHECKPOINT_PAUSE = 100;
