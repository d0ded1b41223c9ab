// Every limit of IMAP, with its reason. Those of the connection itself are in ../net/limits.ts.

/** A command line before login: LOGIN and AUTHENTICATE PLAIN with the longest name and password, and ID. */
export const LINE_BYTES_UNAUTHENTICATED = 8 * 1024;
/** A command line: RFC 7162 4 asks for 8,192; sets of 10,000 scattered UIDs from real clients are longer. */
export const LINE_BYTES = 128 * 1024;
/** Lines and literals of one command together, before login and after: they stand in memory until it is run. */
export const COMMAND_BYTES_UNAUTHENTICATED = 16 * 1024;
export const COMMAND_BYTES = 256 * 1024;
/** Literals in one command: a search of that many strings has no use. */
export const COMMAND_LITERALS = 200;
/** A refused non-synchronizing literal is read and thrown away up to this; RFC 7888 4 allows to hang up beyond. */
export const DRAIN_BYTES = 256 * 1024 * 1024;
/** A line of a client that is asked for one (AUTHENTICATE, DONE): RFC 4422 gives base64 answers, these are ours. */
export const CONTINUATION_BYTES = 12 * 1024;
/** With LITERAL- the longest literal that need not be asked for (RFC 7888 5). */
export const LITERAL_MINUS_BYTES = 4_096;
/** Characters of a tag: clients use a dozen; it is echoed. */
export const TAG_CHARS = 128;

/** Ranges in a sequence set after merging: one line of scattered UIDs. */
export const SEQUENCE_RANGES = 20_000;
/** Items in one FETCH: more than there are kinds of; each costs for every message. */
export const FETCH_ITEMS = 100;
/** Parameters or modifiers of one SELECT, FETCH or STORE: there are three kinds. */
export const MODIFIERS = 10;
/** Field names in one FETCH section: Thunderbird asks for about 30. */
export const HEADER_FIELDS = 200;
/** Levels of a part number: the message reader stops at 100. */
export const PART_DEPTH = 100;
/** Nesting of search keys in parentheses, NOT and OR: people's rules have three or four; it bounds recursion. */
export const SEARCH_DEPTH = 50;
/** Criteria of one SORT: there are nine, and more than two or three sort nothing further. */
export const SORT_CRITERIA = 20;
/** Columns of a mailbox that are kept for SORT and THREAD, 8 bytes a message and the different texts. */
export const KEPT_COLUMNS = 6;
/** Rows from which on the texts of a mailbox are told to the other threads; fewer are read in some ms. */
export const OFFERED_ROWS = 10_000;
/** Different texts, and characters of them, up to which they are: each thread copies them, which is some ms. */
export const OFFERED_TEXTS = 30_000;
export const OFFERED_CHARACTERS = 2_000_000;
/** What others have told and nobody has asked for: so many, and of so many rows, at 9 bytes each. */
export const OFFERS = 4;
export const OFFERS_ROWS = 1_000_000;
/** Events in one group of NOTIFY: there are five. */
export const NOTIFY_EVENTS = 20;
/** Searches of one session that are kept up to date (RFC 5267 4.3.1): each looks at every change. */
export const SELECTED_SEARCHES = 5;
/** Mailbox specifiers in one command, and names in one of them. */
export const FILTERS = 100;
export const FILTER_NAMES = 1_000;
/** Messages of a mailbox from which on a search of it is prepared when it is selected: in fewer it is quick without. */
export const SEARCHED_FROM = 1_000;

/** Messages in a batch of UIDBATCHES: RFC 10022 lets nobody ask for fewer, so that a reply stays short. */
export const LEAST_BATCH = 500;
/** Options in RETURN of SEARCH: there are fewer. */
export const SEARCH_RETURNS = 20;
/** Keys in one SEARCH. */
export const SEARCH_KEYS = 1_000;
/** Keys among them that read message text: each is looked for in all the text. */
export const SEARCH_TEXTS = 50;
/** Flags in one list: RFC 9051 names no limit; clients send at most a dozen. */
export const FLAGS = 100;
/** Characters of a keyword. */
export const KEYWORD_CHARS = 100;
/** Field-value pairs and string lengths of ID (RFC 2971 3.3). */
export const ID_PAIRS = 30;
export const ID_FIELD_CHARS = 30;
export const ID_VALUE_BYTES = 1_024;
/** Bytes of a mailbox name on the wire: our longest path (see storage) in modified UTF-7. */
export const MAILBOX_BYTES = 4_000;

