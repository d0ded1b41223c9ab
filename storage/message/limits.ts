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

/** Characters of BODYSTRUCTURE after which further parts are described without their parameters and envelopes: it is
 * kept in a row and sent whole; a real one of 100 parts has 20 KB. */
export const STRUCTURE_CHARACTERS = 1024 * 1024;

/** Bytes of a text part that are kept for the preview: 200 characters in quoted-printable UTF-8 are at most 12 each. */
export const PREVIEW_TEXT_BYTES = 4 * 1024;

/** The same of HTML, where a style sheet often comes first. */
export const PREVIEW_HTML_BYTES = 32 * 1024;

/** Code points of a preview: what RFC 8970 3.1 recommends; a row of a listing is the narrower for it. */
export const PREVIEW_CHARACTERS = 200;

/** Addresses of one field that ENVELOPE tells; a header block has no room for more of a usual length. */
export const ADDRESSES = 16_384;
