// GETMETADATA and SETMETADATA (RFC 5464): annotations of mailboxes, and with the empty name of the account. Under
// /private/vendor/posthuis/tags/KEYWORD/color stands the colour of a tag (F119).

import { StoreError } from '#storage/errors.ts';
import { Refusal } from '../grammar/errors.ts';
import { mailboxPath } from '../grammar/mailbox-name.ts';
import { metadataNames, metadataOptions, metadataValues } from '../grammar/metadata.ts';
import type { Scanner } from '../grammar/scanner.ts';
import { METADATA_BYTES } from '../limits.ts';
import type { Place } from '../places.ts';
import type { Use } from '../rights.ts';
import type { Session } from '../session.ts';
import { tellMetadata } from '../tell-metadata.ts';
import type { Verb } from './verb.ts';

export const getMetadata: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    scanner.space();
    const options = metadataOptions(scanner);
    const path = place(scanner);
    scanner.space();
    const names = metadataNames(scanner);
    scanner.end();
    const longest = await tellMetadata(session, await placeOf(session, path, 'metadata'), path, names, options);
    return longest > 0 ? { code: `METADATA LONGENTRIES ${longest}` } : undefined;
  },
};

export const setMetadata: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    scanner.space();
    const path = place(scanner);
    scanner.space();
    const entries = metadataValues(scanner);
    scanner.end();
    const found = await placeOf(session, path, 'setMetadata');
    for (const [name, value] of entries) {
      const isShared = name.startsWith('/shared');
      if (name === '/private' || name === '/shared') throw new Refusal('CANNOT', 'Not an entry');
      // RFC 5464 6.2: what stands there for the server is the administrator's.
      if (found === null && isShared) throw new Refusal('NOPERM', 'Set by the administrator');
      // RFC 5464 4.3: each reader's own are not kept.
      if (found?.reader !== undefined && !isShared) throw new Refusal('METADATA NOPRIVATE', 'Only shared annotations');
      if ((value?.length ?? 0) > METADATA_BYTES) throw new Refusal(`METADATA MAXSIZE ${METADATA_BYTES}`, 'Too long');
    }
    try {
      const { mail } = found?.account ?? session.owner;
      await mail.setMetadata(found?.mailbox.id ?? null, entries);
    } catch (error) {
      if (error instanceof StoreError && error.code === 'limit') throw new Refusal('METADATA TOOMANY', 'Too many');
      throw error;
    }
    return undefined;
  },
};

/** mailbox, or "" for the server. */
function place(scanner: Scanner): string {
  const wire = scanner.astring();
  return wire === '' ? '' : mailboxPath(wire, scanner.utf8);
}

/** null for the server. */
async function placeOf(session: Session, path: string, use: Use): Promise<Place | null> {
  return path === '' ? null : await session.places.need(path, use);
}
