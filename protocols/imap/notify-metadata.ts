// Changes of annotations of mailboxes and of the account, for NOTIFY (RFC 5465 5.6, 5.7): read from the change log, and told
// by the names of the entries (RFC 5464 4.4.2).

import { StoreError } from '#storage/errors.ts';
import type { Cursor, MailboxId } from '#storage/ports.ts';
import { mailboxReply, quoted } from './grammar/mailbox-name.ts';
import type { ImapAccount } from './index/account.ts';
import { CHANGE_ROWS } from './limits.ts';
import type { Session } from './session.ts';

/** How changes of a mailbox are told, 0 being the account itself: its name, and how the entries begin; null: not at all. */
export type Wanted = (
  account: ImapAccount,
  mailbox: MailboxId | 0,
) => { readonly path: string; readonly entries: string } | null;

export class MetadataChanges {
  readonly #cursors = new Map<ImapAccount, Cursor>();

  /** What changes from now on is told. */
  async begin(accounts: readonly ImapAccount[]): Promise<void> {
    for (const account of accounts) this.#cursors.set(account, await account.mail.cursor('mail'));
  }

  /** Tells what has changed since. */
  async tell(session: Session, wanted: Wanted): Promise<void> {
    for (const account of [session.owner, ...(session.notify?.others ?? [])]) {
      const changed = await this.#changes(account);
      for (const [mailbox, names] of changed) {
        const told = wanted(account, mailbox);
        const entries = told === null ? [] : [...names].filter((name) => name.startsWith(told.entries));
        if (told === null || entries.length === 0) continue;
        const list = entries.map(quoted).join(' ');
        session.connection.out.text(`* METADATA ${mailboxReply(told.path, session.utf8)} ${list}\r\n`);
      }
    }
  }

  /** The entries that have changed, by mailbox. */
  async #changes(account: ImapAccount): Promise<Map<MailboxId, Set<string>>> {
    const changed = new Map<MailboxId, Set<string>>();
    for (let more = true; more; ) {
      const cursor = this.#cursors.get(account);
      // Of one that was shared just now nothing is told yet.
      if (cursor === undefined) {
        await this.begin([account]);
        return changed;
      }
      try {
        const page = await account.mail.changes('mail', cursor, CHANGE_ROWS);
        for (const { reason, collection, name } of page.rows) {
          if (reason !== 'metadata') continue;
          changed.set(collection, (changed.get(collection) ?? new Set()).union(new Set(name.split('\n'))));
        }
        this.#cursors.set(account, page.cursor);
        more = page.more;
      } catch (error) {
        if (!(error instanceof StoreError) || error.code !== 'stale-cursor') throw error;
        await this.begin([account]);
      }
    }
    return changed;
  }
}
