// The rights of RFC 4314 as bits, and as the letters that stand for them in an access control list.

export const Right = {
  /** It is listed, and can be subscribed to. */
  lookup: 1,
  /** SELECT, STATUS, FETCH, SEARCH, COPY from it. */
  read: 2,
  /** \Seen, which is each reader's own. */
  seen: 4,
  /** Flags other than \Seen and \Deleted. */
  write: 8,
  insert: 16,
  /** Kept and shown; whom mail is sent to is not asked here. */
  post: 32,
  /** Make mailboxes below it. */
  create: 64,
  /** Delete or rename the mailbox. */
  remove: 128,
  /** \Deleted. */
  delete: 256,
  expunge: 512,
  administer: 1024,
  /** Annotations of messages that are for all (RFC 5257 3.6). */
  annotate: 2048,
} as const;

/** Rights together, as bits. */
export type Rights = number;

const LETTERS: readonly (readonly [letter: string, right: Rights])[] = [
  ['l', Right.lookup],
  ['r', Right.read],
  ['s', Right.seen],
  ['w', Right.write],
  ['i', Right.insert],
  ['p', Right.post],
  ['k', Right.create],
  ['x', Right.remove],
  ['t', Right.delete],
  ['e', Right.expunge],
  ['n', Right.annotate],
  ['a', Right.administer],
];
const BY_LETTER: ReadonlyMap<string, Rights> = new Map([
  ...LETTERS,
  // RFC 4314 2.1.1: the rights of RFC 2086 that these were made of.
  ['c', Right.create | Right.remove],
  ['d', Right.delete | Right.expunge],
]);

export const NO_RIGHTS: Rights = 0;
export const ALL_RIGHTS: Rights = LETTERS.reduce((all, [, right]) => all | right, 0);

/** What an owner always has: nobody locks himself out of his mailbox. */
export const OWNER_RIGHTS: Rights = Right.lookup | Right.read | Right.administer;

/** The rights that these letters stand for; undefined if one of them stands for none (RFC 4314 3.1). */
export function parseRights(letters: string): Rights | undefined {
  let rights = NO_RIGHTS;
  for (const letter of letters) {
    const right = BY_LETTER.get(letter);
    if (right === undefined) return undefined;
    rights |= right;
  }
  return rights;
}

/** The letters of rights, in the RFC's order. */
export function formatRights(rights: Rights): string {
  return LETTERS.flatMap(([letter, right]) => ((rights & right) === 0 ? [] : letter)).join('');
}

/** The same with `c` and `d` for clients of RFC 2086, wherever a member of theirs is among them (RFC 4314 2.1.1). */
export function formatWithObsolete(rights: Rights): string {
  const create = (rights & (Right.create | Right.remove)) === 0 ? '' : 'c';
  const remove = (rights & (Right.delete | Right.expunge)) === 0 ? '' : 'd';
  return formatRights(rights) + create + remove;
}
