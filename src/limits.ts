// The limits of the listeners, each with its reason. Limits inside a protocol are in that protocol's limits.ts.

/**
 * Connections of untrusted peers in the whole process. Each costs a descriptor and up to 64 KB (a TLS session); with
 * the databases this stays below the 65,536 descriptors of the systemd unit and below 1 GB.
 */
export const MAX_CONNECTIONS = 10_000;

/**
 * Connections of one untrusted address (an IPv6 /64 counts as one) to the listeners that people's programs use: an
 * office of 150 behind one address, with six IMAP connections each.
 */
export const MAX_CONNECTIONS_PER_ADDRESS = 1_000;

/** Connections of one untrusted address to the MX listener: Postfix's own default; no honest sender needs more. */
export const MAX_MX_CONNECTIONS_PER_ADDRESS = 50;

/** The same of a whole network (an IPv4 /24, an IPv6 /48): a large provider sends from many addresses at once. */
export const MAX_MX_CONNECTIONS_PER_NETWORK = 200;

/** New connections a minute from one untrusted address: a whole office polling by POP3 stays far below. */
export const MAX_CONNECTIONS_PER_MINUTE = 600;

/** How long a submission port waits for a TLS ClientHello before it greets (F200): a client that speaks first has sent it
 * with the last packet of the TCP handshake; the others wait no longer than a round trip for their greeting. */
export const HELLO_WAIT_MS = 30;

/** How long a proxy has for the start of its PROXY header, which comes with the connection; one that sends none speaks
 * XCLIENT, and waits so long for its greeting. */
export const PROXY_WAIT_MS = 200;

/** And for all of it, over several packets. */
export const PROXY_REST_MS = 3_000;

/** A handshake takes two round trips and a signature; the slowest mobile links finish within this. */
export const TLS_HANDSHAKE_MS = 15_000;

/** Unfinished handshakes of untrusted peers in one thread: each holds about 50 KB, so 100 MB at worst. */
export const MAX_TLS_HANDSHAKES = 2_000;

/** Connections the kernel holds for us before we accept them; the usual cap of Linux (somaxconn) is higher. */
export const BACKLOG = 1_024;

/** Silent peers are probed, so that one that vanished frees its connection: NAT tables forget after minutes. */
export const TCP_KEEPALIVE_MS = 300_000;

/** A refusal is said, then the socket is closed; a peer that does not read it is cut off after this. */
export const REFUSAL_MS = 2_000;

/** Refusals that are being said in one thread; above this a refused connection is closed without a word. */
export const MAX_REFUSALS = 200;

/** What a graceful stop may take before what still runs is cut: SIGTERM must end the process within 20 s. */
export const STOP_MS = 15_000;

/** A thread that does not answer a scrape in this time is left out of it. */
export const SCRAPE_MS = 2_000;

/** A server thread opens its store and its listeners within a second; on a machine with twenty others at work 41 were seen. */
export const THREAD_START_MS = 120_000;

/** Rows of the table of what networks did lately, 12 bytes each. */
export const CONDUCT_ROWS = 32_768;

/** One is forgotten after this, so an hour forgives 20 wrong recipients or spoiled sessions and 60 guesses that a
 * catch-all took; messages are a rate: ten a second in the long run, more than one peer has for one company. */
export const CONDUCT_FORGET_MS = {
  'unknown-recipient': 180_000,
  'caught-recipient': 60_000,
  'spoiled-session': 180_000,
  message: 100,
} as const;

/** Counts stop here, so that nobody is remembered for more than some hours after the last time. */
export const CONDUCT_CAP = {
  'unknown-recipient': 100,
  'caught-recipient': 240,
  'spoiled-session': 60,
  message: 6_000,
} as const;

/**
 * New objects of a server thread beside the main one: thrice a half of 8 MB. V8's own 32 MB a half are for programs that
 * make objects all the time; here most memory is buffers, which a collection of new objects frees too.
 */
export const THREAD_YOUNG_MB = 24;

/** Sessions kept of each address and account, and addresses and accounts they are kept of, in one thread: at most some
 * megabytes. */
export const SESSIONS_KEPT = 5;
export const SESSION_KEYS = 400;

/** How often a thread writes which programs the accounts are used with, ms: the list is for people. */
export const DEVICES_MS = 60_000;

/** Contacts that are collected before they are written early: one transaction of some ms. */
export const DEVICE_CONTACTS = 500;
