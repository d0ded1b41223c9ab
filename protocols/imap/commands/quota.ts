// GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208): one quota root for all of an account. Limits are the administrator's.

import { Refusal } from '../grammar/errors.ts';
import { mailboxName, mailboxReply } from '../grammar/mailbox-name.ts';
import type { Session } from '../session.ts';
import type { Verb } from './verb.ts';

/** The only quota root's name. */
const ROOT = '""';

export const getQuota: Verb = {
  state: 'authenticated',
  expunges: true,
  async run(session, { scanner }) {
    scanner.space();
    const root = scanner.astring();
    scanner.end();
    if (root !== '') throw new Refusal('NONEXISTENT', 'No such quota root');
    await tellQuota(session);
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
    const mailbox = await session.owner.find(path);
    if (mailbox === undefined) throw new Refusal('NONEXISTENT', 'No such mailbox');
    session.connection.out.text(`* QUOTAROOT ${mailboxReply(path, session.utf8)} ${ROOT}\r\n`);
    await tellQuota(session);
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

/** RFC 9208 4.2.1: resources without a limit are not listed; STORAGE counts units of 1,024 octets. */
async function tellQuota(session: Session): Promise<void> {
  const { bytes, limit } = await session.owner.mail.quota();
  const storage = limit === null ? '' : `STORAGE ${units(bytes)} ${units(limit)}`;
  session.connection.out.text(`* QUOTA ${ROOT} (${storage})\r\n`);
}

function units(bytes: number): number {
  return Math.ceil(bytes / 1024);
}
