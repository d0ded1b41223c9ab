// GETACL, SETACL, DELETEACL, LISTRIGHTS and MYRIGHTS (RFC 4314 3). An identifier is an address, `group:` and a group's
// name, or `anyone`; with `-` in front it takes rights away.

import { StoreError } from '#storage/errors.ts';
import {
  ALL_RIGHTS,
  formatRights,
  formatWithObsolete,
  NO_RIGHTS,
  OWNER_RIGHTS,
  type Rights,
} from '#storage/sharing/rights.ts';
import { aclIdentifier, modifiedRights } from '../grammar/acl.ts';
import { Refusal } from '../grammar/errors.ts';
import { mailboxName, mailboxReply, writeString } from '../grammar/mailbox-name.ts';
import type { Scanner } from '../grammar/scanner.ts';
import type { Place } from '../places.ts';
import type { Session } from '../session.ts';
import { tellMyRights } from '../tell-my-rights.ts';
import type { Verb } from './verb.ts';

export const getAcl: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    scanner.space();
    const path = mailboxName(scanner);
    scanner.end();
    const place = await session.places.need(path, 'administer');
    const { account, mailbox } = place;
    const entries = await session.sharing.acl(account.id, mailbox.id);
    const { out } = session.connection;
    out.text(`* ACL ${mailboxReply(path, session.utf8)}`);
    const tell = (identifier: string, rights: Rights) => {
      out.text(' ');
      writeString(out, identifier);
      out.text(` ${formatWithObsolete(rights) || '""'}`);
    };
    const owner = ownerOf(session, place);
    // Of whom nothing is said, the owner, has all of them.
    if (owner !== null && !entries.some(({ identifier, negative }) => identifier === owner && !negative))
      tell(owner, ALL_RIGHTS);
    for (const { identifier, negative, rights } of entries) tell(`${negative ? '-' : ''}${identifier}`, rights);
    out.text('\r\n');
    return undefined;
  },
};

export const setAcl: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    const { path, identifier } = mailboxAndIdentifier(scanner);
    scanner.space();
    const change = modifiedRights(scanner);
    scanner.end();
    const { account, mailbox } = await session.places.need(path, 'administer');
    await named(() => session.sharing.setAcl(account.id, mailbox.id, identifier, change));
    return undefined;
  },
};

export const deleteAcl: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    const { path, identifier } = mailboxAndIdentifier(scanner);
    scanner.end();
    const { account, mailbox } = await session.places.need(path, 'administer');
    await named(() => session.sharing.deleteAcl(account.id, mailbox.id, identifier));
    return undefined;
  },
};

export const listRights: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    const { path, identifier } = mailboxAndIdentifier(scanner);
    scanner.end();
    const place = await session.places.need(path, 'administer');
    const canonical = await named(() => session.sharing.identify(identifier));
    const always = canonical === ownerOf(session, place) ? OWNER_RIGHTS : NO_RIGHTS;
    const { out } = session.connection;
    out.text(`* LISTRIGHTS ${mailboxReply(path, session.utf8)} `);
    // RFC 4314 3.4: as the client wrote it.
    writeString(out, identifier);
    // Each can be given alone, so `c` and `d` stand alone too (RFC 4314 2.1.1).
    const optional = [...formatRights(ALL_RIGHTS & ~always), 'c', 'd'];
    out.text(` ${[formatRights(always) || '""', ...optional].join(' ')}\r\n`);
    return undefined;
  },
};

export const myRights: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    scanner.space();
    const path = mailboxName(scanner);
    scanner.end();
    tellMyRights(session, path, (await session.places.need(path, 'myRights')).rights);
    return undefined;
  },
};

function mailboxAndIdentifier(scanner: Scanner): { readonly path: string; readonly identifier: string } {
  scanner.space();
  const path = mailboxName(scanner);
  scanner.space();
  return { path, identifier: aclIdentifier(scanner) };
}

/** Whose mailbox it is, by the address; null if nobody logs in to that account. */
function ownerOf(session: Session, { account }: Place): string | null {
  const { owner, places, principal } = session;
  if (account.id === owner.id) return principal?.account.address ?? null;
  const other = places.others.find((found) => found.account.id === account.id);
  return other === undefined || other.owner.shared === true ? null : other.owner.address;
}

/** What is wrong with an identifier is said of it, and not of a mailbox. */
async function named<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StoreError && error.code === 'not-found') throw new Refusal('CANNOT', 'Nobody has that name');
    if (error instanceof StoreError && error.code === 'invalid') throw new Refusal('CANNOT', 'Not an identifier');
    throw error;
  }
}
