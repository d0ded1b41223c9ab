// XCLIENT (postfix.org, XCLIENT_README): a proxy of ours says for whom it speaks. Limits, logs and checks then use the address;
// the name stands in Received beside it, and what the peer has said as HELO need not be said again. Nobody is logged in by
// it, and nothing is relayed for it: a login is only noted.

import { isIP } from 'node:net';
import { parseHello, parseXclient } from '../grammar.ts';
import { Reply } from '../replies.ts';
import type { Answer, Session } from '../session.ts';

const HOST_NAME = /^(?=.{1,255}$)[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?$/i;
const LOGIN = /^[^\p{Cc}]{1,320}$/u;

export function xclient(session: Session, rest: string): Answer {
  if (!session.proxied) return Reply.unknownCommand;
  if (session.transaction !== null) return Reply.noXclientInTransaction;
  const attributes = parseXclient(rest);
  if (attributes === null) return Reply.xclientSyntax;
  const login = attributes.get('LOGIN');
  if (login !== undefined && session.part.kind === 'submission') return Reply.noXclientLogin;
  const address = (attributes.get('ADDR') ?? session.peer.address).replace(/^IPV6:/i, '');
  const port = Number(attributes.get('PORT') ?? session.peer.port);
  const name = attributes.get('NAME');
  const proto = (attributes.get('PROTO') ?? 'ESMTP').toUpperCase();
  const hello = attributes.has('HELO') ? parseHello(attributes.get('HELO') ?? '') : null;
  if (isIP(address) === 0 || !(port <= 65_535)) return Reply.xclientSyntax;
  if (name !== undefined && !HOST_NAME.test(name)) return Reply.xclientSyntax;
  if ((proto !== 'SMTP' && proto !== 'ESMTP') || (hello !== null && typeof hello !== 'string'))
    return Reply.xclientSyntax;
  if (login !== undefined && !LOGIN.test(login)) return Reply.xclientSyntax;
  const refusal = session.speaksFor({ address, port }, name);
  if (hello !== null) session.hello = { name: hello, esmtp: proto === 'ESMTP' };
  if (login !== undefined) session.dialogue.login = login;
  if (refusal !== null) session.cut(refusal);
  return `220 ${session.part.context.hostname} ESMTP\r\n`;
}
