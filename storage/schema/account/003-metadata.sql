-- Annotations of mailboxes and of the account itself (mailbox 0), by name in lower case (RFC 5464). Tags' colours are in
-- keyword.

CREATE TABLE metadata (
  account TEXT NOT NULL,
  mailbox INTEGER NOT NULL,
  name TEXT NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (account, mailbox, name)
) STRICT, WITHOUT ROWID;
