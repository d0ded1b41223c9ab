// What a protocol session asks of the server: types only. src/ implements them, tests fake none of them.

import type { Socket } from 'node:net';
import type { SecureContext, TlsOptions } from 'node:tls';
import type { Logger } from 'pino';
import type { Account, AccountId, MailAccount, ScramKeys, Staged, Staging } from '#storage/ports.ts';
import type { Source } from './net/proxy.ts';

/** One protocol's server on one thread. Listeners hand it sockets; it owns them from then on. */
export interface ProtocolServer {
  /**
   * Takes a connected socket; `secure`: TLS is already established on it (a tls.TLSSocket). `source`: who is behind it,
   * where a trusted proxy said so.
   */
  accept(socket: Socket, secure: boolean, source?: Source): void;
  /** Stops gracefully: finishes the command in hand, says `* BYE` or `421`, closes; resolves when all are gone. */
  close(): Promise<void>;
  /** Open connections now. */
  readonly connections: number;
}

/** Certificates, chosen by SNI and reloaded when their files change. */
export interface TlsProvider {
  /** Options for an implicit TLS server or for `new TLSSocket(socket, { isServer: true, ... })` at STARTTLS. */
  options(): TlsOptions & { secureContext: SecureContext };
}

/** The other side of a connection. */
export interface Peer {
  /** Names the connection; stands on every log line that comes of it. */
  readonly connection: string;
  readonly address: string;
  /** Its name in DNS, where a proxy of ours says so. */
  readonly name?: string;
  readonly port: number;
  /** In limits.trusted_networks: exempt from connection, rate and error limits. */
  readonly trusted: boolean;
}

/** Who is logged in. */
export interface Principal {
  readonly account: Account;
  /** The login name as it was typed, for the log. */
  readonly login: string;
  /** Known by the address alone, without a login (F209). */
  readonly byAddress?: true;
}

/** What a login comes to. `rejected`: wrong user or password, told alike. `throttled`: too many failures, not looked at.
 * `unavailable`: a temporary fault, never to be reported as a wrong password (DESIGN 7.4). */
export type AuthAnswer =
  | { readonly ok: true; readonly principal: Principal }
  | { readonly ok: false; readonly reason: RejectReason };

export type AuthProtocol = 'imap' | 'pop3' | 'smtp';

/** A SCRAM login that has begun; `keys` may be nobody's, which no password has. */
export interface ScramLogin {
  readonly ok: true;
  readonly keys: ScramKeys;
  /** Ends it: was the proof right? `guess` stands for the password that was tried. */
  settle(right: boolean, guess: string): Promise<AuthAnswer>;
}

/** Checks passwords, slowly for an address or an account that guesses. */
export interface Authenticator {
  /** Takes its time by itself: no caller sleeps. */
  password(login: string, password: string, peer: Peer, protocol: AuthProtocol): Promise<AuthAnswer>;
  /** Begins a SCRAM login. */
  scram(
    login: string,
    peer: Peer,
    protocol: AuthProtocol,
  ): Promise<ScramLogin | Extract<AuthAnswer, { readonly ok: false }>>;
  /** An issuer is configured whose bearer tokens can be verified; otherwise `token` rejects all. */
  readonly takesTokens: boolean;
  /** `login`: who the client says it is, or ''. */
  token(login: string, token: string, peer: Peer, protocol: AuthProtocol): Promise<AuthAnswer>;
}

/** Verifies the bearer tokens of an issuer. */
export interface TokenVerifier {
  /** The address that a valid token speaks for, or null. May reject, for a fault that is not the token's. */
  verify(token: string): Promise<string | null>;
}

export type RejectReason = 'rejected' | 'throttled' | 'unavailable';

/** What the reading protocols (IMAP, POP3) need of the store. */
export interface MailStore {
  mail(id: AccountId): MailAccount;
  stage(options: { maxBytes: number }): Staging;
}

/** What every protocol server is handed. */
export interface ProtocolContext {
  readonly hostname: string;
  readonly log: Logger;
  readonly tls: TlsProvider;
  readonly authenticator: Authenticator;
  readonly metrics: ProtocolMetrics;
  readonly devices: DeviceKeeper;
  /** Logins without TLS are allowed ([auth] plaintext). */
  readonly plaintext: boolean;
  /** [limits] message_size in bytes. */
  readonly messageSize: number;
  /** Is this address in [limits] trusted_networks? */
  trusted(address: string): boolean;
  /** The store's disk is full or an account is damaged: how much the sessions say is their own business. */
  readonly store: MailStore;
}

/** Counters, by protocol; implemented with Prometheus in src/observe. */
export interface ProtocolMetrics {
  connection(protocol: string, delta: 1 | -1): void;
  command(protocol: string, verb: string, seconds: number): void;
  login(protocol: string, result: 'ok' | RejectReason): void;
  /** A message accepted or refused: by `smtp`, `submission`, `append`. */
  message(protocol: string, result: 'accepted' | 'refused' | 'deferred', bytes: number): void;
}

