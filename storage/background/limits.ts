// The limits of helper threads.

/** New objects of a helper thread, MB: it works in small steps, one after the other. */
export const HELPER_LIMITS = { maxYoungGenerationSizeMb: 6 } as const;
