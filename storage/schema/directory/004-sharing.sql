-- Who may use whose mailboxes: access control lists (RFC 4314), groups, and accounts that nobody logs in to (F138, F142).
-- Lists are here and not in the accounts' own files, so that one look says all that is shared with somebody, and a
-- change of it is one transaction. What names a mailbox or an account that is gone means nothing: ids are never reused.

ALTER TABLE mail_account ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;

CREATE TABLE acl (
  owner TEXT NOT NULL,          -- the account whose mailbox it is
  mailbox INTEGER NOT NULL,     -- 0: what mailboxes at the top begin with, and the right to make some
  kind TEXT NOT NULL,           -- account, group, anyone
  subject TEXT NOT NULL,        -- an account's id, a group's number, ''
  negative INTEGER NOT NULL,    -- 1: these rights are taken away (RFC 4314 2)
  rights INTEGER NOT NULL,      -- bits, see storage/sharing/rights.ts
  PRIMARY KEY (owner, mailbox, kind, subject, negative)
) STRICT, WITHOUT ROWID;
CREATE INDEX acl_subject ON acl (kind, subject, owner, mailbox, negative);

CREATE TABLE mail_group (
  domain TEXT NOT NULL,
  local TEXT NOT NULL,
  tenant INTEGER NOT NULL,
  id INTEGER NOT NULL,
  created INTEGER NOT NULL,     -- unix ms
  PRIMARY KEY (domain, local)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX mail_group_id ON mail_group (id);

CREATE TABLE group_member (
  member_of INTEGER NOT NULL,
  member TEXT NOT NULL,         -- an account's id
  PRIMARY KEY (member_of, member)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_member_of ON group_member (member, member_of);
