// The limits of what vouches for a message, each with its reason.

/** How long a signature counts (x=): longer than any queue keeps a message, too short to be of use to who finds it. */
export const SIGNATURE_SECONDS = 14 * 86_400;

/** Terms of an SPF policy, with all that it includes, that ask DNS (RFC 7208 4.6.4). */
export const SPF_LOOKUPS = 10;

/** Terms that may find nothing (RFC 7208 4.6.4). */
export const SPF_VOID = 2;

/** Mail hosts of one `mx`, names of one `ptr` (RFC 7208 4.6.4). */
export const SPF_NAMES = 10;

/** For one SPF evaluation, ms: RFC 7208 4.6.4 asks for 20 s at least. */
export const SPF_MS = 20_000;

/** Octets of an SPF policy: the longest that are seen have some 2 KB. */
export const SPF_OCTETS = 16_384;

/** DKIM signatures of a message that are looked at: lists and forwarders add one or two each. Each costs a look-up. */
export const SIGNATURES = 10;

/** Bits of an RSA key that count (RFC 8301 3.2): below anybody can break it, above checking it is work that he chose. */
export const RSA_BITS = { least: 1_024, most: 4_096 } as const;
