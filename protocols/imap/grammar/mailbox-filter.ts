// Which mailboxes a search or a notification is about (RFC 5465 6, RFC 7377 2.2).

import { FILTER_NAMES, FILTERS } from '../limits.ts';
import { BadCommand } from './errors.ts';
import { mailboxName } from './mailbox-name.ts';
import type { Scanner } from './scanner.ts';

export type MailboxFilter =
  | { readonly kind: 'selected' | 'selected-delayed' | 'inboxes' | 'personal' | 'subscribed' }
  | { readonly kind: 'subtree' | 'subtree-one' | 'mailboxes'; readonly paths: readonly string[] };

/** filter-mailboxes; which of them are allowed is for the command to say. */
export function mailboxFilter(scanner: Scanner): MailboxFilter {
  const name = scanner.atom().toLowerCase();
  switch (name) {
    case 'selected':
    case 'selected-delayed':
    case 'inboxes':
    case 'personal':
    case 'subscribed':
      return { kind: name };
    case 'subtree':
    case 'subtree-one':
    case 'mailboxes':
      scanner.space();
      return { kind: name, paths: oneOrMore(scanner) };
    default:
      throw new BadCommand('Unknown mailbox specifier');
  }
}

/** one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")" */
function oneOrMore(scanner: Scanner): string[] {
  if (scanner.peek() !== '(') return [mailboxName(scanner)];
  const paths: string[] = [];
  scanner.list(FILTER_NAMES, () => void paths.push(mailboxName(scanner)));
  if (paths.length === 0) throw new BadCommand('Empty list of mailboxes');
  return paths;
}

/** ["IN" SP "(" source-mbox ")" SP] of ESEARCH (RFC 7377 4); null where it is not there. There are no scope options. */
export function searchSources(scanner: Scanner): MailboxFilter[] | null {
  if (!scanner.takeWord('IN')) return null;
  scanner.space();
  const filters: MailboxFilter[] = [];
  scanner.list(FILTERS, () => {
    const filter = mailboxFilter(scanner);
    if (filter.kind === 'selected-delayed') throw new BadCommand('selected-delayed is for NOTIFY'); // RFC 7377 2.2
    filters.push(filter);
  });
  if (filters.length === 0) throw new BadCommand('No mailboxes to search');
  scanner.space();
  return filters;
}
