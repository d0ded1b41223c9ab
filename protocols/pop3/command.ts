// What a command is: the state it belongs to (RFC 1939 3) and what it does.
import type { Maildrop } from './maildrop.ts';
import type { Session } from './session.ts';

export type Command =
  | {
      readonly state: 'authorization' | 'any';
      run(session: Session, argument: Buffer | null): Promise<void> | void;
    }
  | {
      readonly state: 'transaction';
      run(session: Session, argument: Buffer | null, maildrop: Maildrop): Promise<void> | void;
    };
