// Special uses as IMAP spells them (RFC 6154 2). INBOX needs none, and there is none for templates.

import type { SpecialUse } from '#storage/ports.ts';

export const USE_ATTRIBUTE: Readonly<Record<SpecialUse, string>> = {
  '': '',
  inbox: '',
  drafts: '\\Drafts',
  sent: '\\Sent',
  junk: '\\Junk',
  trash: '\\Trash',
  archive: '\\Archive',
  templates: '',
};

const USES: ReadonlyMap<string, SpecialUse> = new Map(
  (Object.entries(USE_ATTRIBUTE) as [SpecialUse, string][])
    .filter(([, attribute]) => attribute !== '')
    .map(([use, attribute]) => [attribute.slice(1).toUpperCase(), use]),
);

/** The use of an attribute's name without its backslash, in any case; undefined for one that we have no mailbox for. */
export function specialUse(name: string): SpecialUse | undefined {
  return USES.get(name.toUpperCase());
}
