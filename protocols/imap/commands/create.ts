// CREATE (RFC 9051 6.3.4), with the USE parameter (RFC 6154 3). A mail program's own name for a special mailbox leads to
// that one instead of a second one (F175).

import type { SpecialUse } from '#storage/ports.ts';
import { BadCommand, Refusal } from '../grammar/errors.ts';
import { mailboxName, SEPARATOR } from '../grammar/mailbox-name.ts';
import type { Scanner } from '../grammar/scanner.ts';
import { LIST_OPTIONS } from '../limits.ts';
import { objectId } from '../object-id.ts';
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
    const { id } = await owner.mail.createMailbox(path, { special });
    return { code: `MAILBOXID (${objectId('F', owner.id, id)})` }; // RFC 8474 4.1
  },
};

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
