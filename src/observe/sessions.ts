// The last sessions of each address and account, kept in the memory of the thread that served them.

import type { SessionRecord } from '#protocols/ports.ts';
import { SESSION_KEYS, SESSIONS_KEPT } from '../limits.ts';

export class Sessions {
  /** By address and by account; the one that was served longest ago comes first. */
  readonly #kept = new Map<string, SessionRecord[]>();

  keep(record: SessionRecord): void {
    this.#put(record.address, record);
    if (record.login !== null) this.#put(record.login.toLowerCase(), record);
  }

  /** Those of an IP address or an account's address, the oldest first. */
  find(subject: string): readonly SessionRecord[] {
    return this.#kept.get(subject.toLowerCase()) ?? [];
  }

  #put(key: string, record: SessionRecord): void {
    const records = this.#kept.get(key) ?? [];
    this.#kept.delete(key);
    this.#kept.set(key, [...records.slice(1 - SESSIONS_KEPT), record]);
    if (this.#kept.size <= SESSION_KEYS) return;
    const oldest = this.#kept.keys().next();
    if (!oldest.done) this.#kept.delete(oldest.value);
  }
}
