-- Who is here: domains, accounts, aliases, credentials (DESIGN 4). Read ../account/001-mail.sql first: the same rules
-- hold, and counter, epoch, class and change are the same tables, under the account 'directory'. An engine that keeps
-- everything in one database gives the directory a schema of its own.

CREATE TABLE counter (
  account TEXT PRIMARY KEY,
  modseq INTEGER NOT NULL,
  next_id INTEGER NOT NULL,
  uidvalidity INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  boot_id TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  messages INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE epoch (
  account TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER,
  PRIMARY KEY (account, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE class (
  account TEXT NOT NULL,
  class TEXT NOT NULL,
  floor INTEGER NOT NULL,
  PRIMARY KEY (account, class)
) STRICT, WITHOUT ROWID;

CREATE TABLE change (
  account TEXT NOT NULL,
  class TEXT NOT NULL,
  modseq INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  kind TEXT NOT NULL,
  reason TEXT NOT NULL,
  collection INTEGER NOT NULL,
  other INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  last INTEGER NOT NULL,
  item INTEGER NOT NULL,
  object INTEGER NOT NULL,
  thread INTEGER NOT NULL,
  reader TEXT NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (account, class, modseq, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE mark (
  account TEXT NOT NULL,
  at INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  PRIMARY KEY (account, at)
) STRICT, WITHOUT ROWID;

-- The kernel boots under which this store ran, and whether each ended cleanly.
CREATE TABLE boot (
  id TEXT PRIMARY KEY,
  started INTEGER NOT NULL,     -- unix ms
  clean INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE domain (
  name TEXT PRIMARY KEY,        -- A-labels, lower case
  tenant INTEGER NOT NULL,
  id INTEGER NOT NULL,
  is_default INTEGER NOT NULL,
  created INTEGER NOT NULL      -- unix ms
) STRICT, WITHOUT ROWID;

CREATE TABLE mail_account (
  id TEXT PRIMARY KEY,          -- random, never reused
  tenant INTEGER NOT NULL,
  number INTEGER NOT NULL,      -- what the change log calls it
  local TEXT NOT NULL,          -- lower case, NFC
  domain TEXT NOT NULL,
  quota INTEGER,                -- bytes; null: no limit
  enabled INTEGER NOT NULL,
  created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX mail_account_address ON mail_account (domain, local);
CREATE INDEX mail_account_local ON mail_account (local);

-- A kind has at most one row an account now; application passwords are kinds of their own later.
CREATE TABLE credential (
  owner TEXT NOT NULL,
  kind TEXT NOT NULL,
  hash TEXT NOT NULL,           -- a PHC string
  version INTEGER NOT NULL,     -- the modseq of its last change
  PRIMARY KEY (owner, kind)
) STRICT, WITHOUT ROWID;

-- `local` is '' for the catch-all of a domain.
CREATE TABLE alias (
  domain TEXT NOT NULL,
  local TEXT NOT NULL,
  tenant INTEGER NOT NULL,
  id INTEGER NOT NULL,
  created INTEGER NOT NULL,
  PRIMARY KEY (domain, local)
) STRICT, WITHOUT ROWID;

CREATE TABLE alias_target (
  domain TEXT NOT NULL,
  local TEXT NOT NULL,
  seq INTEGER NOT NULL,
  address TEXT NOT NULL,
  PRIMARY KEY (domain, local, seq)
) STRICT, WITHOUT ROWID;

-- The keys that a domain's mail is signed with (DKIM), in sets; of one set all sign.
CREATE TABLE signing_key (
  domain TEXT NOT NULL,
  selector TEXT NOT NULL,       -- RFC 6376 3.1
  key_set TEXT NOT NULL,
  algorithm TEXT NOT NULL,      -- rsa-sha256, ed25519-sha256
  public_key TEXT NOT NULL,     -- base64, as it stands in DNS
  sealed TEXT NOT NULL,         -- PKCS #8, sealed (storage/secrets)
  signs INTEGER NOT NULL,
  created INTEGER NOT NULL,     -- unix ms
  PRIMARY KEY (domain, selector)
) STRICT, WITHOUT ROWID;

INSERT INTO class (account, class, floor) VALUES ('directory', 'directory', 1);
