// Rows that must name each other: duplicates, things missing, things that nothing leads to.

import { LANE } from '../queue/rows.ts';
import type { Check } from './finding.ts';

/** Of an account. */
export const ACCOUNT_ROWS: readonly Check[] = [
  {
    code: 'duplicate-uid',
    sql: `SELECT 'mailbox ' || mailbox || ' has UID ' || uid || ' ' || count(*) || ' times' AS detail
      FROM (SELECT mailbox, uid FROM placement WHERE account = $1 UNION ALL
        SELECT mailbox, uid FROM expunged WHERE account = $1) AS t
      GROUP BY mailbox, uid HAVING count(*) > 1`,
  },
  {
    code: 'duplicate-item',
    sql: `SELECT 'item ' || item || ' is there ' || count(*) || ' times' AS detail
      FROM placement WHERE account = $1 GROUP BY item HAVING count(*) > 1`,
  },
  {
    code: 'orphan-placement',
    sql: `SELECT 'UID ' || p.uid || ' is in mailbox ' || p.mailbox || ', which does not exist' AS detail
      FROM placement p WHERE p.account = $1 AND NOT EXISTS (SELECT 1 FROM mailbox b
        WHERE b.account = p.account AND b.id = p.mailbox)`,
  },
  {
    code: 'missing-message',
    sql: `SELECT 'UID ' || p.uid || ' of mailbox ' || p.mailbox || ' names message ' || p.message
        || ', which does not exist' AS detail
      FROM placement p WHERE p.account = $1 AND NOT EXISTS (SELECT 1 FROM message m
        WHERE m.account = p.account AND m.id = p.message)`,
  },
  {
    code: 'missing-message',
    sql: `SELECT 'expunged item ' || p.item || ' names message ' || p.message || ', which does not exist' AS detail
      FROM expunged p WHERE p.account = $1 AND NOT EXISTS (SELECT 1 FROM message m
        WHERE m.account = p.account AND m.id = p.message)`,
  },
  {
    code: 'missing-content',
    sql: `SELECT 'message ' || m.id || ' has no content' AS detail
      FROM message m WHERE m.account = $1 AND NOT EXISTS (SELECT 1 FROM content c
        WHERE c.account = m.account AND c.message = m.id)`,
  },
  {
    code: 'missing-body',
    sql: `SELECT 'message ' || m.id || ' has neither a body nor a blob' AS detail
      FROM message m JOIN content c ON c.account = m.account AND c.message = m.id
      WHERE m.account = $1 AND c.body IS NULL AND c.source IS NULL AND m.blob = ''`,
  },
  {
    code: 'missing-source',
    sql: `SELECT 'message ' || c.message || ' has its body in the content of ' || c.source || ', where none is' AS detail
      FROM content c WHERE c.account = $1 AND c.source IS NOT NULL AND NOT EXISTS (SELECT 1 FROM content s
        WHERE s.account = c.account AND s.message = c.source AND s.body IS NOT NULL AND length(s.header) > 0)`,
  },
  {
    code: 'missing-use',
    sql: `SELECT 'message ' || c.message || ' uses the content of ' || c.source || ', which nothing keeps for it' AS detail
      FROM content c WHERE c.account = $1 AND c.source IS NOT NULL AND NOT EXISTS (SELECT 1 FROM content_use s
        WHERE s.account = c.account AND s.source = c.source AND s.message = c.message)`,
  },
  {
    code: 'orphan-use',
    sql: `SELECT 'content of message ' || s.source || ' is kept for ' || s.message || ', which does not use it' AS detail
      FROM content_use s WHERE s.account = $1 AND NOT EXISTS (SELECT 1 FROM content c
        WHERE c.account = s.account AND c.message = s.message AND c.source = s.source)`,
  },
  {
    code: 'orphan-message',
    sql: `SELECT 'message ' || m.id || ' is in no mailbox and not among the expunged' AS detail
      FROM message m WHERE m.account = $1
        AND NOT EXISTS (SELECT 1 FROM placement p
          WHERE p.account = m.account AND p.thread = m.thread AND p.message = m.id)
        AND NOT EXISTS (SELECT 1 FROM expunged e
          WHERE e.account = m.account AND e.thread = m.thread AND e.message = m.id)`,
  },
  ...['placement', 'expunged'].map((table) => ({
    code: 'wrong-thread',
    sql: `SELECT 'item ' || p.item || ' is in thread ' || p.thread || ', its message ' || m.id || ' in ' || m.thread
        AS detail
      FROM ${table} p JOIN message m ON m.account = p.account AND m.id = p.message
      WHERE p.account = $1 AND p.thread <> m.thread`,
  })),
  {
    code: 'wrong-size',
    sql: `SELECT 'item ' || p.item || ' has size ' || p.size || ', its message ' || m.id || ' ' || m.size AS detail
      FROM placement p JOIN message m ON m.account = p.account AND m.id = p.message
      WHERE p.account = $1 AND p.size <> m.size`,
  },
  {
    code: 'orphan-content',
    sql: `SELECT 'content of message ' || c.message || ', which does not exist, and which no other uses' AS detail
      FROM content c WHERE c.account = $1
        AND NOT EXISTS (SELECT 1 FROM message m WHERE m.account = c.account AND m.id = c.message)
        AND NOT EXISTS (SELECT 1 FROM content_use s WHERE s.account = c.account AND s.source = c.message)`,
  },
  {
    code: 'orphan-annotation',
    sql: `SELECT 'annotation ' || a.name || ' of message ' || a.message || ', which does not exist' AS detail
      FROM annotation a WHERE a.account = $1 AND NOT EXISTS (SELECT 1 FROM message m
        WHERE m.account = a.account AND m.id = a.message)`,
  },
  {
    code: 'orphan-seen',
    sql: `SELECT 'what ' || s.reader || ' has seen in mailbox ' || s.mailbox || ', which does not exist' AS detail
      FROM reader_seen s WHERE s.account = $1 AND NOT EXISTS (SELECT 1 FROM mailbox b
        WHERE b.account = s.account AND b.id = s.mailbox)`,
  },
  {
    code: 'wrong-seen',
    sql: `SELECT 'what ' || s.reader || ' has seen in mailbox ' || s.mailbox || ' overlaps at UID ' || s.last AS detail
      FROM reader_seen s WHERE s.account = $1 AND (s.last < s.first OR EXISTS (SELECT 1 FROM reader_seen t
        WHERE t.account = s.account AND t.mailbox = s.mailbox AND t.reader = s.reader
          AND t.first > s.first AND t.first <= s.last))`,
  },
  {
    code: 'orphan-mailbox',
    sql: `SELECT 'mailbox ' || b.id || ' is in mailbox ' || b.parent || ', which does not exist' AS detail
      FROM mailbox b WHERE b.account = $1 AND b.parent <> 0 AND NOT EXISTS (SELECT 1 FROM mailbox p
        WHERE p.account = b.account AND p.id = b.parent)`,
  },
  {
    code: 'foreign-row',
    sql: `SELECT 'the file of another account: ' || account AS detail FROM counter WHERE account <> $1`,
  },
];

