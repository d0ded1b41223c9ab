// GETMETADATA and SETMETADATA (RFC 5464): annotations of mailboxes, and with the empty name of the account. Under
// /private/vendor/posthuis/tags/KEYWORD/color stands the colour of a tag (F119).

import { StoreError } from '#storage/errors.ts';
import type { Mailbox } from '#storage/ports.ts';
import { Refusal } from '../grammar/errors.ts';
import { mailboxPath } from '../grammar/mailbox-name.ts';
import { metadataNames, metadataOptions, metadataValues } from '../grammar/metadata.ts';
import type { Scanner } from '../grammar/scanner.ts';
import { METADATA_BYTES } from '../limits.ts';
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
    const longest = await tellMetadata(session, await mailboxOf(session, path), path, names, options);
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
    const mailbox = await mailboxOf(session, path);
    for (const [name, value] of entries) {
      const isShared = name.startsWith('/shared');
      if (name === '/private' || name === '/shared') throw new Refusal('CANNOT', 'Not an entry');
      // RFC 5464 6.2: what stands there for the server is the administrator's.
      if (mailbox === null && isShared) throw new Refusal('NOPERM', 'Set by the administrator');
      if ((value?.length ?? 0) > METADATA_BYTES) throw new Refusal(`METADATA MAXSIZE ${METADATA_BYTES}`, 'Too long');
    }
    try {
      await session.owner.mail.setMetadata(mailbox?.id ?? null, entries);
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
async function mailboxOf(session: Session, path: string): Promise<Mailbox | null> {
  if (path === '') return null;
  const mailbox = await session.owner.find(path);
  if (mailbox === undefined) throw new Refusal('NONEXISTENT', 'No such mailbox');
  return mailbox;
}
