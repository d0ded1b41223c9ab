// Every limit of an SMTP session, with its reason. Tests hand in smaller ones.

import { HANDSHAKE_MS } from '#protocols/net/limits.ts';

export interface Limits {
  readonly commandOctets: number;
  readonly authOctets: number;
  readonly runawayOctets: number;
  readonly lineOctets: number;
  readonly recipients: number;
  readonly errors: number;
  readonly refusedRecipients: number;
  readonly refusedRecipientsOfUser: number;
  readonly refusedAtOnce: number;
  readonly errorsAtOnce: number;
  readonly holdMs: number;
  readonly guesses: number;
  readonly spoiledSessions: number;
  readonly messageBurst: number;
  readonly idleCommands: number;
  readonly anonymousCommands: number;
  readonly logins: number;
  readonly connections: number;
  readonly idleMs: number;
  readonly handshakeMs: number;
  readonly dataMs: number;
  readonly rateMs: number;
  readonly rateOctets: number;
  readonly sessionMs: number;
  readonly fruitlessMs: number;
  readonly graceMs: number;
  readonly excess: number;
}

export const LIMITS: Limits = {
  /** A command line with its CRLF: RFC 5321 4.5.3.1.4 asks for 512, the extensions for some hundred more. */
  commandOctets: 4_096,
  /** A line that carries a SASL response: RFC 4954 4 asks for 12,288, and the command in front of it. */
  authOctets: 12_320,
  /** A line so long that nobody means it: the connection ends. */
  runawayOctets: 65_536,
  /** A line of a message: RFC 5321 4.5.3.1.6 says 1,000, but real mail goes far beyond; longer lines serve only floods. */
  lineOctets: 65_536,
  /** Recipients of a transaction: RFC 5321 4.5.3.1.8 asks for at least 100; more come in a second transaction. */
  recipients: 1_000,
  /** Commands that are unknown, malformed or out of order: a program that makes so many does not speak SMTP. */
  errors: 10,
  /** Refused recipients: past so many somebody tries out addresses. A person's own list may be a little older. */
  refusedRecipients: 10,
  refusedRecipientsOfUser: 20,
  /** Refused recipients and errors of a session that are told at once; each further one is held back. */
  refusedAtOnce: 3,
  errorsAtOnce: 3,
  /** How long an answer is held back: nothing for a peer that made a mistake, much for one that makes thousands. */
  holdMs: 2_000,
  /** Refused recipients of a network in the last hour, past which each is held back. */
  guesses: 20,
  /** Sessions of an address in the last hour that brought nothing but errors, past which it is not greeted. */
  spoiledSessions: 20,
  /** Messages of an address above ten a second: a list's distribution to us comes in such a burst, but no larger. */
  messageBurst: 1_000,
  /** Commands in a row that bring no message further (NOOP, RSET, EHLO, VRFY ...): nobody needs so many. */
  idleCommands: 100,
  /** The same on submission before a login: EHLO, STARTTLS, EHLO and a few tries to log in. */
  anonymousCommands: 20,
  /** Failed logins of a session: a person tries again in a new one. */
  logins: 5,
  /** Open connections of a thread: each costs a descriptor and some 20 KB. */
  connections: 4_000,
  /** Silence while we wait for the peer: RFC 5321 4.5.3.2.7 asks for at least 5 minutes. */
  idleMs: 300_000,
  /** The same for a TLS handshake, where a peer that shut its side is not noticed. */
  handshakeMs: HANDSHAKE_MS,
  /** From DATA to the final dot: 50 MB over a line of 250 kbit/s. */
  dataMs: 1_800_000,
  /** While content is awaited at least so many octets must come in each such time: 100 a second is an ancient modem. */
  rateMs: 60_000,
  rateOctets: 6_000,
  /** A whole session: kept connections of a busy peer are renewed, a trickle of bytes is not for ever. */
  sessionMs: 4 * 3_600_000,
  /** A session without a message or a login since: three times the patience that RFC 5321 4.5.3.2 asks for. */
  fruitlessMs: 900_000,
  /** At a stop: for what is in hand; the server as a whole has 20 seconds. */
  graceMs: 10_000,
  /** A message so many times larger than the limit: nobody reads the 552, so the connection ends. */
  excess: 2,
};

/** Octets of a path: RFC 5321 4.5.3.1.3 says 256, but VERP and SRS make longer ones. */
export const PATH_OCTETS = 512;
/** Octets of a domain (RFC 5321 4.5.3.1.2). */
export const DOMAIN_OCTETS = 255;
/** Octets of ENVID (RFC 3461 4.4) and of ORCPT (4.2). */
export const ENVID_OCTETS = 100;
export const ORCPT_OCTETS = 500;
/** Commands worked off before the event loop gets its turn: some thousand NOOPs fit in one packet. */
export const BURST = 50;
/** Fields of a header block; its octets are bounded by the store. The most that real mail has is some hundred. */
export const HEADER_FIELDS = 1_000;
/** A message in BDAT chunks smaller than this on average is held to the limit on idle commands. */
export const CHUNK_OCTETS = 1_024;
/** Lines of a session that are kept for the administrator, and characters of each. */
export const DIALOGUE_LINES = 60;
export const DIALOGUE_TEXT = 200;
