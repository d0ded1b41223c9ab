// A footer into one text (F24): decoded, put in its place, and encoded again as it was, where the footer's characters
// allow it; else in UTF-8.

import { decodeText, encodeText, isAsciiCompatible } from '#storage/message/charset.ts';
import { htmlToText } from '#storage/message/html.ts';
import { transferDecoding } from '#storage/message/transfer.ts';
import { Base64Encoder, encodeWhole, QuotedPrintableEncoder } from '#storage/message/transfer-encode.ts';
import { HEADER_LINE_OCTETS } from '../limits.ts';
import { placeInHtml, placeInText } from './place.ts';

/** A domain's footer; '' for none of that kind. Lines end in LF. */
export interface Footer {
  readonly text: string;
  readonly html: string;
}

/** A text as it stands in a message. */
export interface EncodedText {
  readonly subtype: 'plain' | 'html';
  readonly charset: string;
  /** Content-Transfer-Encoding in lower case. */
  readonly encoding: string;
  readonly bytes: Uint8Array;
}

/** Texts that a program signed or encrypted within the text itself (OpenPGP). */
const ARMOUR = /^-----BEGIN PGP /m;

/** The text with the footer; null if it is there already; 'opaque' if nothing may be put into it. */
export function withFooter(part: EncodedText, footer: Footer): EncodedText | null | 'opaque' {
  const decoding = transferDecoding(part.encoding);
  const decoded = Buffer.concat([decoding.decode(part.bytes), decoding.end()]);
  if (ARMOUR.test(decoded.toString('latin1'))) return 'opaque';
  const known = isAsciiCompatible(part.charset);
  const text = known ? decoded.toString('latin1') : decodeText(decoded, part.charset);
  const html = part.subtype === 'html';
  const place = html ? placeInHtml(text) : placeInText(text);
  const unicode = (piece: string) => (known ? decodeText(Buffer.from(piece, 'latin1'), part.charset) : piece);
  if (stands(unicode(text.slice(0, place)), footer, html)) return null;
  const before = html ? text.slice(0, place) : text.slice(0, place).trimEnd();
  const added = html ? htmlBlock(footer) : textBlock(footer.text, before !== '', place < text.length);
  const same = known ? encodeText(added, part.charset) : null;
  if (same !== null) {
    const bytes = Buffer.concat([Buffer.from(before, 'latin1'), same, Buffer.from(text.slice(place), 'latin1')]);
    return encoded(part, bytes, part.charset);
  }
  return encoded(part, Buffer.from(unicode(before) + added + unicode(text.slice(place))), 'utf-8');
}

/** The writer's own words have the footer in them. */
function stands(own: string, footer: Footer, html: boolean): boolean {
  const wanted = folded(html ? htmlToText(htmlOf(footer)) : footer.text);
  return wanted !== '' && folded(html ? htmlToText(own) : own).includes(wanted);
}

function folded(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

function textBlock(text: string, below: boolean, above: boolean): string {
  // RFC 3676 4.4: a line that begins with a blank, a '>' or "From " would be taken for something else.
  const lines = text.split('\n').map((line) => line.trimEnd().replace(/^(?= |>|From )/, ' '));
  return `${below ? '\r\n\r\n' : ''}${lines.join('\r\n')}\r\n${above ? '\r\n' : ''}`;
}

/** In ASCII, so that it fits any charset. */
function htmlBlock(footer: Footer): string {
  const html = htmlOf(footer).replaceAll('\n', '\r\n');
  const ascii = html.replace(/[^\0-\x7f]/gu, (character) => `&#${character.codePointAt(0)};`);
  return `<div class="domain-footer">${ascii}</div>\r\n`;
}

function htmlOf({ text, html }: Footer): string {
  if (html !== '') return html;
  const names: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
  return `<br>${text.replace(/[&<>]/g, (character) => names[character] ?? '').replaceAll('\n', '<br>\n')}`;
}

/** Keeps the transfer encoding if the bytes fit it: RFC 2045 2.7 and 2.8. */
function encoded(part: EncodedText, bytes: Buffer, charset: string): EncodedText {
  const { encoding } = part;
  if (encoding === 'base64') return { ...part, charset, bytes: encodeWhole(new Base64Encoder(), bytes) };
  const ascii = bytes.every((byte) => byte < 128);
  if (fitsLines(bytes) && ((encoding === '7bit' && ascii) || encoding === '8bit' || encoding === 'binary')) {
    return { ...part, charset, bytes };
  }
  const quoted = encodeWhole(new QuotedPrintableEncoder(), bytes);
  return { ...part, charset, encoding: 'quoted-printable', bytes: quoted };
}

function fitsLines(bytes: Buffer): boolean {
  let start = 0;
  for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
    if (end - start > HEADER_LINE_OCTETS + 1) return false;
    start = end + 1;
  }
  return bytes.length - start <= HEADER_LINE_OCTETS;
}
