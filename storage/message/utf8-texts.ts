// ENVELOPE and BODYSTRUCTURE with the UTF-8 of a message's headers as it stands there (RFC 9755 3), for clients that asked
// for that. Few messages have some (Trait.utf8), so these are not stored: the message is read again.

import type { MessageContent } from '../ports.ts';
import { MessageScanner } from './scanner.ts';

export interface Utf8Texts {
  readonly envelope: string;
  readonly structure: string;
}

/** Both texts, one character per byte; `onlyEnvelope`: only the header is read. Errors: those of the content. */
export async function utf8Texts(content: MessageContent, onlyEnvelope: boolean): Promise<Utf8Texts> {
  const scanner = new MessageScanner({ utf8: true });
  for await (const bytes of content.read(content.prefixLength)) {
    scanner.write(bytes);
    if (onlyEnvelope && scanner.headerLength !== undefined) break;
  }
  const { envelope, structure } = scanner.end();
  return { envelope, structure };
}
