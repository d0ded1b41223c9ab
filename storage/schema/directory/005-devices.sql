-- The devices and programs that an account is used with.

CREATE TABLE device (
  owner TEXT NOT NULL,          -- the account's id
  protocol TEXT NOT NULL,       -- imap, pop3, smtp
  program TEXT NOT NULL,        -- what it calls itself (IMAP ID, EHLO); '' when it says nothing
  address TEXT NOT NULL,        -- where it came from last
  first_seen INTEGER NOT NULL,  -- unix ms
  last_seen INTEGER NOT NULL,   -- unix ms; 0: it has never got in
  fault TEXT NOT NULL,          -- what went wrong last, in plain words; '' for nothing yet
  fault_at INTEGER NOT NULL,    -- unix ms
  PRIMARY KEY (owner, protocol, program)
) STRICT, WITHOUT ROWID;
