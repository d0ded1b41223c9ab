// The limits of POP3, each with its reason. Those of the connection itself are in protocols/net/limits.ts, those of a
// login in protocols/sasl/limits.ts.
import { RESPONSE_CHARS } from '../sasl/limits.ts';

/** Octets of a line: RFC 2449 4 gives commands 255, but AUTH may carry a whole response (RFC 5034 4). */
export const LINE_OCTETS = RESPONSE_CHARS + 32;

/** From the connection to the login, whatever is typed meanwhile: a connection without a login serves nobody. */
export const LOGIN_MS = 3 * 60_000;

/** Silence after which a session ends without its deletions: RFC 1939 3 asks for at least ten minutes. */
export const IDLE_MS = 11 * 60_000;

/** Failed logins in one connection, after which it is closed: a mistyped password is corrected in a new one. */
export const MAX_FAILED_LOGINS = 5;

/** Commands in one connection that are not POP3; who passes this speaks something else, or is searching for holes. */
export const MAX_BAD_COMMANDS = 20;

/** Messages of INBOX in one session, the oldest ones: each takes 29 bytes while the session lasts. */
export const MAX_MESSAGES = 500_000;

/** Messages that are read at once for a peer that asks for them in order: more of them gain nothing. */
export const READ_AHEAD_MESSAGES = 16;

/** Octets after which no further message is read ahead: compressed they wait in memory, with one more of up to 64 KB. */
export const READ_AHEAD_OCTETS = 128 * 1024;

/** Replies of a server in one thread that are made before they are asked for, 64 KB each: for the sessions that are busy. */
export const READY_REPLIES = 16;

/** Lines of LIST and UIDL that are written between two looks at the peer's pace. */
export const LINES_AT_ONCE = 1_000;

/** A stop waits this long for commands in hand; then peers that do not read are cut, well within the server's 15 s. */
export const CLOSE_MS = 10_000;
