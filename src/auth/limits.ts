// Every limit of the password check, with its reason.

/**
 * argon2id parameters: one of OWASP's sets of equal strength (46 MiB, one pass, one lane); about 70 ms of one core. Blocks
 * above 32 MiB are given back to the system at once; of smaller ones the C library kept one for each thread of libuv's
 * pool (19 MiB and two passes take 40 ms, and left the process 230 MB larger).
 */
export const ARGON2 = { memory: 47_104, passes: 1, parallelism: 1, saltBytes: 16, tagBytes: 32 } as const;

/** The most a stored PHC string may ask for: a damaged row must not take 4 GB or an hour. */
export const ARGON2_MAX = { memory: 262_144, passes: 16, parallelism: 16 } as const;

/** Checks that wait for a core in the whole process; at 70 ms each that is about nine seconds, the patience of a login
 * dialogue. More get a temporary failure. */
export const QUEUE = 128;

/** Successes remembered in a thread, so that a client that logs in for every mail costs no argon2. */
export const CACHE_ENTRIES = 10_000;

/** How long a success is remembered: longer than the pause between two polls of a mail program. */
export const CACHE_MS = 15 * 60_000;

/** A check that found its slot wait longer than this gives `unavailable`. */
export const SLOT_WAIT_MS = 10_000;

/** Rows of the table of failures, 12 bytes each: room for a botnet's addresses, and under half a megabyte. */
export const FAILURE_ROWS = 32_768;
/** Rows of the tables of wrong guesses already counted and of address-account pairs known to be good. */
export const MEMORY_ROWS = 16_384;

/** Failures are forgotten one at a time, each after this: a guesser gets one try a minute in the long run. */
export const FORGET_MS = 60_000;

/** Failures that cost no delay: everybody mistypes. */
export const FREE = 2;

/** The delay after the free failures, doubled with each further one up to the longest. */
export const FIRST_DELAY_MS = 500;
export const LONGEST_DELAY_MS = 8_000;

/**
 * `burst`: failures after which a try is not looked at; `cap`: failures are counted up to this, so that nobody is shut
 * out for longer than (cap - burst) x FORGET_MS after the last wrong try.
 */
export const PAIR = { burst: 10, cap: 20 } as const; // one address against one account
export const ADDRESS = { burst: 30, cap: 60 } as const; // one /32 or /64 against all accounts: offices share one address
export const ACCOUNT = { burst: 100, cap: 150 } as const; // everybody against one account; only for who failed at it

/** The same wrong password again from the same address is a device with the old password, not a guess; for a day. */
export const GUESS_MS = 24 * 3_600_000;

/** An account that logged in from an address does not pay for what others do from there; for 30 days. */
export const KNOWN_MS = 30 * 24 * 3_600_000;

/** SCRAM-SHA-256: RFC 7677 4 asks for 4,096 iterations at least; the keys are sealed besides. A client counts them too. */
export const SCRAM = { iterations: 10_000, saltBytes: 16, keyBytes: 32 } as const;

/** Seconds by which an issuer's clock may differ from ours. */
export const CLOCK_SKEW_S = 60;

/** Bits of an issuer's RSA key at least (RFC 7518 3.3). */
export const RSA_BITS = 2_048;

/** Keys of an issuer that are looked at: it has two or three. */
export const KEYS = 64;

/** Characters of what an issuer answers: a key set with certificates in it has some tens of thousands. */
export const KEY_SET_CHARACTERS = 256 * 1024;

/** An issuer's keys are read again after this, and used for longer only while it can't be asked. */
export const KEYS_KEPT_MS = 15 * 60_000;
export const KEYS_STALE_MS = 24 * 3_600_000;

/** How often the keys are read at most, whatever keys are asked for: anybody can make up a key's name. */
export const KEYS_AGAIN_MS = 30_000;

/** How long an issuer may take: a login waits for it. */
export const ISSUER_WAIT_MS = 5_000;

/** Tokens that a thread asks the issuer about at a time: who makes some up must not flood it. */
export const INTROSPECTIONS = 16;

/** What an issuer said of a token is believed for so long (mail programs open several connections at once), and kept of so many. */
export const INTROSPECTION_KEPT_MS = 60_000;
export const INTROSPECTIONS_KEPT = 1_000;
