// What a command sees of its session: the state that commands change, and the little that it may ask for.

import type { Logger } from 'pino';
import type { ChannelBinding } from '#protocols/net/channel-binding.ts';
import type { Source } from '#protocols/net/proxy.ts';
import type {
  Conduct,
  Envelope,
  Ingress,
  IngressSession,
  Peer,
  PeerConduct,
  Principal,
  ProtocolContext,
  RecipientRequest,
  SessionKeeper,
  SmtpReply,
  Submission,
} from '#protocols/ports.ts';
import type { LoginContext } from '#protocols/sasl/exchange.ts';
import type { Dialogue } from './dialogue.ts';
import type { MailCommand } from './grammar.ts';
import type { DataSink } from './input.ts';
import type { Limits } from './limits.ts';
import type { Offers } from './parameters.ts';
import type { Reception } from './reception.ts';

/**
 * MX takes mail for our own addresses from anybody; submission takes mail from those who log in; LMTP takes mail for our
 * own addresses from the operator's MTA in front, with a reply for each recipient (RFC 2033).
 */
export type Kind = 'mx' | 'submission' | 'lmtp';

/** What the metrics call it. */
export function labelOf(kind: Kind): string {
  return kind === 'mx' ? 'smtp' : kind;
}

/** What SMTP needs beside what every protocol is handed. */
export interface PartContext extends ProtocolContext {
  readonly conduct: Conduct;
  readonly sessions: SessionKeeper;
  /** Is this a proxy of ours ([listen] proxy_from)? Nobody is unless said otherwise. */
  proxied?(address: string): boolean;
}

/** What all sessions of a server share. */
export interface Part {
  readonly kind: Kind;
  readonly context: PartContext;
  readonly limits: Limits;
  /** For MX. */
  readonly ingress: Ingress | undefined;
  /** For submission. */
  readonly submission: Submission | undefined;
  /** Extensions that only hold where a queue acts on them; each is offered when it does. */
  readonly queue: QueueOffers;
}

/** What the road out keeps its promise on. */
export interface QueueOffers {
  /** Delivery reports are made as they are asked for (RFC 3461). */
  readonly dsn?: boolean;
  /** Mail that asks for it only leaves over verified TLS (RFC 8689). */
  readonly requireTls?: boolean;
  /** Each recipient can get a return address of his own (XVERP). */
  readonly verp?: boolean;
  /** A message can be held for so long, ms (RFC 4865); 0: not at all. */
  readonly futureMs?: number;
}

/** A reply, or lines that are formatted already (EHLO, 334, 354). */
export type Answer = SmtpReply | string;

/** Answers a command; `rest` is what follows the verb. */
export type Command = (session: Session, rest: string) => Answer | Promise<Answer>;

export interface Transaction {
  readonly mail: MailCommand;
  readonly recipients: string[];
  /** Of those who asked for something. */
  readonly requests: Map<string, RecipientRequest>;
  /** What has come of the message by BDAT. */
  chunks: Chunks | null;
}

/** A message that comes in chunks, between two of them. */
export interface Chunks {
  readonly reception: Reception;
  count: number;
}

export interface Session {
  readonly part: Part;
  readonly id: string;
  readonly peer: Peer;
  readonly log: Logger;
  /** TLS protects the connection. */
  readonly secure: boolean;
  readonly tls: { readonly version: string; readonly cipher: string } | null;
  /** What a login can be bound to; null on a plain connection. */
  readonly channelBinding: ChannelBinding | null;

  /** What EHLO or HELO said; null before. */
  hello: { readonly name: string; readonly esmtp: boolean } | null;
  principal: Principal | null;
  transaction: Transaction | null;
  /** The line that follows is not a command but goes here (AUTH). */
  continuation: ((line: string) => Answer | Promise<Answer>) | null;
  /** What the peer's network did lately; null for a trusted one, to which no such limit applies. */
  readonly conduct: PeerConduct | null;
  /** Our address that the peer connected to. */
  readonly localAddress: string;
  /** Counts towards the limits; see limits.ts. */
  readonly counts: { errors: number; refused: number; idle: number; logins: number };

  /** The other side of the socket is a proxy of ours ([listen] proxy_from). */
  readonly proxied: boolean;
  /** From now on this is the peer, and the session begins anew; or why it is not served. `name`: its name in DNS. */
  speaksFor(source: Source, name?: string): SmtpReply | null;
  /** Ends the transaction, whatever has come of it. */
  reset(): void;
  /** What was said, for the administrator. */
  readonly dialogue: Dialogue;
  /** Something came of the session: a message or a login. Patience starts anew. */
  progress(): void;
  /** Keeps the peer waiting for its answer. */
  hold(): Promise<void>;
  /** What follows is content. */
  receive(sink: DataSink): void;
  /** Sends an answer of its own time: the one at the end of DATA. */
  answer(answer: Answer): Promise<void> | void;
  /** Replies 220 and turns the connection into a TLS one. */
  startTls(): void;
  /** Ends the connection once the answer is out. */
  finish(): void;
  /** Ends the connection now, with this reply. */
  cut(reply: SmtpReply): void;
}

/** Where a login happens. */
export function loginContext({ part, peer, channelBinding: binding }: Session): LoginContext {
  return { authenticator: part.context.authenticator, protocol: 'smtp', peer, binding };
}

/** AUTH is offered here and now (RFC 4954 4): on submission, under TLS or where [auth] plaintext allows it. */
export function mayLogIn(session: Session): boolean {
  return session.part.kind === 'submission' && (session.secure || session.part.context.plaintext);
}

/** What MAIL and RCPT may ask for here and now. */
export function offersOf(session: Session): Offers {
  const { kind, queue } = session.part;
  return {
    auth: kind === 'submission',
    dsn: queue.dsn === true,
    verp: kind === 'submission' && queue.verp === true,
    futureMs: kind === 'submission' ? (queue.futureMs ?? 0) : 0,
    requireTls: queue.requireTls === true && session.secure, // RFC 8689 3: only where TLS protects it already
  };
}

/** The transaction as the ports see it. */
export function envelopeOf({ mail, recipients, requests }: Transaction): Envelope {
  const { ret, envid, requireTls, verp, releaseAt } = mail;
  const asked = ret !== null || envid !== null || requests.size > 0;
  return {
    sender: mail.address,
    recipients,
    declaredSize: mail.size,
    smtputf8: mail.smtputf8,
    body8bit: mail.body !== '7bit',
    ...(asked && { dsn: { ret, envid, recipients: requests } }),
    ...(requireTls && { requireTls }),
    ...(releaseAt !== null && { releaseAt }),
    ...(verp !== null && mail.address !== '' && { verp }),
  };
}

/** The session as the ports see it. */
export function ingressSession(session: Session): IngressSession {
  return {
    id: session.id,
    peer: session.peer,
    helo: session.hello?.name ?? '',
    esmtp: session.hello?.esmtp ?? false,
    ...(session.part.kind === 'lmtp' && { lmtp: true }),
    tls: session.tls,
    principal: session.principal,
  };
}
