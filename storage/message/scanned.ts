// What reading a message once, at append, finds out; stored in final form and never parsed again.

/** Bits of `ScannedMessage.traits`. */
export const Trait = {
  /** Has a part that a person would call an attachment (F47). */
  attachment: 1,
  /** Carries X-Priority 1 or 2, or Importance: high (F122). */
  important: 2,
  /** Asks for a read receipt (F123). */
  receipt: 4,
  /** multipart/encrypted, or S/MIME enveloped-data (F79). */
  encrypted: 8,
  /** multipart/signed, or S/MIME signed-data. */
  signed: 16,
  /** Has a calendar part (F49). */
  calendar: 32,
  /** Is of a mailing list (List-Id). */
  list: 64,
  /** Needs UTF8=ACCEPT: raw UTF-8 in its header. */
  utf8: 128,
  /** Does not end with CRLF: POP3 adds one, and counts it. */
  openEnd: 256,
} as const;

export interface ScannedMessage {
  /** Bytes scanned. */
  readonly size: number;
  /** Bytes of the header block with the empty line that ends it; at most the limit, what follows counts as body. */
  readonly headerLength: number;
  /** The IMAP ENVELOPE in final form, ASCII only, parentheses included (RFC 9051 7.5.2). */
  readonly envelope: string;
  /** BODYSTRUCTURE in final form and the offsets of every part, in the form of message/structure.ts. */
  readonly structure: string;
  /** The first characters of the text, white space folded, at most 256 code points (RFC 8970). */
  readonly preview: string;
  /** The Date header in unix seconds, or null. */
  readonly sent: number | null;
  /** The Message-ID with its angle brackets, or ''. */
  readonly messageId: string;
  /** Every Message-ID named: References, then In-Reply-To, without duplicates; at most 100, the first and the last. */
  readonly references: readonly string[];
  /** The Message-IDs that link it to its ancestors (RFC 5256 3): References, else the first of In-Reply-To; as above. */
  readonly ancestors: readonly string[];
  /** Bits of Trait. */
  readonly traits: number;
}
