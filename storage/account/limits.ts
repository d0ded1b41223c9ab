// The limits of an account's mail, each with its reason.

/** UTF-8 bytes of one level of a mailbox name: what file systems and other servers take in an export. */
export const NAME_BYTES = 255;

/** UTF-8 bytes of a whole path: fits an IMAP command line in modified UTF-7 with room for the rest. */
export const PATH_BYTES = 1_500;

/** Levels of the hierarchy: each costs a look-up, and no client shows more. */
export const DEPTH = 30;

/** Mailboxes of an account: LIST and a client's first sync are linear in them. */
export const MAILBOXES = 5_000;

/** Subscriptions of one subscriber: names need not exist, so they are bounded by themselves. */
export const SUBSCRIPTIONS = 10_000;

/** Keywords of an account: IMAP sends them all at SELECT, and their ids are compared in rows. */
export const KEYWORDS = 500;

/** Keywords of one message: each makes every reader's row longer. */
export const KEYWORDS_PER_MESSAGE = 50;

/** Characters of a keyword (RFC 8621 4.1.1). */
export const KEYWORD_LENGTH = 255;

/** Annotations of one message for one reader, or for all: a comment, and a few of programs. */
export const ANNOTATIONS = 10;

/** Messages that one transaction annotates: each has a look at its rows and one for every mailbox that it is in. */
export const ANNOTATED_ROWS = 100;

/** Bytes of the headers that we add in front of a message: they are stored as they are, and read with every header. */
export const PREFIX_BYTES = 64 * 1024;

/** UIDs that one transaction may add; an unclean end skips 1,000,000, so two such that were seen and lost fit (DESIGN 4). */
export const ADDED_UIDS = 500_000;

/** Message-IDs of one message that are looked up and kept: what the reader hands on (100) and its own. */
export const REFERENCES = 101;

/** Packed bytes of a body from which on it is shared: the rows that say so take a fifth of that. */
export const SHARED_BYTES = 256;

/** How long a delivery id is remembered, ms: peers retry within minutes. */
export const DELIVERY_ID_MS = 3_600_000;

/** Newest messages of its thread among which a repeated delivery is looked for: about 2 ms, in a thread that somebody
 * filled; few threads get so many within the hour. */
export const DELIVERY_ROWS = 1_000;

// A transaction on a server thread lasts at most about 10 ms (DESIGN 5); these were measured to stay within it.

/** Rows that one transaction walks when it changes flags set-wise. */
export const FLAG_ROWS = 20_000;

/** Messages of a mailbox from which on a change of all their flags is answered before every row has it: it would take
 * longer than the sync. */
export const OWED_MESSAGES = 5_000;

/** How often one operation settles what is owed in steps: each time somebody else was quicker with a new change. Then it
 * does so in its own transaction, where nobody can be. */
export const SETTLINGS = 3;

/** UID ranges that one transaction works on: each costs two or three statements. */
export const RANGES = 400;

/** Placements that one transaction expunges: each moves rows in five indexes. */
export const EXPUNGE_ROWS = 500;

/** Placements that one transaction looks at to find some of them. */
export const WALK_ROWS = 20_000;

/** Placements that are copied or moved on a server thread; more go to the bulk thread. */
export const TRANSFER_ROWS = 500;

/** Messages that are appended by one command on a server thread; more go to the bulk thread. */
export const APPEND_ENTRIES = 50;

/** Combinations of keywords in a range up to which they are changed set-wise. */
export const KEYWORD_SETS = 16;

/** Rows of a page of placements or of a listing. */
export const PAGE_ROWS = 2_000;

/** Rows of a page of a listing with contents: compressed, up to 64 KiB each, they wait in memory for their reader. */
export const CONTENT_PAGE_ROWS = 50;

/** Rows of a page of a listing with headers: each is on a page of its own, which may have to be read. */
export const HEADER_PAGE_ROWS = 250;

/** Rows of the change log that one transaction of flag changes writes; runs closer to each other are joined. */
export const SET_RUNS = 16;

/** Messages that one step of the sweeper takes. */
export const SWEEP_ROWS = 500;

/** Days after which somebody who was not written to is a stranger again: the yearly invoice goes to a known one. */
export const CORRESPONDENT_DAYS = 400;

/** Annotations of one mailbox, and of the account itself: all are read with it. */
export const METADATA_ENTRIES = 200;

/** Runs in which a reader of a shared mailbox has seen its messages: somebody who read every other one of 40,000. */
export const READER_RUNS = 20_000;

/** Each time a reader has so many runs more, those that follow each other are joined: reading one message after the other
 * makes a run a message. */
export const READER_RUNS_JOINED = 500;