/** Keeps which programs each account is used with; cheap, and may be told the same again and again. */
export interface DeviceKeeper {
  /** A program (what it calls itself, or '') is in an account. */
  seen(account: AccountId, protocol: AuthProtocol, program: string, address: string): void;
  /** What one has met that used it, or tried to, in plain words. */
  failed(account: AccountId, protocol: AuthProtocol, program: string, address: string, fault: string): void;
}

/** A session that is over, for the administrator: bounded, and without secrets. */
export interface SessionRecord {
  readonly listener: string;
  readonly address: string;
  /** The account's address, or the login that was tried last. */
  readonly login: string | null;
  /** Who was logged in. */
  readonly account: AccountId | null;
  /** What the client called itself; '' if it did not. */
  readonly program: string;
  /** Unix ms. */
  readonly started: number;
  readonly seconds: number;
  /** The version of TLS. */
  readonly tls: string | null;
  readonly lines: readonly string[];
}

/** Keeps the last sessions of each address and account. */
export interface SessionKeeper {
  keep(record: SessionRecord): void;
}

/** What a peer can do too much of. Recipients are counted by network (IPv4 /24, IPv6 /64), the others by address. */
export type Misdeed = 'unknown-recipient' | 'caught-recipient' | 'spoiled-session' | 'message';

/** What untrusted peers did lately, over all threads. Each count falls with time. */
export interface Conduct {
  of(address: string): PeerConduct;
}

export interface PeerConduct {
  count(what: Misdeed): number;
  /** Counts one more, and gives the count. */
  note(what: Misdeed): number;
}

// ----------------------------------------------------------------------------------------------- SMTP's own ports

/** A reply in SMTP's terms: code, enhanced status code (RFC 3463) and text, always ours. */
export interface SmtpReply {
  readonly code: number;
  readonly enhanced: string;
  readonly text: string;
}

/** The envelope of a transaction. */
export interface Envelope {
  /** '' for the null reverse-path. */
  readonly sender: string;
  readonly recipients: readonly string[];
  /** SIZE= as declared, or null. */
  readonly declaredSize: number | null;
  readonly smtputf8: boolean;
  readonly body8bit: boolean;
  /** What was asked for about delivery reports; absent: nothing. */
  readonly dsn?: DsnRequest;
  /** It may only be sent on over verified TLS (RFC 8689). */
  readonly requireTls?: boolean;
  /** Unix ms before which nobody is to have it (RFC 4865). */
  readonly releaseAt?: number;
  /** Each recipient gets it from a return address of his own, made with these two delimiters (VERP). */
  readonly verp?: string;
}

/** What the sender asked about delivery reports (RFC 3461). ENVID and ORCPT are kept as they came, in xtext. */
export interface DsnRequest {
  /** How much of the message a failure report carries; null: ours to choose. */
  readonly ret: 'full' | 'hdrs' | null;
  readonly envid: string | null;
  /** By recipient, as it stands in `recipients`; those who asked for nothing are absent. */
  readonly recipients: ReadonlyMap<string, RecipientRequest>;
}

export interface RecipientRequest {
  /** On which occasions; [] is NEVER; null: not said, which means failure and delay. */
  readonly notify: readonly ('success' | 'failure' | 'delay')[] | null;
  /** `addr-type;xtext`. */
  readonly orcpt: string | null;
}

/** What the session knows of the peer, for Received and for the pipeline. */
export interface IngressSession {
  /** Stands on every log line. */
  readonly id: string;
  readonly peer: Peer;
  readonly helo: string;
  readonly esmtp: boolean;
  /** It came by LMTP, from the operator's own MTA. */
  readonly lmtp?: true;
  readonly tls: { readonly version: string; readonly cipher: string } | null;
  /** Set on submission. */
  readonly principal: Principal | null;
}

/** Mail that comes in: for local recipients, by SMTP, LMTP, a fetcher or a local submission. */
export interface Ingress {
  /** At RCPT: null to accept, or the refusal (550 5.1.1, 550 5.7.1 relaying, 552 5.2.2, 451). */
  recipient(address: string, envelope: Envelope, session: IngressSession): Promise<SmtpReply | null>;
  /** At the end of DATA. The reply is sent as it is; a 250 is durable. */
  accept(envelope: Envelope, staged: Staged, session: IngressSession): Promise<SmtpReply>;
  /** The same with a reply for each recipient, in their order (LMTP). */
  deliver(envelope: Envelope, staged: Staged, session: IngressSession): Promise<readonly SmtpReply[]>;
}

/** Mail that a logged-in user hands in, by any protocol: policy, then local delivery or the queue. */
export interface Submission {
  /** As whom a peer sends that has not logged in: null, unless its network need not (F209). */
  withoutLogin(peer: Peer): Promise<Principal | null>;
  /** At MAIL FROM: null, or the refusal that names the address (F16, F198). */
  sender(address: string, session: IngressSession): Promise<SmtpReply | null>;
  recipient(address: string, envelope: Envelope, session: IngressSession): Promise<SmtpReply | null>;
  submit(envelope: Envelope, staged: Staged, session: IngressSession): Promise<SmtpReply>;
}
