// What a new account begins with: the state of each class, and the system mailboxes (F114), all subscribed (F177).

import { type Op, run } from '../operation.ts';
import type { SpecialUse } from '../ports.ts';
import { makePath } from './mailboxes.ts';
import { put } from './subscriptions.ts';
import { begin, finish } from './unit.ts';

/** The mailboxes that every account has; they can't be renamed or deleted. */
export const SYSTEM_MAILBOXES: readonly (readonly [path: string, special: SpecialUse])[] = [
  ['INBOX', 'inbox'],
  ['Drafts', 'drafts'],
  ['Sent', 'sent'],
  ['Junk', 'junk'],
  ['Trash', 'trash'],
  ['Archive', 'archive'],
  ['Templates', 'templates'],
];

const CLASSES = ['mail', 'contacts', 'calendar', 'tasks', 'notes'] as const;

/** Fills a new account's database, which has its counter row and first epoch (epoch.ts). `now` in unix ms. */
export function* createAccount(account: string, now: number): Op<void> {
  for (const name of CLASSES) {
    yield* run(`INSERT INTO class (account, class, floor) VALUES ($1, $2, 1)`, [account, name]);
  }
  const unit = yield* begin(account);
  for (const [path, special] of SYSTEM_MAILBOXES) {
    yield* makePath(unit, [path], special, now);
    yield* put(account, account, path);
  }
  yield* finish(unit);
}
