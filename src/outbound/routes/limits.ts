// The limits of routes, each with its reason.

/** Wait for a token: its service answers in a second. */
export const TOKEN_WAIT_MS = 30_000;

/** Somebody who is asked to agree does so within this, or is asked anew. */
export const AGREE_MS = 900_000;

/** Connections of the browser that comes back with a code: a browser opens six at most. */
export const BROWSERS = 10;

/** Wait for its request. */
export const BROWSER_WAIT_MS = 10_000;

/** Characters of its answer: tokens of Microsoft have some 2,000, ID tokens beside them as many. */
export const TOKEN_CHARACTERS = 64 * 1024;

/** A token is renewed so long before it expires: a transaction begun with it ends in that time. */
export const TOKEN_MARGIN_MS = 120_000;

/** Tokens are taken for good for an hour at most, as both providers make them. */
export const TOKEN_LIFE_MS = 3_600_000;

/** Wait for Graph: it stores the message before it answers. */
export const GRAPH_WAIT_MS = 120_000;

/** Characters of its answer: an error. */
export const GRAPH_CHARACTERS = 64 * 1024;

/** Bytes of a message in one request to Graph, or of an attachment: it has at most 4 MB, and base64 makes four of three. */
export const GRAPH_BYTES = 3 * 1024 ** 2;

/** Bytes of a message by Graph at all: it is held in memory, one at a time. Exchange takes 35 MB unless told otherwise. */
export const GRAPH_LARGE_BYTES = 50 * 1024 ** 2;

/** Bytes that a message may grow by when its recipients are named in it: 50 of 254 octets and their folding. */
export const GRAPH_ADDED_BYTES = 16 * 1024;

/** Bytes of an attachment in one request; Graph advises less than 4 MB. */
export const GRAPH_PIECE_BYTES = 12 * 320 * 1024;

/** A wait that a service asks for is believed up to this. */
export const RETRY_AFTER_MS = 3_600_000;
