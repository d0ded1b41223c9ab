-- What is known of senders and recipients: addresses that refuse mail, and how an account's mail fares elsewhere; and what
-- a message asks for beside its envelope.

ALTER TABLE queued ADD COLUMN verp TEXT NOT NULL DEFAULT '';         -- the two delimiters of VERP, '' without
ALTER TABLE queued ADD COLUMN forwarded TEXT NOT NULL DEFAULT '';    -- the address of ours that it is forwarded for
ALTER TABLE queued ADD COLUMN binary_mime INTEGER NOT NULL DEFAULT 0; -- BODY=BINARYMIME (RFC 3030)
ALTER TABLE queued ADD COLUMN tls_optional INTEGER NOT NULL DEFAULT 0; -- TLS-Required: No (RFC 8689 5)

-- Addresses that have refused mail for good, and those that an administrator has put here.
CREATE TABLE suppressed (
  address TEXT PRIMARY KEY,     -- in one spelling
  blocks INTEGER NOT NULL,      -- nothing is sent there; 0: so far it is only counted
  bounces INTEGER NOT NULL,     -- in a row; 0: put here by hand
  at INTEGER NOT NULL,          -- unix ms, of the last
  reply TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX suppressed_age ON suppressed (blocks, at);

-- What became of an account's last mail on other servers.
CREATE TABLE standing (
  owner TEXT PRIMARY KEY,
  outcomes TEXT NOT NULL,       -- the oldest first: + taken, - refused for good
  held INTEGER NOT NULL         -- unix ms since when its mail is held; 0: it is not
) STRICT, WITHOUT ROWID;