/** Of the directory. */
export const DIRECTORY_ROWS: readonly Check[] = [
  {
    code: 'orphan-account',
    sql: `SELECT 'account ' || a.id || ' is of domain ' || a.domain || ', which does not exist' AS detail
      FROM mail_account a WHERE $1 = 'directory' AND NOT EXISTS (SELECT 1 FROM domain d WHERE d.name = a.domain)`,
  },
  {
    code: 'orphan-credential',
    sql: `SELECT 'a credential of account ' || c.owner || ', which does not exist' AS detail
      FROM credential c WHERE $1 = 'directory' AND NOT EXISTS (SELECT 1 FROM mail_account a WHERE a.id = c.owner)`,
  },
  {
    code: 'orphan-alias',
    sql: `SELECT 'alias ' || a.local || '@' || a.domain || ' is of a domain that does not exist' AS detail
      FROM alias a WHERE $1 = 'directory' AND NOT EXISTS (SELECT 1 FROM domain d WHERE d.name = a.domain)`,
  },
  {
    code: 'orphan-alias',
    sql: `SELECT 'targets of alias ' || t.local || '@' || t.domain || ', which does not exist' AS detail
      FROM alias_target t WHERE $1 = 'directory' AND NOT EXISTS (SELECT 1 FROM alias a
        WHERE a.domain = t.domain AND a.local = t.local)`,
  },
  {
    code: 'orphan-group',
    sql: `SELECT 'group ' || g.local || '@' || g.domain || ' is of a domain that does not exist' AS detail
      FROM mail_group g WHERE $1 = 'directory' AND NOT EXISTS (SELECT 1 FROM domain d WHERE d.name = g.domain)`,
  },
  {
    code: 'orphan-member',
    sql: `SELECT 'account ' || m.member || ' is a member of group ' || m.member_of || ': one of them does not exist' AS detail
      FROM group_member m WHERE $1 = 'directory' AND NOT (
        EXISTS (SELECT 1 FROM mail_group g WHERE g.id = m.member_of)
        AND EXISTS (SELECT 1 FROM mail_account a WHERE a.id = m.member))`,
  },
  {
    code: 'orphan-share',
    sql: `SELECT 'mailbox ' || s.mailbox || ' of account ' || s.owner || ' is shared with ' || s.kind || ' ' || s.subject
        || ': one of them does not exist' AS detail
      FROM acl s WHERE $1 = 'directory' AND NOT (
        EXISTS (SELECT 1 FROM mail_account a WHERE a.id = s.owner)
        AND CASE s.kind WHEN 'anyone' THEN s.subject = ''
          WHEN 'account' THEN EXISTS (SELECT 1 FROM mail_account a WHERE a.id = s.subject)
          WHEN 'group' THEN EXISTS (SELECT 1 FROM mail_group g WHERE CAST(g.id AS TEXT) = s.subject)
          ELSE 1 = 0 END)`,
  },
];

