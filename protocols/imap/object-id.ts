// Object identifiers (RFC 8474): a letter, the account and a number, so that one login can tell several accounts' apart.

import type { AccountId } from '#storage/ports.ts';

/** F: a mailbox; M: a message, kept by COPY and MOVE; T: a thread. */
export type ObjectKind = 'F' | 'M' | 'T';

export function objectId(kind: ObjectKind, account: AccountId, id: number): string {
  return `${kind}${account}-${id}`;
}

/** The number in an identifier that a client gives back; null if it names nothing of this kind in the account. */
export function objectNumber(kind: ObjectKind, account: AccountId, text: string): number | null {
  const prefix = `${kind}${account}-`;
  if (!text.startsWith(prefix) || !/^[1-9]\d{0,15}$/.test(text.slice(prefix.length))) return null;
  return Number(text.slice(prefix.length));
}
