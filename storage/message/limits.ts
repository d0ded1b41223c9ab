// The limits of the MIME reader, each with its reason. None makes a message unreadable: what lies beyond one is kept
// byte for byte, and only described less finely.

/** Bytes of a message's header block; what follows counts as body. Real ones stay below 64 KiB; it is held in memory. */
export const HEADER_BYTES = 256 * 1024;

/** Bytes of a nested part's header block that are read; the rest of it is skipped, since it is held in memory too. */
export const PART_HEADER_BYTES = 64 * 1024;

/** Levels of multipart and message/rfc822 inside each other; deeper ones are one opaque part (stack, quadratic text). */
export const DEPTH = 100;

/** Parts of one message; from the last one on boundaries are no longer looked for (structure text, memory). */
export const PARTS = 10_000;

/** Characters of a boundary that are compared (RFC 2046 5.1.1 allows 70; long ones are seen in real mail). */
export const BOUNDARY_BYTES = 1_024;
