// EHLO and HELO (RFC 5321 4.1.1.1), which also do what RSET does.

import { offered } from '#protocols/sasl/exchange.ts';
import { parseHello } from '../grammar.ts';
import { formatLines, Reply } from '../replies.ts';
import { type Answer, loginContext, mayLogIn, offersOf, type Session } from '../session.ts';

/** RFC 2033 4.1: EHLO by another name. */
export function lhlo(session: Session, rest: string): Answer {
  return session.part.kind === 'lmtp' ? greet(session, rest) : Reply.unknownCommand;
}

export function ehlo(session: Session, rest: string): Answer {
  return session.part.kind === 'lmtp' ? Reply.lhlo : greet(session, rest);
}

function greet(session: Session, rest: string): Answer {
  const name = parseHello(rest);
  if (typeof name !== 'string') return name;
  if (isOurs(session, name)) return Reply.ourName;
  session.hello = { name, esmtp: true };
  session.reset();
  return formatLines(250, [session.part.context.hostname, ...extensions(session)]);
}

export function helo(session: Session, rest: string): Answer {
  if (session.part.kind === 'lmtp') return Reply.lhlo;
  const name = parseHello(rest);
  if (typeof name !== 'string') return name;
  if (isOurs(session, name)) return Reply.ourName;
  session.hello = { name, esmtp: false };
  session.reset();
  return formatLines(250, [session.part.context.hostname]);
}

/** Who calls himself by our name or address from outside is nobody honest; every other name is only looked at. */
function isOurs({ part, peer, localAddress }: Session, name: string): boolean {
  if (part.kind !== 'mx' || peer.trusted) return false;
  const bare = name.toLowerCase().replace(/\.$/, '');
  const literal = bare.replace(/^\[(?:ipv6:)?(.*)\]$/, '$1');
  return bare === part.context.hostname.toLowerCase() || literal === localAddress;
}

function extensions(session: Session): string[] {
  const list = [
    'PIPELINING',
    `SIZE ${session.part.context.messageSize}`,
    '8BITMIME',
    'SMTPUTF8',
    'ENHANCEDSTATUSCODES',
    ...['CHUNKING', 'BINARYMIME'],
    `LIMITS RCPTMAX=${session.part.limits.recipients}`, // RFC 9422 3
  ];
  const { dsn, requireTls, verp, futureMs = 0 } = offersOf(session);
  if (dsn === true) list.push('DSN');
  if (requireTls === true) list.push('REQUIRETLS');
  if (futureMs > 0) {
    const last = new Date(Date.now() + futureMs).toISOString().replace(/\.\d+Z$/, 'Z');
    list.push(`FUTURERELEASE ${Math.floor(futureMs / 1_000)} ${last}`); // RFC 4865 3
  }
  if (verp === true) list.push('XVERP');
  if (session.proxied) list.push('XCLIENT NAME ADDR PORT PROTO HELO');
  if (!session.secure) list.push('STARTTLS');
  if (mayLogIn(session) && session.principal === null) list.push(...logins(offered(loginContext(session))));
  return list;
}

/**
 * RFC 4954 3. What is bound to the TLS connection is named in the first of two lines: neomutt (with GNU SASL) takes it where
 * it is offered, can't bind and gives up, but it goes by the last line; other programs take the first, or both together.
 */
function logins(mechanisms: readonly string[]): string[] {
  const unbound = mechanisms.filter((name) => !name.endsWith('-PLUS'));
  const lines = unbound.length < mechanisms.length ? [mechanisms, unbound] : [mechanisms];
  return lines.map((names) => `AUTH ${names.join(' ')}`);
}
