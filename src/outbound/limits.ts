// Every limit of the road out, with its reason.

/** Octets of a header line: RFC 5322 2.1.1 and RFC 5321 4.5.3.1.6 allow 998; longer ones are folded (F222). */
export const HEADER_LINE_OCTETS = 998;

/** Addresses in From and Sender: each is looked up, and nobody writes as more. */
export const AUTHORS = 100;
