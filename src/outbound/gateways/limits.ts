// The limits of gateways, each with its reason.

/** Bytes of a message that its text is looked for in: texts stand before attachments. */
export const SMS_MESSAGE_BYTES = 1024 ** 2;

/** Bytes of a message that is faxed: some twenty scanned pages. */
export const FAX_BYTES = 10 * 1024 ** 2;

/** Requests to one gateway at once: they cost money one by one, and nobody waits for them. */
export const GATEWAYS_AT_ONCE = 2;

/** Wait for a gateway's answer: some hand the SMS on first. */
export const GATEWAY_WAIT_MS = 60_000;

/** Characters of its answer. */
export const GATEWAY_CHARACTERS = 64 * 1024;
