// The text of a message, for those who can have nothing else: its first text/plain that is no attachment, else its HTML.

import { decodeText } from '#storage/message/charset.ts';
import { htmlToText } from '#storage/message/html.ts';
import { MessageScanner } from '#storage/message/scanner.ts';
import { type Part, sections, walk } from '#storage/message/structure.ts';
import { transferDecoding } from '#storage/message/transfer.ts';

/** Reads the beginning of a message, in which its text stands. */
export function messageText(bytes: Uint8Array): string {
  const scanner = new MessageScanner();
  scanner.write(bytes);
  const { root } = sections(scanner.end().structure);
  const shown = [...walk(root)].filter((part) => part.type === 'text' && part.disposition !== 'attachment');
  const plain = shown.find(({ subtype }) => subtype === 'plain');
  const text = plain === undefined ? '' : tidy(decoded(bytes, plain));
  if (text !== '') return text;
  const html = shown.find(({ subtype }) => subtype === 'html');
  return html === undefined ? '' : tidy(htmlToText(decoded(bytes, html)).replace(/[ \t\r\n]+/g, ' '));
}

function decoded(bytes: Uint8Array, { body, encoding, charset }: Part): string {
  const transfer = transferDecoding(encoding);
  const raw = Buffer.concat([transfer.decode(bytes.subarray(body.start, body.end)), transfer.end()]);
  return decodeText(raw, charset);
}

/** Line ends are LF, at most one line in a row is empty, nothing stands around it. */
function tidy(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(/[ \t\u00a0]+$/gm, '')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}
