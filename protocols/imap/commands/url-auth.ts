// GENURLAUTH and RESETKEY (RFC 4467 7): URLs by which others can read a message or a part of one, and their end.

import type { Mailbox } from '#storage/ports.ts';
import { BadCommand } from '../grammar/errors.ts';
import { inboxFirst, mailboxName, quoted } from '../grammar/mailbox-name.ts';
import { urlsToAuthorize } from '../grammar/url-fetch.ts';
import { noMailbox } from '../rights.ts';
import type { Session } from '../session.ts';
import { isAccess, ownerOf, resetKey, tokenFor } from '../url/authority.ts';
import { parseImapUrl } from '../url/imap-url.ts';
import type { Verb } from './verb.ts';

export const genUrlAuth: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    const urls: string[] = [];
    for (const { rump, mechanism } of urlsToAuthorize(scanner)) {
      if (mechanism !== 'INTERNAL') throw new BadCommand('Unknown URLAUTH mechanism');
      const token = await tokenFor(
        session.server.settings.urls,
        session.owner.mail,
        await mailboxOf(session, rump),
        rump,
      );
      urls.push(quoted(`${rump}:internal:${token}`));
    }
    session.connection.out.text(`* GENURLAUTH ${urls.join(' ')}\r\n`);
    return undefined;
  },
};

export const resetKeys: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    const { owner } = session;
    const names: string[] = [];
    if (scanner.take(' ') && !scanner.blank) {
      names.push(mailboxName(scanner));
      while (scanner.take(' ') && !scanner.blank)
        if (scanner.atom().toUpperCase() !== 'INTERNAL') throw new BadCommand('Unknown URLAUTH mechanism');
    }
    scanner.end();
    for (const name of names) {
      const mailbox = await owner.find(name);
      if (mailbox === undefined) throw noMailbox();
      await resetKey(owner.mail, mailbox);
    }
    if (names.length === 0) for (const mailbox of await owner.mailboxes()) await resetKey(owner.mail, mailbox);
    return { code: 'URLMECH INTERNAL', text: 'All URLs for it are void' };
  },
};

/** The mailbox of a URL that the client may authorize: absolute, its own, with access and without a token. */
async function mailboxOf(session: Session, rump: string): Promise<Mailbox> {
  const url = parseImapUrl(rump);
  if (url?.auth == null || url.auth.rump !== rump || !isAccess(url.auth.access)) throw new BadCommand('Not such a URL');
  const { owner, principal, context } = session;
  if (ownerOf(url, context.hostname) !== principal?.account.address)
    throw new BadCommand('A URL of your own mail only');
  const mailbox = await owner.find(inboxFirst(url.mailbox));
  const same = url.uidvalidity === null || url.uidvalidity === mailbox?.uidvalidity;
  if (mailbox === undefined || !same) throw noMailbox();
  return mailbox;
}
