// CREATE (RFC 9051 6.3.4), with the USE parameter (RFC 6154 3). A mail program's own name for a special mailbox leads to
// that one instead of a second one (F175).

import type { MailboxId, SpecialUse } from '#storage/ports.ts';
import { BadCommand, Refusal } from '../grammar/errors.ts';
import { mailboxName, SEPARATOR } from '../grammar/mailbox-name.ts';
import type { Scanner } from '../grammar/scanner.ts';
import type { ImapAccount } from '../index/account.ts';
import { LIST_OPTIONS } from '../limits.ts';
import { objectId } from '../object-id.ts';
import type { Parent } from '../places.ts';
import { mayUse, noPermission } from '../rights.ts';
import type { Session } from '../session.ts';
import { specialUse } from '../special-use.ts';
import type { Verb } from './verb.ts';

export const create: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    scanner.space();
    const name = mailboxName(scanner);
    const uses = scanner.peek() === ' ' ? useParameter(scanner) : [];
    scanner.end();
    // A separator at the end says that mailboxes are to be made below it; ours can all have some.
    const path = name.endsWith(SEPARATOR) ? name.slice(0, -1) : name;
    if (path === 'INBOX') throw new Refusal('ALREADYEXISTS', 'INBOX exists');
    const { owner } = session;
    const special = theUse(uses);
    const alias = await owner.alias(path);
    if (alias !== undefined && (special === '' || special === alias.special)) {
      const code = `MAILBOXID (${objectId('F', owner.id, alias.id)})`;
      return { code, text: `"${alias.path}" is the mailbox for that` };
    }
    const taken = special !== '' && (await owner.mailboxes()).some((mailbox) => mailbox.special === special);
    if (taken) throw new Refusal('USEATTR', 'There is a mailbox for that use');
    const { account, id } = await make(session, path, special);
    return { code: `MAILBOXID (${objectId('F', account.id, id)})` }; // RFC 8474 4.1
  },
};

/** Makes a mailbox where it may be made. */
async function make(
  session: Session,
  path: string,
  special: SpecialUse,
): Promise<{ readonly account: ImapAccount; readonly id: MailboxId }> {
  const parent = await creatable(session, path);
  const { account, local } = parent;
  if (account !== session.owner && special !== '') throw new Refusal('USEATTR', "Special mailboxes are their owner's");
  const { id } = await inheriting(session, parent, () => account.mail.createMailbox(local, { special }));
  return { account, id };
}

/** Does what makes mailboxes; they have the access control list of the one that they are in (RFC 4314 4). */
export async function inheriting<T>(session: Session, parent: Parent, work: () => Promise<T>): Promise<T> {
  const { account, local, nearest } = parent;
  const before = new Set((await account.mailboxes()).map(({ id }) => id));
  const done = await work();
  const made = (await account.mailboxes()).filter(({ id, path }) => !before.has(id) && isAbove(path, local));
  await session.sharing.inherit(
    account.id,
    nearest,
    made.map(({ id }) => id),
  );
  return done;
}

function isAbove(path: string, local: string): boolean {
  return path === local || local.startsWith(path + SEPARATOR);
}

/** Where a new mailbox goes, if it may be made there: also what RENAME makes. */
export async function creatable(session: Session, path: string): Promise<Parent> {
  const parent = await session.places.parentOf(path);
  if (parent === undefined) throw new Refusal('CANNOT', 'Names there are those of other accounts');
  if (mayUse(parent.rights, 'create')) return parent;
  throw noPermission();
}

/** SP "(" "USE" SP "(" [use-attr *(SP use-attr)] ")" ")" */
function useParameter(scanner: Scanner): string[] {
  const uses: string[] = [];
  scanner.space();
  scanner.list(1, () => {
    if (!scanner.takeWord('USE')) throw new BadCommand('Unknown CREATE parameter');
    scanner.needs('CREATE-SPECIAL-USE');
    scanner.space();
    scanner.list(LIST_OPTIONS, () => {
      scanner.expect('\\');
      uses.push(scanner.atom());
    });
  });
  return uses;
}

/** RFC 6154 3: what can't be had is refused, and nothing made. */
function theUse(names: readonly string[]): SpecialUse {
  const uses = new Set(names.map(specialUse));
  const [use = ''] = uses;
  if (uses.size > 1 || uses.has(undefined)) throw new Refusal('USEATTR', 'That use is not to be had');
  return use;
}
