// VERP (Postfix's VERP_README): each recipient gets the message from a return address of his own, so that a bounce says
// whose it is, however it is written. `list@example.org` and `anna@other.test` make `list+anna=other.test@example.org`.

/** Characters of a path that every server takes (RFC 5321 4.5.3.1.3), without its brackets. */
const PATH = 254;

/** The return address for a recipient; the sender's own where that would be too long. */
export function verpSender(sender: string, recipient: string, [plus = '', equals = '']: string): string {
  const at = sender.lastIndexOf('@');
  const to = recipient.lastIndexOf('@');
  if (at <= 0 || to <= 0) return sender;
  const made = `${sender.slice(0, at)}${plus}${recipient.slice(0, to)}${equals}${recipient.slice(to + 1)}${sender.slice(at)}`;
  // A quoted local part can't be a part of another one.
  return Buffer.byteLength(made) > PATH || made.includes('"') ? sender : made;
}
