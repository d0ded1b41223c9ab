// GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208): one quota root for all of an account, whoever fills it; that of somebody
// else has the name that his mailboxes stand below. Limits are the administrator's.

import { Refusal } from '../grammar/errors.ts';
import { mailboxName, mailboxPath, mailboxReply } from '../grammar/mailbox-name.ts';
import type { ImapAccount } from '../index/account.ts';
import { mayUse } from '../rights.ts';
import type { Session } from '../session.ts';
import type { Verb } from './verb.ts';

/** The name of the session's own quota root. */
const OWN = '';

export const getQuota: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    scanner.space();
    const root = scanner.astring();
    scanner.end();
    const account = root === OWN ? session.owner : accountOfRoot(session, mailboxPath(root, session.utf8));
    if (account === undefined) throw new Refusal('NONEXISTENT', 'No such quota root');
    await tellQuota(session, account, root === OWN ? OWN : mailboxPath(root, session.utf8));
    return undefined;
  },
};

export const getQuotaRoot: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    scanner.space();
    const path = mailboxName(scanner);
    scanner.end();
    const { account } = await session.places.need(path, 'status');
    const root = session.places.others.find((other) => other.account.id === account.id)?.prefix ?? OWN;
    const { utf8 } = session;
    session.connection.out.text(`* QUOTAROOT ${mailboxReply(path, utf8)} ${mailboxReply(root, utf8)}\r\n`);
    await tellQuota(session, account, root);
    return undefined;
  },
};

export const setQuota: Verb = {
  state: 'authenticated',
  expunges: true,
  run(_session, { scanner }) {
    scanner.space();
    scanner.astring();
    scanner.space();
    scanner.list(2, () => {
      scanner.atom();
      scanner.space();
      scanner.number();
    });
    scanner.end();
    throw new Refusal('NOPERM', 'The quota is set by the administrator'); // QUOTASET is not offered (RFC 9208 4.1.3)
  },
};

/** Whose root it is, if the session may read something of his. */
function accountOfRoot({ places }: Session, root: string): ImapAccount | undefined {
  const other = places.others.find(({ prefix }) => prefix === root);
  if (other === undefined) return undefined;
  const readable = [...other.rights].some(([, rights]) => mayUse(rights, 'status'));
  return readable ? other.account : undefined;
}

/** RFC 9208 4.2.1: resources without a limit are not listed; STORAGE counts units of 1,024 octets. */
async function tellQuota(session: Session, { mail }: ImapAccount, root: string): Promise<void> {
  const { bytes, limit } = await mail.quota();
  const storage = limit === null ? '' : `STORAGE ${units(bytes)} ${units(limit)}`;
  session.connection.out.text(`* QUOTA ${mailboxReply(root, session.utf8)} (${storage})\r\n`);
}

function units(bytes: number): number {
  return Math.ceil(bytes / 1024);
}