/** Messages in one APPEND (MULTIAPPEND), and bytes of theirs that stand in memory (small ones, compressed). */
export const APPEND_MESSAGES = 1_000;
export const APPEND_INLINE_BYTES = 16 * 1024 * 1024;
/** Characters of an IMAP URL: our longest path, percent-encoded, and the rest. */
export const URL_CHARS = 8_000;
/** Annotations in one command, characters of their names, and bytes of a value: a comment, a colour, a signature. */
export const METADATA_NAMES = 100;
export const METADATA_NAME_CHARS = 500;
export const METADATA_BYTES = 16 * 1024;
/** URLs in one command, and what is asked of one. */
export const URLS = 50;
export const URL_PARAMETERS = 4;
/** Entries of annotations in one command, characters of a name, and bytes of a value: a comment of a page. */
export const ANNOTATION_ENTRIES = 20;
export const ANNOTATION_NAME_CHARS = 200;
export const ANNOTATION_BYTES = 4_096;
/** Messages whose annotations FETCH holds together: at two times ten of the longest each, 16 MB. */
export const ANNOTATION_BATCH = 200;
/** Changes of annotations that a mailbox's index remembers, for sessions that asked to hear of them. */
export const ANNOTATION_CHANGES = 1_000;
/** Patterns in one LIST: clients that give several give two or three. */
export const LIST_PATTERNS = 20;
/** Characters of a reply to LIST that is kept for the next one, one an account: some hundred mailboxes. */
export const KEPT_LIST_CHARS = 16 * 1024;
/** Options in one list of LIST or CREATE: more than there are. */
export const LIST_OPTIONS = 20;

/** Time to log in: RFC 9051 5.4 leaves it open; a mobile client with a slow handshake needs some seconds. */
export const LOGIN_MS = 3 * 60 * 1000;
/**
 * Auto-logout: at least 30 minutes (RFC 9051 5.4), not a round number, so that a client that renews IDLE or polls at
 * exactly 30 minutes wins the race.
 */
export const IDLE_MS = 31 * 60 * 1000 + 7_000;
/** How long a literal that was announced may stall. */
export const LITERAL_MS = 5 * 60 * 1000;
/** Wrong commands in a row (BAD) after which a client is cut off: before login it is a scanner, after it a loop. */
export const BAD_COMMANDS_UNAUTHENTICATED = 5;
export const BAD_COMMANDS = 50;
/** Failed logins on one connection; the authenticator slows them before that. */
export const LOGIN_FAILURES = 5;
/** Connections of one account on one thread: a person with five devices, each with some folders in IDLE. */
export const CONNECTIONS_PER_ACCOUNT = 100;

/**
 * Lines of FETCH that a thread keeps: a list of 100,000 messages with ENVELOPE is 45 MB, with the header fields that
 * Thunderbird asks for 56 MB. They go when nobody has listed anything for so long.
 */
export const LINES_BYTES = 64 * 1024 * 1024;
export const LINES_MS = 30_000;
/** Different lists (mailbox and items) among them: those of as many sessions as are busy on a thread. What they take counts. */
export const LINE_LISTS = 500;
/** Lines that are made together before they are sent: a block with longer ones is not kept. */
export const LINE_BLOCK_BYTES = 256 * 1024;
/**
 * Whole messages that a thread keeps after they were sent or appended, as long as lines: 2,000 of the common size. None
 * that is longer than what a row holds of a body; and none of a command of more messages than these, which is of a whole
 * mailbox.
 */
export const KEPT_MESSAGES_BYTES = 16 * 1024 * 1024;
export const KEPT_MESSAGE_BYTES = 64 * 1024;
export const KEPT_MESSAGES_AT_ONCE = 10;
/** What was asked of FETCH that a thread keeps as it understood it, so many texts of so many characters: a program has a dozen. */
export const KEPT_FETCHES = 100;
export const KEPT_FETCH_TEXT = 500;
/** Messages that one pass of FETCH looks up together. */
export const FETCH_BATCH = 10_000;
/** Messages that are marked \Seen together, before they are sent: a client that breaks off has missed few. */
export const SEEN_BATCH = 200;
/** A literal of at most this is read in one piece; longer ones are streamed. */
export const LITERAL_PIECE = 64 * 1024;
/** How often a long SEARCH says how far it is: clients give up after half a minute without a word. */
export const PROGRESS_MS = 5_000;
/** Accounts, and mailboxes of each, whose indexes a thread keeps after the last session left: those that poll just now. */
export const KEPT_ACCOUNTS = 200;
export const KEPT_MAILBOXES = 20;
/** Rows of all of these: at 29 bytes a row, 9 MB a thread. */
export const KEPT_ROWS = 300_000;
/** Rows that changes of flags are followed over in memory, of one page of the log: some ms; what follows is read instead. */
export const FOLLOWED_ROWS = 300_000;
/** Change rows taken from the log at once. */
export const CHANGE_ROWS = 1_000;
/** Runs of \Recent a session keeps: more only if sessions take turns at new mail that often. */
export const RECENT_RUNS = 100;
/** How long commands in hand may take when the server stops; the process itself has 20 s. */
export const CLOSE_MS = 10_000;
/** Bytes of an identifier in an access control list: a long address and what stands in front of it. */
export const ACL_IDENTIFIER_BYTES = 600;
/** Letters of rights in one SETACL: there are 13. */
export const ACL_RIGHTS_CHARS = 50;
/** Messages, and bytes of theirs in memory, that COPY and MOVE put into another account at once. */
export const ACROSS_MESSAGES = 50;
export const ACROSS_INLINE_BYTES = 4 * 1024 * 1024;
