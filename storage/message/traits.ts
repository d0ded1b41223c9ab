// What a part says of the message it is in, as bits of Trait.

import type { ContentHeader } from './content-header.ts';
import type { PartHeader } from './part-header.ts';
import { Trait } from './scanned.ts';

/** Signatures and keys that clients hide. */
const HIDDEN = new Set([
  'pgp-signature',
  'pgp-keys',
  'pgp-encrypted',
  'pkcs7-signature',
  'x-pkcs7-signature',
  'ms-tnef',
]);

/** Traits of one part that is not inside a nested message. */
export function partTraits(content: ContentHeader, header: PartHeader): number {
  const { type, subtype } = content;
  let traits = isAttachment(content, header) ? Trait.attachment : 0;
  if (type === 'multipart' && subtype === 'encrypted') traits |= Trait.encrypted;
  if (type === 'multipart' && subtype === 'signed') traits |= Trait.signed;
  if (subtype === 'pkcs7-mime' || subtype === 'x-pkcs7-mime') {
    // RFC 8551 3.2.2; without smime-type it is nearly always enveloped-data.
    traits |= content.smimeType === 'signed-data' ? Trait.signed : Trait.encrypted;
  }
  if ((type === 'text' && subtype === 'calendar') || (type === 'application' && subtype === 'ics')) {
    traits |= Trait.calendar;
  }
  return traits;
}

/** What a person would call an attachment (F47): not the texts, not an image that the HTML shows, not a signature. */
function isAttachment(content: ContentHeader, header: PartHeader): boolean {
  const { type, subtype, disposition } = content;
  if (type === 'multipart' || HIDDEN.has(subtype)) return false;
  if (subtype === 'pkcs7-mime' || subtype === 'x-pkcs7-mime') return false;
  if (disposition === 'attachment') return true;
  if (type === 'text') return content.named && disposition !== 'inline';
  if (type === 'message') return subtype === 'rfc822' || subtype === 'global';
  // An image with a Content-ID belongs to the HTML beside it.
  return !header.values.has('content-id');
}
