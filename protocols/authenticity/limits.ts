// The limits of what vouches for a message, each with its reason.

/** How long a signature counts (x=): longer than any queue keeps a message, too short to be of use to who finds it. */
export const SIGNATURE_SECONDS = 14 * 86_400;
