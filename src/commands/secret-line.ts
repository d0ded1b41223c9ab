// A secret from standard input: the first line, so that it is in no list of processes and no history.

import { Refused } from './command.ts';

/** The first line without its end (LF or CRLF); the end may be that of the input. `what`: how it is called. */
export async function readSecretLine(input: AsyncIterable<Uint8Array>, what: string, most: number): Promise<string> {
  let line = Buffer.alloc(0);
  for await (const chunk of input) {
    line = Buffer.concat([line, chunk]);
    if (line.includes(10)) break;
    if (line.length > most) break;
  }
  const end = line.indexOf(10);
  const bytes = end === -1 ? line : line.subarray(0, end);
  if (bytes.length > most) throw new Refused(`the ${what} must have ${most} bytes or fewer`);
  const secret = decoded(bytes, what).replace(/\r$/, '');
  if (/\p{Cc}/u.test(secret)) throw new Refused(`the ${what} must not have control characters`);
  return secret;
}

function decoded(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refused(`the ${what} must be UTF-8`);
  }
}
