// The limits of the HTTP listeners, each with its reason.

/** Octets of a request's line and headers: a monitoring program sends some hundred. */
export const HEADER_OCTETS = 8 * 1024;

/** A whole request has this long: nothing here takes a body. */
export const REQUEST_MS = 10_000;

/** A kept connection may wait this long for its next request; scrapers that come each 15 s open a new one. */
export const KEEP_ALIVE_MS = 5_000;

/** Requests on one connection, after which it is closed, so that no client stays for ever. */
export const REQUESTS_PER_CONNECTION = 1_000;

/** The store answers a look in microseconds; one that takes longer is not healthy. */
export const HEALTH_MS = 2_000;
