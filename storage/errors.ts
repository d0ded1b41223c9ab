// The closed set of errors that leaves the store. Protocols choose their wire codes from `code` alone; `message` and
// `cause` are for the log and never reach a client.

/** Why the store refused. Each protocol maps every one of these to its own reply at its edge. */
export type StoreErrorCode =
  | 'not-found' // no such mailbox, message, account, domain, alias
  | 'exists' // the name is taken
  | 'invalid' // a name, address or argument that can never work
  | 'protected' // a system mailbox, or another thing that must stay (F114)
  | 'over-quota' // the account's quota would be passed
  | 'limit' // a configured limit (message size, keywords, mailboxes, depth) would be passed
  | 'conflict' // changed since the caller looked (unchangedSince, a replaced credential)
  | 'stale-cursor' // changes can't be calculated from this cursor
  | 'busy' // the account's lock or SQLite was not free within the bound; try again
  | 'no-space' // the disk is full
  | 'unavailable' // a temporary fault: an I/O error, a body that can't be read now
  | 'corrupt' // this database file is damaged; only this account is affected
  | 'newer' // the file was written by a newer release
  | 'closed'; // the store is shutting down

/** True of the codes that may go away by themselves: answered 4xx, NO [UNAVAILABLE], -ERR [SYS/TEMP]. */
export function isTemporary(code: StoreErrorCode): boolean {
  return ['busy', 'no-space', 'unavailable', 'corrupt', 'newer', 'closed'].includes(code);
}

/** The only error class that crosses the store's ports. */
export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StoreError';
    this.code = code;
  }
}
