// What a command is to the session that runs it.

import type { Command } from '../grammar/command-reader.ts';
import type { Scanner } from '../grammar/scanner.ts';
import type { Session } from '../session.ts';

/** When a command may be given (RFC 9051 3); `authenticated` holds in the selected state too. */
export type State = 'any' | 'unauthenticated' | 'authenticated' | 'selected';

/** The tagged reply, where it is not `OK <verb> completed`. */
export interface Reply {
  readonly status?: 'OK' | 'NO';
  /** A response code without its brackets. */
  readonly code?: string;
  readonly text?: string;
  /** Messages were expunged: who knows mod-sequences is told the mailbox's (RFC 7162 3.2.7). */
  readonly expunged?: boolean;
  /** false: EXPUNGE replies must wait, although the verb may have them. */
  readonly expunges?: false;
}

/** What a command itself has done, in the mailbox that is selected. */
export interface Own {
  readonly expunged?: boolean;
  readonly added?: boolean;
}

/** undefined: `OK <verb> completed`; 'answered': the verb has written its tagged reply itself. */
export type Outcome = Reply | 'answered' | undefined;

export interface Verb {
  readonly state: State;
  /**
   * EXPUNGE replies may be sent at its end: not for FETCH, STORE and SEARCH by sequence number, whose followers in a
   * pipeline use those numbers (RFC 9051 7.5.1).
   */
  readonly expunges: boolean;
  /** It adds messages, of which the client knows (RFC 5465 5.2). */
  readonly adds?: true;
  /** Reads the arguments (throws BadCommand), does the work (throws Refusal), writes untagged replies. */
  run(session: Session, command: Command): Promise<Outcome> | Outcome;
  /** A literal that starts here is a message: the verb takes it itself. */
  streams?(scanner: Scanner): boolean;
}

/** A verb whose file is loaded when it is first given; one that takes literals itself (`streams`) can't be. */
export type LateVerb = () => Promise<Verb>;
