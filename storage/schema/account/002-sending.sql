-- What the account sent: today's counts, and to whom it ever did. Limits are kept by them (F23).

CREATE TABLE sending (
  account TEXT NOT NULL,
  day INTEGER NOT NULL,         -- days since 1970, UTC
  messages INTEGER NOT NULL,
  strangers INTEGER NOT NULL,   -- recipients of that day that were none before
  PRIMARY KEY (account, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE correspondent (
  account TEXT NOT NULL,
  hash INTEGER NOT NULL,        -- of the address; who it is stays untold
  last INTEGER NOT NULL,        -- the day of the last message to it
  PRIMARY KEY (account, hash)
) STRICT, WITHOUT ROWID;
