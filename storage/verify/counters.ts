// The counters that every database has, and the account's: recomputed from the rows they count.

import type { Check } from './finding.ts';

/** Of every database. */
export const COUNTERS: readonly Check[] = [
  {
    code: 'wrong-epoch',
    sql: `SELECT 'epoch ' || c.epoch || ' of the counter row is not the current one' AS detail FROM counter c
      WHERE c.account = $1 AND NOT EXISTS (SELECT 1 FROM epoch e
        WHERE e.account = c.account AND e.epoch = c.epoch AND e.last IS NULL AND e.first <= c.modseq)`,
  },
];

/** Of databases with a change log. */
export const CLASSES: readonly Check[] = [
  {
    code: 'wrong-modseq',
    sql: `SELECT 'class ' || k.class || ' has the floor ' || k.floor || ', the account modseq ' || c.modseq AS detail
      FROM class k JOIN counter c ON c.account = k.account WHERE k.account = $1 AND k.floor > c.modseq`,
  },
  {
    code: 'wrong-modseq',
    sql: `SELECT 'the log of class ' || h.class || ' goes to ' || max(h.modseq) || ', the account to ' || c.modseq AS detail
      FROM change h JOIN counter c ON c.account = h.account
      WHERE h.account = $1 GROUP BY h.class, c.modseq HAVING max(h.modseq) > c.modseq`,
  },
];

/** Of an account. */
export const ACCOUNT_COUNTERS: readonly Check[] = [
  {
    code: 'wrong-messages',
    sql: `SELECT 'the account counts ' || c.messages || ' messages and has ' || n AS detail
      FROM counter c, (SELECT count(*) AS n FROM placement WHERE account = $1) AS p
      WHERE c.account = $1 AND c.messages <> p.n`,
  },
  {
    code: 'wrong-bytes',
    sql: `SELECT 'the account counts ' || c.bytes || ' bytes and has ' || p.bytes AS detail
      FROM counter c, (SELECT coalesce(sum(m.size), 0) AS bytes FROM placement p
        JOIN message m ON m.account = p.account AND m.id = p.message WHERE p.account = $1) AS p
      WHERE c.account = $1 AND c.bytes <> p.bytes`,
  },
  {
    code: 'wrong-total',
    sql: mailboxes(
      'total',
      `(SELECT count(*) FROM placement p WHERE p.account = b.account AND p.mailbox = b.id)`,
      'messages',
    ),
  },
  {
    code: 'wrong-unseen',
    sql: mailboxes(
      'unseen',
      // What is owed to them they count as having (storage/account/owed-flags.ts).
      `(SELECT count(*) FROM placement p WHERE p.account = b.account AND p.mailbox = b.id
        AND (CASE WHEN b.owed <> 0 AND p.uid BETWEEN b.owed_first AND b.owed_last
          THEN (p.flags & b.owed_keep) | b.owed_set ELSE p.flags END & 1) = 0)`,
      'unseen messages',
    ),
  },
  {
    code: 'wrong-mailbox-bytes',
    sql: mailboxes(
      'bytes',
      `(SELECT coalesce(sum(m.size), 0) FROM placement p JOIN message m ON m.account = p.account AND m.id = p.message
        WHERE p.account = b.account AND p.mailbox = b.id)`,
      'bytes',
    ),
  },
  {
    code: 'wrong-uidnext',
    sql: `SELECT 'mailbox ' || b.id || ' has uidnext ' || b.uidnext || ' and a message of UID ' || max(p.uid) AS detail
      FROM mailbox b JOIN placement p ON p.account = b.account AND p.mailbox = b.id
      WHERE b.account = $1 GROUP BY b.id, b.uidnext HAVING max(p.uid) >= b.uidnext`,
  },
  {
    code: 'wrong-modseq',
    sql: `SELECT 'mailbox ' || b.id || ' has modseq ' || b.modseq || ', the account ' || c.modseq AS detail
      FROM mailbox b JOIN counter c ON c.account = b.account WHERE b.account = $1 AND b.modseq > c.modseq`,
  },
  {
    code: 'wrong-modseq',
    sql: `SELECT 'mailbox ' || b.id || ' has modseq ' || b.modseq || ' and a message of ' || max(p.modseq) AS detail
      FROM mailbox b JOIN placement p ON p.account = b.account AND p.mailbox = b.id
      WHERE b.account = $1 GROUP BY b.id, b.modseq HAVING max(p.modseq) > b.modseq`,
  },
  {
    code: 'wrong-next-id',
    sql: `SELECT 'next_id is ' || c.next_id || ' and ' || t.id || ' is in use' AS detail
      FROM counter c, (SELECT max(id) AS id FROM (
        SELECT max(id) AS id FROM message WHERE account = $1 UNION ALL
        SELECT max(id) FROM mailbox WHERE account = $1 UNION ALL
        SELECT max(id) FROM keyword WHERE account = $1 UNION ALL
        SELECT max(item) FROM placement WHERE account = $1) AS ids) AS t
      WHERE c.account = $1 AND t.id >= c.next_id`,
  },
];

function mailboxes(column: string, actual: string, what: string): string {
  return `SELECT 'mailbox ' || id || ' counts ' || counted || ' ${what} and has ' || actual AS detail
    FROM (SELECT b.id, b.${column} AS counted, ${actual} AS actual FROM mailbox b WHERE b.account = $1) AS t
    WHERE counted <> actual`;
}
