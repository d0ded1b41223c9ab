// The store's errors as IMAP tells them (RFC 5530): one place, every code.

import type { StoreError, StoreErrorCode } from '#storage/errors.ts';
import { Refusal } from './grammar/errors.ts';

const REPLIES: Readonly<Record<StoreErrorCode, readonly [code: string, text: string]>> = {
  'not-found': ['NONEXISTENT', 'No such mailbox or message'],
  exists: ['ALREADYEXISTS', 'The name is taken'],
  invalid: ['CANNOT', 'The name or value is not allowed'],
  protected: ['CANNOT', 'A system mailbox stays as it is'],
  'over-quota': ['OVERQUOTA', 'The quota would be exceeded'],
  limit: ['LIMIT', 'A limit of this server would be exceeded'],
  conflict: ['INUSE', 'It was changed at the same time'],
  'stale-cursor': ['UNAVAILABLE', 'Temporary failure, try again'],
  busy: ['UNAVAILABLE', 'Too busy now, try again'],
  'no-space': ['UNAVAILABLE', 'Temporary failure: no space for mail'],
  unavailable: ['UNAVAILABLE', 'Temporary failure, try again'],
  corrupt: ['UNAVAILABLE', 'The account is not available'],
  newer: ['UNAVAILABLE', 'The account is not available'],
  closed: ['UNAVAILABLE', 'The server is shutting down'],
};

/** What a client is told about an error of the store. */
export function refusalOf(error: StoreError): Refusal {
  const [code, text] = REPLIES[error.code];
  return new Refusal(code, text);
}
