// XCLIENT (postfix.org, XCLIENT_README): a proxy of ours says for whom it speaks. Only the address and port count: limits,
// logs and checks then use them. Nobody is logged in by it, and nothing is relayed for it.

import { isIP } from 'node:net';
import { parseXclient } from '../grammar.ts';
import { Reply } from '../replies.ts';
import type { Answer, Session } from '../session.ts';

export function xclient(session: Session, rest: string): Answer {
  if (!session.proxied) return Reply.unknownCommand;
  if (session.transaction !== null) return Reply.noXclientInTransaction;
  const attributes = parseXclient(rest);
  if (attributes === null) return Reply.xclientSyntax;
  if (attributes.has('LOGIN')) return Reply.noXclientLogin;
  const address = (attributes.get('ADDR') ?? session.peer.address).replace(/^IPV6:/i, '');
  const port = Number(attributes.get('PORT') ?? session.peer.port);
  if (isIP(address) === 0 || !(port <= 65_535)) return Reply.xclientSyntax;
  const refusal = session.speaksFor({ address, port });
  if (refusal !== null) session.cut(refusal);
  return `220 ${session.part.context.hostname} ESMTP\r\n`;
}
