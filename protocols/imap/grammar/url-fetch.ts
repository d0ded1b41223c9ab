// The arguments of GENURLAUTH, RESETKEY and URLFETCH (RFC 4467 9, RFC 5524 5).

import { URL_CHARS, URL_PARAMETERS, URLS } from '../limits.ts';
import { BadCommand } from './errors.ts';
import type { Scanner } from './scanner.ts';

export type UrlPart = 'BODY' | 'BINARY' | 'BODYPARTSTRUCTURE';

export interface UrlRequest {
  readonly url: string;
  /** What is asked of it (RFC 5524); null: its bytes, as RFC 4467 has it. */
  readonly parts: ReadonlySet<UrlPart> | null;
}

/** 1*(SP url-rump SP mechanism), to the end. */
export function urlsToAuthorize(scanner: Scanner): { readonly rump: string; readonly mechanism: string }[] {
  return several(scanner, () => {
    const rump = url(scanner);
    scanner.space();
    return { rump, mechanism: scanner.atom().toUpperCase() };
  });
}

/** 1*(SP (url-full / "(" url-full *(SP url-fetch-param) ")")), to the end. */
export function urlsToFetch(scanner: Scanner): UrlRequest[] {
  return several(scanner, () => {
    if (scanner.peek() !== '(') return { url: url(scanner), parts: null };
    scanner.needs('URLAUTH=BINARY');
    let named: string | null = null;
    const parts = new Set<UrlPart>();
    scanner.list(URL_PARAMETERS, () => {
      if (named === null) named = url(scanner);
      else parts.add(part(scanner));
    });
    if (named === null) throw new BadCommand('Expected a URL');
    // RFC 5524 3: the bytes are wanted in one form.
    if (parts.has('BODY') && parts.has('BINARY')) throw new BadCommand('BODY and BINARY exclude each other');
    return { url: named, parts };
  });
}

function part(scanner: Scanner): UrlPart {
  const name = scanner.atom().toUpperCase();
  if (name !== 'BODY' && name !== 'BINARY' && name !== 'BODYPARTSTRUCTURE')
    throw new BadCommand('Unknown URLFETCH parameter');
  return name;
}

function several<T>(scanner: Scanner, one: () => T): T[] {
  const found: T[] = [];
  do {
    if (found.length >= URLS) throw new BadCommand('Too many URLs');
    scanner.space();
    found.push(one());
  } while (scanner.peek() === ' ' && !scanner.blank);
  scanner.end();
  return found;
}

/** What can be repeated in a reply. */
function url(scanner: Scanner): string {
  const text = scanner.astring();
  if (text.length > URL_CHARS || !/^[\x21-\x7e]+$/.test(text)) throw new BadCommand('Not a URL');
  return text;
}
