// Every limit of the SASL exchanges, with its reason.

/** Characters of one base64 response line: RFC 4954 4 gives 12,288 octets as the line length a server must take. */
export const RESPONSE_CHARS = 12_288;

/** Octets of a login name: an address is at most 254 (RFC 5321 4.5.3.1.3), `DOMAIN\user` a little more. */
export const LOGIN_OCTETS = 320;

/** Octets of a password: RFC 4616 asks for at least 255; a pass phrase fits, a flood of hashing input does not. */
export const PASSWORD_OCTETS = 1_024;

/** Octets of our part of a SCRAM nonce, and characters of the client's that are taken: they are echoed. */
export const NONCE_BYTES = 18;
export const NONCE_CHARS = 200;

/** Characters of a bearer token: signed tokens of large directories have up to 6,000; it fits a response line. */
export const TOKEN_CHARS = 8_000;

/**
 * Iterations that a server may ask of us: fewer than RFC 7677 4 allows would give the password away, more than this keep
 * a thread of the pool for half a second.
 */
export const SCRAM_ITERATIONS = { least: 4_096, most: 1_000_000 } as const;
