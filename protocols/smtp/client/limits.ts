// The limits of a session with another server, each with its reason. Tests hand in smaller ones.

export interface ClientLimits {
  readonly connectMs: number;
  readonly greetingMs: number;
  readonly commandMs: number;
  readonly dataMs: number;
  readonly contentMs: number;
  readonly endMs: number;
  readonly quitMs: number;
}

export const CLIENT_LIMITS: ClientLimits = {
  /** To an address that does not answer: the next one is tried. */
  connectMs: 30_000,
  /** RFC 5321 4.5.3.2.1: busy servers, and those that look us up first, take their time. */
  greetingMs: 300_000,
  /** RFC 5321 4.5.3.2.2 and 4.5.3.2.3: EHLO, MAIL, RCPT. */
  commandMs: 300_000,
  /** RFC 5321 4.5.3.2.4. */
  dataMs: 120_000,
  /** The whole content: 50 MB over a line of 120 kbit/s. A single block that is not taken is bounded by the connection. */
  contentMs: 3_600_000,
  /** RFC 5321 4.5.3.2.6: too short a wait sends everything twice. */
  endMs: 600_000,
  /** A goodbye that nobody needs. */
  quitMs: 2_000,
};

/** Octets of a command line (RFC 5321 4.5.3.1.4); a longer initial response waits to be asked for (RFC 4954 4). */
export const AUTH_LINE_OCTETS = 512;

/** Octets of a reply line: RFC 5321 4.5.3.1.5 says 512, and many write more. */
export const REPLY_LINE_OCTETS = 4_096;

/** Lines of a reply: an EHLO has some twenty. */
export const REPLY_LINES = 100;

/** Characters of a reply's text that are kept: it goes into reports and the log. */
export const REPLY_CHARACTERS = 2_000;

/** Commands sent ahead of their replies: replies to all of them fit what we read without being asked (RFC 2920 3.1). */
export const PIPELINED = 100;

/** Octets of a BDAT chunk: what is held of a message until its size can be told (RFC 3030 2). */
export const CHUNK_OCTETS = 256 * 1024;

/** Chunks that wait for their replies at once: enough to keep a line busy, and few are sent in vain. */
export const CHUNKS_WAITING = 2;

/** Octets of a message that goes together with MAIL and RCPT, before anybody is taken: most are smaller. */
export const TOGETHER_OCTETS = 64 * 1024;

/** How long a server gets DATA that broke on a chunk: software is seldom put right within a day. */
export const CHUNK_FAULT_MS = 86_400_000;

/** Servers of which that is remembered. */
export const CHUNK_FAULTS = 10_000;

/** Characters of a transcript: what the queue keeps. */
export const TRANSCRIPT_CHARACTERS = 8_000;

/** Characters of a line in a transcript. */
export const TRANSCRIPT_LINE = 200;

/** Wait for a whole MTA-STS policy (RFC 8461 3.3). */
export const STS_MS = 20_000;

/** Characters of a policy file: RFC 8461 10.2 suggests 64 KB. */
export const STS_BYTES = 65_536;

/** Mail hosts that a policy names. */
export const STS_HOSTS = 100;
