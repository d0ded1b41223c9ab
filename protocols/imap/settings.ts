// What the operator has said of IMAP: for all, and for single accounts whose program breaks on an extension.

import type { AccountId } from '#storage/ports.ts';
import type { UrlAuthority } from './url/authority.ts';

export interface ImapSettings {
  /** Which literals need not be asked for: all (LITERAL+), or small ones only (LITERAL-); never both (RFC 7888 5). */
  readonly literals: 'plus' | 'minus';
  /** Capabilities that are off for everybody, in upper case. */
  readonly off: ReadonlySet<string>;
  /** Those that are off for an account besides, in any case. */
  offFor(account: AccountId): Promise<readonly string[]>;
  /** What URLAUTH needs. */
  readonly urls: UrlAuthority;
  /** Milliseconds without a command, or a part of one, after which a session that has logged in ends: see limits.ts. */
  readonly idle: number;
}

/** The commands that come with a capability: where it is off they are unknown. */
const COMMANDS: Readonly<Record<string, string>> = {
  CANCELUPDATE: 'CONTEXT=SEARCH',
  COMPRESS: 'COMPRESS=DEFLATE',
  ENABLE: 'ENABLE',
  DELETEACL: 'ACL',
  ESEARCH: 'MULTISEARCH',
  GENURLAUTH: 'URLAUTH',
  GETACL: 'ACL',
  GETMETADATA: 'METADATA',
  GETQUOTA: 'QUOTA',
  GETQUOTAROOT: 'QUOTA',
  ID: 'ID',
  IDLE: 'IDLE',
  LISTRIGHTS: 'ACL',
  MOVE: 'MOVE',
  MYRIGHTS: 'ACL',
  NAMESPACE: 'NAMESPACE',
  NOTIFY: 'NOTIFY',
  REPLACE: 'REPLACE',
  RESETKEY: 'URLAUTH',
  SETACL: 'ACL',
  SETMETADATA: 'METADATA',
  SETQUOTA: 'QUOTA',
  SORT: 'SORT',
  'UID EXPUNGE': 'UIDPLUS',
  'UID MOVE': 'MOVE',
  'UID REPLACE': 'REPLACE',
  'UID SORT': 'SORT',
  UIDBATCHES: 'UIDBATCHES',
  UNAUTHENTICATE: 'UNAUTHENTICATE',
  UNSELECT: 'UNSELECT',
  URLFETCH: 'URLAUTH',
  XLIST: 'XLIST',
};

/** Extensions that are a part of IMAP4rev2 (RFC 9051 appendix E): who enabled that knows their syntax in any case. */
export const PARTS_OF_REV2: ReadonlySet<string> = new Set([
  ...['ESEARCH', 'SEARCHRES', 'LIST-EXTENDED', 'LIST-STATUS', 'STATUS=SIZE', 'SPECIAL-USE', 'BINARY'],
]);

/** The capability that a command needs; '' for those that are always there. */
export function capabilityOf(verb: string): string {
  return COMMANDS[verb] ?? '';
}
