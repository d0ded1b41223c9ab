-- What is set for an account; a name may have several values.

CREATE TABLE setting (
  owner TEXT NOT NULL,          -- the account's id
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (owner, name, value)
) STRICT, WITHOUT ROWID;