/** Of the queue. */
export const QUEUE_ROWS: readonly Check[] = [
  {
    code: 'orphan-recipient',
    sql: `SELECT 'recipient ' || r.seq || ' of submission ' || r.queued || ', which does not exist' AS detail
      FROM queued_recipient r WHERE $1 = 'queue' AND NOT EXISTS (SELECT 1 FROM queued q WHERE q.id = r.queued)`,
  },
  {
    code: 'missing-recipient',
    sql: `SELECT 'submission ' || q.id || ' waits for nobody' AS detail
      FROM queued q WHERE $1 = 'queue' AND NOT EXISTS (SELECT 1 FROM queued_recipient r
        WHERE r.queued = q.id AND r.state IN ('waiting', 'held'))`,
  },
  {
    code: 'missing-destination',
    sql: `SELECT 'recipients in ' || r.lane || ' wait, and the scheduler does not know' AS detail
      FROM (SELECT ${LANE} AS lane, next_attempt FROM queued_recipient WHERE state = 'waiting') AS r
      LEFT JOIN destination d ON d.domain = r.lane
      WHERE $1 = 'queue' GROUP BY r.lane, d.due, d.not_before
      HAVING d.due IS NULL OR (d.due > min(r.next_attempt) AND d.due > d.not_before)`,
  },
  {
    code: 'wrong-messages',
    sql: `SELECT 'the queue counts ' || c.messages || ' messages of ' || c.bytes || ' bytes and has ' || q.n || ' of '
        || q.bytes AS detail
      FROM counter c, (SELECT count(*) AS n, coalesce(sum(size), 0) AS bytes FROM queued) AS q
      WHERE c.account = $1 AND (c.messages <> q.n OR c.bytes <> q.bytes)`,
  },
];
