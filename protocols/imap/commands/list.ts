// LIST (RFC 3501 6.3.8) with CHILDREN (RFC 3348) and SPECIAL-USE (RFC 6154): the attributes are always there, since
// macOS Mail reads them and never asks.

import type { Mailbox, SpecialUse } from '#storage/ports.ts';
import { ListPattern } from '../grammar/list-pattern.ts';
import { mailboxReply, SEPARATOR } from '../grammar/mailbox-name.ts';
import type { Verb } from './verb.ts';

/** RFC 6154 2; INBOX needs none, and there is none for templates. */
const SPECIAL: Readonly<Record<SpecialUse, string>> = {
  '': '',
  inbox: '',
  drafts: ' \\Drafts',
  sent: ' \\Sent',
  junk: ' \\Junk',
  trash: ' \\Trash',
  archive: ' \\Archive',
  templates: '',
};

export const list: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    scanner.space();
    const reference = scanner.astring();
    scanner.space();
    const wanted = scanner.listMailbox();
    scanner.end();
    const { out } = session.connection;
    // RFC 9051 6.3.9: an empty pattern asks for the separator and the root.
    if (wanted === '') {
      out.text(`* LIST (\\Noselect) "${SEPARATOR}" ""\r\n`);
      return undefined;
    }
    const pattern = ListPattern.of(reference, wanted);
    if (pattern === null) return undefined;
    const mailboxes = [...(await session.owner.mailboxes())].sort(byPath);
    const parents = new Set(mailboxes.map((mailbox) => mailbox.parent));
    for (const { id, path, special } of mailboxes) {
      if (!pattern.matches(path)) continue;
      const children = parents.has(id) ? '\\HasChildren' : '\\HasNoChildren';
      out.text(`* LIST (${children}${SPECIAL[special]}) "${SEPARATOR}" ${mailboxReply(path)}\r\n`);
    }
    return undefined;
  },
};

/** INBOX first, then by name. */
function byPath(a: Mailbox, b: Mailbox): number {
  if (a.special === 'inbox' || b.special === 'inbox') return a.special === 'inbox' ? -1 : 1;
  return a.path < b.path ? -1 : 1;
}
