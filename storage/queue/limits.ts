// The limits of the queue's store, each with its reason.

/** Bytes of the headers in front of a message: a Received and two signatures take some 2 KB. */
export const PREFIX_BYTES = 64 * 1024;

/** Recipients of one message, and results of one settlement: a transaction stays within 10 ms. */
export const RECIPIENTS = 1_000;

/** Attempts that are kept of each recipient: what an operator looks at are the last ones. */
export const ATTEMPTS = 10;

/** Characters of a reply that are kept: reports quote it, and a reply line has 512 octets (RFC 5321 4.5.3.1.5). */
export const REPLY_CHARACTERS = 2_000;

/** Characters of a kept transcript: some 50 commands and replies. */
export const TRANSCRIPT_CHARACTERS = 8_000;

/** Messages that one step of an operator's command looks at: some milliseconds. */
export const STEP = 500;

/** MTA-STS policies that are kept: of all domains that a company writes to. */
export const POLICIES = 50_000;

/** Addresses that are kept, of those that are only counted and of those that nothing is sent to: some 20 MB each. */
export const SUPPRESSED = 100_000;

/** Refusals further apart than this are not in a row, ms: 60 days. */
export const BOUNCE_MS = 60 * 86_400_000;

/** Outcomes on other servers that an account's standing is made of, and how many of them may be refusals: a fifth. */
export const OUTCOMES = 50;
export const REFUSALS = 10;

/** How long a message that was taken once is known, ms: as long as a delivery id in a mailbox. */
export const ONCE_MS = 3_600_000;

/** Different results of a day with one domain: its hosts, and the ways in which each can fail; then only these count on. */
export const TLS_RESULTS = 500;

/** Drafts that a route may have left behind, as they are told at once: each was interrupted, so there is one, or two. */
export const DRAFTS = 20;
