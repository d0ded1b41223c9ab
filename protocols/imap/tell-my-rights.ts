// The MYRIGHTS reply (RFC 4314 3.8), also of LIST (RFC 8440).

import { formatWithObsolete, type Rights } from '#storage/sharing/rights.ts';
import { mailboxReply } from './grammar/mailbox-name.ts';
import type { Session } from './session.ts';

export function tellMyRights({ connection, utf8 }: Session, path: string, rights: Rights): void {
  connection.out.text(`* MYRIGHTS ${mailboxReply(path, utf8)} ${formatWithObsolete(rights)}\r\n`);
}
