// Subscriptions: a name per subscriber, whether or not there is a mailbox of it (RFC 9051 6.3.7).

import { StoreError } from '../errors.ts';
import { all, MAX_ROWS, type Op, one, run } from '../operation.ts';
import { SUBSCRIPTIONS } from './limits.ts';
import { child, logMailbox } from './mailbox-row.ts';
import { canonicalPath } from './names.ts';
import { begin, finish, type Unit } from './unit.ts';

/** Subscribes or unsubscribes `owner`; nothing changes if it was so already. Errors: invalid, limit. */
export function* setSubscribed(account: string, owner: string, path: string, on: boolean): Op<void> {
  const name = canonicalPath(path);
  const unit = yield* begin(account);
  const changed = on ? yield* add(account, owner, name) : yield* remove(account, owner, name);
  if (changed === 0) return;
  yield* logMailbox(unit, yield* idOf(account, name), on ? 'subscribed' : 'unsubscribed', name, owner);
  yield* finish(unit);
}

/** The paths that `owner` is subscribed to, in order. */
export function* subscriptions(account: string, owner: string): Op<string[]> {
  const names: string[] = [];
  for (let after = ''; ; ) {
    const page = yield* all<{ name: string }>(
      `SELECT name FROM subscription WHERE account = $1 AND owner = $2 AND name > $3 ORDER BY name LIMIT ${MAX_ROWS}`,
      [account, owner, after],
    );
    for (const row of page) names.push(row.name);
    if (page.length < MAX_ROWS) return names;
    after = names.at(-1) ?? after;
  }
}

/** Everybody's subscriptions follow a renamed mailbox and its inferiors, which would else vanish from their clients. */
export function* renameSubscriptions(unit: Unit, id: number, before: string, after: string): Op<void> {
  const { account } = unit;
  let [owner, name] = ['', ''];
  for (;;) {
    const page = yield* all<{ owner: string; name: string }>(
      `SELECT owner, name FROM subscription WHERE account = $1 AND (owner, name) > ($2, $3)
       ORDER BY owner, name LIMIT ${MAX_ROWS}`,
      [account, owner, name],
    );
    for (const row of page) {
      if (row.name !== before && !row.name.startsWith(`${before}/`)) continue;
      yield* remove(account, row.owner, row.name);
      const name = after + row.name.slice(before.length);
      yield* put(account, row.owner, name);
      yield* logMailbox(unit, id, 'unsubscribed', row.name, row.owner);
      yield* logMailbox(unit, id, 'subscribed', name, row.owner);
    }
    const last = page.at(-1);
    if (last === undefined || page.length < MAX_ROWS) return;
    ({ owner, name } = last);
  }
}

/** Writes a subscription that may be there already; the number of rows written. */
export function* put(account: string, owner: string, name: string): Op<number> {
  return yield* run(
    `INSERT INTO subscription (account, owner, name) VALUES ($1, $2, $3) ON CONFLICT (account, owner, name) DO NOTHING`,
    [account, owner, name],
  );
}

/** The id of the mailbox of this name, 0 if there is none. */
function* idOf(account: string, name: string): Op<number> {
  let id = 0;
  for (const level of name.split('/')) {
    const row = yield* child(account, id, level);
    if (row === undefined) return 0;
    id = row.id;
  }
  return id;
}

function* add(account: string, owner: string, name: string): Op<number> {
  const row = yield* one<{ n: number }>(`SELECT count(*) AS n FROM subscription WHERE account = $1 AND owner = $2`, [
    account,
    owner,
  ]);
  if ((row?.n ?? 0) >= SUBSCRIPTIONS) throw new StoreError('limit', `more than ${SUBSCRIPTIONS} subscriptions`);
  return yield* put(account, owner, name);
}

function* remove(account: string, owner: string, name: string): Op<number> {
  return yield* run(`DELETE FROM subscription WHERE account = $1 AND owner = $2 AND name = $3`, [account, owner, name]);
}
