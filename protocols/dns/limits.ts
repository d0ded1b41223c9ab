// The limits of DNS look-ups, each with its reason.

/** Wait for a server's answer by UDP, ms, each time it is asked: a recursive resolver may need some seconds. */
export const UDP_MS: readonly number[] = [3_000, 5_000];

/** Wait for a whole answer by TCP, ms. */
export const TCP_MS = 5_000;

/** Octets of an answer by UDP that we say we take: never fragmented (RFC 9715 3.1). */
export const UDP_OCTETS = 1_232;

/** Datagrams that are no answer to our question, before the wait is given up: somebody is guessing. */
export const STRAY_DATAGRAMS = 50;

/** Aliases followed from one name (CNAME, RFC 1034 3.6.2): real chains have three. */
export const ALIASES = 8;

/** Records taken of one answer: nobody has more mail hosts or addresses that are worth trying. */
export const RECORDS = 100;

/** Answers kept in a thread: some 500 octets each. */
export const CACHED = 10_000;

/** Time that an answer is kept, s: what its records say, but no longer than this; no answer is asked for each mail. */
export const KEPT_SECONDS = { least: 5, most: 3_600, negative: 60 } as const;

/** Questions under way in a thread; more wait. */
export const AT_ONCE = 100;

/** Mail hosts of a domain that are tried. */
export const MAIL_HOSTS = 20;

/** Addresses of one mail host that are tried, of each family. */
export const ADDRESSES = 5;
