// The limits of the directory, each with its reason.

/** Aliases inside aliases (and the guard against a circle of them): RCPT waits for the look-up. */
export const ALIAS_DEPTH = 10;

/** Targets of one alias: each is looked up at RCPT. Larger groups are lists, which are a later part. */
export const TARGETS = 100;

/** Addresses elsewhere that one address leads to: each is a message that goes out under our name. */
export const FORWARDS = 20;

/** Accounts that one address leads to: each delivery is a transaction that the reply to DATA waits for. */
export const RECIPIENTS = 1_000;

/** Octets of a local part and of a domain (RFC 5321 4.5.3.1). */
export const LOCAL_BYTES = 64;
export const DOMAIN_BYTES = 253;

/** Answers kept in memory per thread; senders that try names can't make it larger. */
export const CACHED_ANSWERS = 10_000;

/** Characters of a login name that are looked at: an address and a domain in front of it. */
export const LOGIN_LENGTH = 600;

/** Values of one setting of an account, such as the addresses it may send as; all are read with it. */
export const SETTING_VALUES = 100;

/** Characters of a secret: tokens of Microsoft have some 2,000. */
export const ROUTE_SECRET = 16_384;

/** Sets of signing keys of a domain: the one that signs, the one before, the next, and some to spare. */
export const KEY_SETS = 10;

/** Domains whose settings are kept in memory per thread: some have a footer of 32 KB. */
export const KEPT_DOMAINS = 100;

/** Programs that are remembered of an account: a person has ten; what names itself anew each time can't fill the file. */
export const DEVICES = 50;

/** Characters of a program's name and of a fault that are kept. */
export const DEVICE_TEXT = 200;

/** Attempts to delete the files of an account that is gone, each half a minute: a verification may hold them meanwhile. */
export const DESTROY_ATTEMPTS = 10;
