// Every limit of the road out, with its reason.

/** Octets of a header line: RFC 5322 2.1.1 and RFC 5321 4.5.3.1.6 allow 998; longer ones are folded (F222). */
export const HEADER_LINE_OCTETS = 998;

/** Addresses in From and Sender: each is looked up, and nobody writes as more. */
export const AUTHORS = 100;

/** Destinations that are worked on at once: each holds what is loaded of it, some 100 KB at most. */
export const LANES = 200;

/** Sessions with other servers at once, of all destinations: a descriptor and some 50 KB each. */
export const SESSIONS = 100;

/** Sessions with one destination at the beginning, and at most: what Postfix has, and nobody complains about. */
export const WINDOW = { first: 2, most: 20 } as const;

/** Recipients of one destination that are loaded at once. */
export const LOADED = 500;

/** Recipients of one transaction: Postfix's own default; more are refused by many (RFC 5321 4.5.3.1.8 grants 100). */
export const TRANSACTION_RECIPIENTS = 50;

/** Messages of one session: then a new one is opened, perhaps with another of its hosts. */
export const SESSION_MESSAGES = 100;

/** Addresses of one destination that are tried one after the other. */
export const ADDRESSES_TRIED = 8;

/** Sessions that broke off in a row before a destination is left alone. */
export const LOSSES = 3;

/** How long a destination where nothing answers is left alone: twice as long each time. */
export const DEAD_MS = { first: 300_000, most: 3_600_000 } as const;

/** How long a destination is left alone that answers and asks for it (throttling): twice as long each time. */
export const REST_MS = { first: 60_000, most: 3_600_000 } as const;

/** How long a destination rests after a fault of our own. */
export const FAULT_MS = 60_000;

/** Between two looks of the scheduler at the queue: nobody notices, and a busy queue is not read for each delivery. */
export const LOOK_MS = 20;

/** The scheduler looks at the queue at least so often, whatever the clock does. */
export const TICK_MS = 60_000;

/** How long a stop waits for the transactions in hand: the whole server has 15 s. */
export const STOP_MS = 10_000;

/** How long a transaction that was cut may take to write down that it was. */
export const CUT_MS = 1_000;

/** Bytes of a message that a report carries whole; of a larger one it carries the header (RFC 3461 4.3). */
export const REPORTED_BYTES = 50 * 1024;

/** Bytes of a header that a report carries. */
export const REPORTED_HEADER_BYTES = 64 * 1024;

/** How long a policy that could not be fetched is not asked for again (RFC 8461 3.3 asks for five minutes). */
export const POLICY_WAIT_MS = 300_000;

/** Domains of which that is remembered. */
export const POLICY_TRIES = 10_000;

/** Bytes of a text, as it is encoded, that a footer is added to: it stands in memory while that is done (F24). */
export const FOOTER_PART_BYTES = 1024 * 1024;

/** Texts of one message that get a footer: an alternative has two or three. */
export const FOOTER_PARTS = 8;

/** Characters of a footer, of each kind: a notice of some lines, perhaps with a table around it. */
export const FOOTER_CHARACTERS = 16_384;

/** Characters of what an address said before that a refusal repeats: a reply line has room for 512 octets. */
export const SUPPRESSED_CHARACTERS = 150;

/** How long it is remembered whether our IPv6 address has a name, ms. */
export const PTR_MS = 3_600_000;

/** Places that one domain gets its reports on TLS at. */
export const REPORT_URIS = 5;

/** How often it is looked whether reports on TLS are due. */
export const REPORT_TICK_MS = 600_000;

/** Reports on TLS go out within so many ms after the end of their day (RFC 8460 5.3 asks for a delay by chance). */
export const REPORT_JITTER_MS = 4 * 3_600_000;

/** Days for which a report on TLS that could not be sent is kept: RFC 8460 5.5 has them tried for 24 hours. */
export const REPORT_DAYS = 2;

/** Wait for a server that takes a report by HTTPS, and characters of its answer. */
export const REPORT_WAIT_MS = 30_000;
export const REPORT_CHARACTERS = 16_384;

/** Header blocks that are changed in a message for a server without 8BITMIME: each stands in memory until it is written. */
export const CONVERTED_HEADERS = 100;
