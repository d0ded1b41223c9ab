// What carries messages to a destination: a session with a mail server, or whatever else a route is made of. The scheduler
// knows no more of it.

import type { ServerReply } from '#protocols/smtp/client/reply.ts';
import type { Session } from '#protocols/smtp/client/session.ts';
import { type Outgoing, type TransactionResult, transact } from '#protocols/smtp/client/transaction.ts';

/** What became of one message, and whether the destination wants to be left alone after it. */
export interface Carried extends TransactionResult {
  readonly rest?: Rest;
  /** Somebody has to put something right for messages like this one, though others go. */
  readonly alert?: ServerReply;
}

/** Why a destination is left alone although it answers. */
export interface Rest {
  readonly reply: ServerReply;
  /** As it asked for, ms; null: as long as we think fit. */
  readonly ms: number | null;
  /** Somebody has to put something right: a login, a permission. */
  readonly alert: boolean;
}

/**
 * What a message asks of TLS on its way: no more than the domain does; that every server has shown who it is, and asks
 * the same of the next (REQUIRETLS, RFC 8689 4.2.1); or that it is not to fail for it (TLS-Required: No, RFC 8689 5).
 */
export type TlsNeed = 'usual' | 'required' | 'optional';

export interface Carrier {
  /** What it was opened for; absent: any. */
  readonly need?: TlsNeed;
  /** Who it is, as it stands in logs and reports. */
  readonly host: string;
  /** How it is protected, '' if it is not. */
  readonly tls: string;
  /** It can take another message. */
  readonly usable: boolean;
  /** The dialogue since the last message. */
  readonly transcript: { readonly text: string; clear(): void };
  /** Hands a message over; rejects with SessionFailure when it broke off, so that nobody knows. */
  carry(outgoing: Outgoing): Promise<Carried>;
  /** Ends politely. */
  end(): Promise<void>;
  destroy(): void;
}

/** There is no way there, now (4xx) or at all (5xx). */
export class NoRoute extends Error {
  readonly reply: ServerReply;
  readonly host: string;
  readonly transcript: string;
  /** Somebody here has to put something right. */
  readonly alert: boolean;

  constructor(reply: ServerReply, host = '', transcript = '', alert = false) {
    super(reply.text);
    this.name = 'NoRoute';
    this.reply = reply;
    this.host = host;
    this.transcript = transcript;
    this.alert = alert;
  }
}

/** Where recipients that wait together go. */
export interface Destination {
  /** Their mail hosts are looked up, not set; some of them may have become ours. */
  readonly direct: boolean;
  /** Carriers at once, at most. */
  readonly most: number;
  /** Recipients of one transaction, at most. */
  readonly recipients: number;
  /** Opens a way; rejects with NoRoute. */
  connect(signal: AbortSignal, need: TlsNeed): Promise<Carrier>;
  /** Counts a message to so many that goes now; or says when one may, unix ms. */
  admit(recipients: number): Promise<number | null>;
  /** One that was counted has not gone, since no way could be opened; absent: nothing is counted. */
  takeBack?(recipients: number): Promise<void>;
}

/** A session with a mail server. */
export function sessionCarrier(session: Session, host: string, tls: string, need?: TlsNeed): Carrier {
  return {
    ...(need !== undefined && { need }),
    ...{ host, tls, transcript: session.transcript },
    get usable() {
      return session.usable;
    },
    carry: (outgoing) => transact(session, outgoing),
    end: () => session.quit(),
    destroy: () => session.connection.destroy(),
  };
}
