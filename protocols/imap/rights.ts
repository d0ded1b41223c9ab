// Which rights each use of a mailbox needs (RFC 4314 4): the one place that says so, and the one that refuses.

import { Right, type Rights } from '#storage/sharing/rights.ts';
import { Refusal } from './grammar/errors.ts';

/** What a command does with a mailbox. */
export type Use = keyof typeof NEEDS;

interface Need {
  /** All of these, and, if it is named, one of those. */
  readonly all: Rights;
  readonly any?: Rights;
}

export const NEEDS = {
  /** LIST, LSUB, XLIST, names in NOTIFY. */
  list: { all: Right.lookup },
  subscribe: { all: Right.lookup },
  /** SELECT and EXAMINE, and with them every command on the selected mailbox. */
  select: { all: Right.read },
  /** STATUS, and in LIST; messages in NOTIFY; GETQUOTAROOT. */
  status: { all: Right.read },
  /** SEARCH in a mailbox that is not selected (RFC 7377 2.2), and what a URL names. */
  read: { all: Right.read },
  /** APPEND, and the target of COPY, MOVE and REPLACE. */
  insert: { all: Right.insert },
  /** The source of MOVE and REPLACE, which mark as deleted and expunge (RFC 6851 4.3, RFC 8508 5). */
  take: { all: Right.delete | Right.expunge },
  expunge: { all: Right.expunge },
  /** STORE of annotations that are for all (RFC 5257 3.6); one's own need the right to read. */
  annotate: { all: Right.annotate },
  /** CREATE and RENAME, of the nearest mailbox above the new name. */
  create: { all: Right.create },
  /** DELETE, and the mailbox that RENAME gives another name. */
  remove: { all: Right.remove },
  /** GETACL, SETACL, DELETEACL, LISTRIGHTS. */
  administer: { all: Right.administer },
  myRights: {
    all: 0,
    any: Right.lookup | Right.read | Right.insert | Right.create | Right.remove | Right.administer,
  },
  /** RFC 5464 3.3 */
  metadata: {
    all: Right.lookup,
    any: Right.read | Right.seen | Right.write | Right.insert | Right.post,
  },
  /** As above, and what all share may only be changed by who may write. */
  setMetadata: { all: Right.lookup | Right.write },
} as const satisfies Record<string, Need>;

/** May somebody with these rights do that? */
export function mayUse(rights: Rights, use: Use): boolean {
  const need: Need = NEEDS[use];
  return (rights & need.all) === need.all && (need.any === undefined || (rights & need.any) !== 0);
}

/** Is it to be hidden from somebody with these rights, who has no right to that, that there is such a mailbox (RFC 4314 6)? */
export function isHidden(rights: Rights): boolean {
  return (rights & Right.lookup) === 0;
}

/** What is told to who may know that the mailbox is there, but not do that (RFC 5530 3). */
/** What a name is answered that leads to nothing, or to nothing that the session may know of. */
export function noMailbox(): Refusal {
  return new Refusal('NONEXISTENT', 'No such mailbox');
}

export function noPermission(): Refusal {
  return new Refusal('NOPERM', 'You have no right to do that');
}
