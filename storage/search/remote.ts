// The way of a server thread to the search thread.

import type { Control } from '../engines/sqlite/control.ts';
import { StoreError } from '../errors.ts';
import type { StoreLog } from '../log.ts';
import type { AccountId, MailboxId } from '../ports.ts';
import type { Looked, LookQuery, SearchIndex, TextFindings, TextQuery } from './port.ts';

export interface FindRequest {
  /** Names the request, so that it can be dropped. */
  readonly ticket: string;
  readonly account: AccountId;
  readonly queries: readonly TextQuery[];
}

export interface LookRequest {
  readonly account: AccountId;
  readonly mailbox: MailboxId;
  readonly query: LookQuery;
}

/** The search thread's indexes, asked from another thread. A search they fail at is done without them. */
export class RemoteSearch implements SearchIndex {
  readonly #control: Control;
  readonly #log: StoreLog;
  #tickets = 0;

  constructor(control: Control, log: StoreLog) {
    this.#control = control;
    this.#log = log;
  }

  async find(account: AccountId, queries: readonly TextQuery[], signal: AbortSignal): Promise<TextFindings | null> {
    signal.throwIfAborted();
    const control = this.#control;
    const ticket = `${control.id}/${++this.#tickets}`;
    const drop = () => control.tell('drop', ticket, 'search');
    signal.addEventListener('abort', drop, { once: true });
    try {
      // It is started by the first that needs it, which takes a fraction of what looking through a mailbox does.
      if (!control.has('search')) await control.ask('start-search', null, 'main');
      signal.throwIfAborted();
      const request: FindRequest = { ticket, account, queries };
      const found = (await control.ask('find', request, 'search')) as TextFindings | null;
      // It may have been found before the search thread heard that it is not wanted.
      signal.throwIfAborted();
      return found;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof StoreError)) throw error;
      this.#log.warn({ err: error, account }, 'the search index could not be asked: the messages are looked through');
      return null;
    } finally {
      signal.removeEventListener('abort', drop);
    }
  }

  expect(): void {
    if (this.#control.has('search')) return;
    // Whoever searches asks again, and hears what is wrong.
    this.#control.ask('start-search', null, 'main').catch((error: unknown) => {
      this.#log.debug({ err: error }, 'the search thread could not be started ahead of a search');
    });
  }

  async look(account: AccountId, mailbox: MailboxId, query: LookQuery): Promise<Looked | null> {
    if (!this.#control.has('search')) return null;
    try {
      return (await this.#control.ask('look', { account, mailbox, query } satisfies LookRequest, 'search')) as Looked;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#log.warn({ err: error, account }, 'the search thread could not look into messages: the session does');
      return null;
    }
  }
}
