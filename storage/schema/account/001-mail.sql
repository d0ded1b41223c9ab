-- One account's mail (DESIGN 4, "Tables"). Every table carries the account, so that one cluster database can hold all
-- of them. Rows are narrow and bodies apart. Each index costs WAL pages on every delivery: none is here without a
-- statement that needs it.
--
-- Written for SQLite. A PostgreSQL engine reads INTEGER as BIGINT, BLOB as BYTEA, `x INTEGER PRIMARY KEY` as
-- `x BIGINT NOT NULL, PRIMARY KEY (account, x)`, TEXT as TEXT COLLATE "C", and leaves out STRICT and WITHOUT ROWID.
-- Files named *.sqlite.sql are for SQLite alone.

-- The row that every writing operation locks first: commit order is modseq order.
CREATE TABLE counter (
  account TEXT PRIMARY KEY,
  modseq INTEGER NOT NULL,      -- of the last change of anything
  next_id INTEGER NOT NULL,     -- the next mailbox, message, item or keyword id
  uidvalidity INTEGER NOT NULL, -- the last one given, also to a mailbox that is gone
  epoch INTEGER NOT NULL,
  boot_id TEXT NOT NULL,        -- the kernel's boot under which this was last written
  bytes INTEGER NOT NULL,       -- RFC822.SIZE of all live placements, prefix included: the quota's measure
  messages INTEGER NOT NULL     -- live placements
) STRICT, WITHOUT ROWID;

-- Modseqs are good within [first, last] of their epoch; `last` is null for the current one.
CREATE TABLE epoch (
  account TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER,
  PRIMARY KEY (account, epoch)
) STRICT, WITHOUT ROWID;

-- Each class of things, and the floor below which its log has been cut. Its state is the modseq of the log's last row,
-- or the floor if none is left: a column for it would be one more page in every commit.
CREATE TABLE class (
  account TEXT NOT NULL,
  class TEXT NOT NULL,
  floor INTEGER NOT NULL,
  PRIMARY KEY (account, class)
) STRICT, WITHOUT ROWID;

CREATE TABLE mailbox (
  account TEXT NOT NULL,
  id INTEGER NOT NULL,
  parent INTEGER NOT NULL,      -- 0 at the root
  name TEXT NOT NULL,           -- one level, NFC
  special TEXT NOT NULL,
  uidvalidity INTEGER NOT NULL,
  uidnext INTEGER NOT NULL,
  modseq INTEGER NOT NULL,      -- the highest of anything in it
  counted INTEGER NOT NULL,     -- the modseq at which total or unseen last changed
  total INTEGER NOT NULL,
  unseen INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX mailbox_name ON mailbox (account, parent, name);

CREATE TABLE subscription (
  account TEXT NOT NULL,
  owner TEXT NOT NULL,          -- the account that subscribes
  name TEXT NOT NULL,           -- a whole path, which need not exist (RFC 9051 6.3.7)
  PRIMARY KEY (account, owner, name)
) STRICT, WITHOUT ROWID;

-- Immutable. Envelope, structure and preview are final text.
CREATE TABLE message (
  id INTEGER PRIMARY KEY,
  account TEXT NOT NULL,
  size INTEGER NOT NULL,        -- prefix and message
  received INTEGER NOT NULL,    -- unix seconds
  received_offset INTEGER NOT NULL, -- minutes east of UTC
  sent INTEGER,
  thread INTEGER NOT NULL,
  message_id_hash INTEGER NOT NULL, -- 0: it has none
  ancestors BLOB,               -- hashes of the Message-IDs that THREAD links it to, as doubles; null: none
  delivered_to TEXT NOT NULL,
  traits INTEGER NOT NULL,
  envelope TEXT NOT NULL,
  structure TEXT NOT NULL,
  preview TEXT NOT NULL,
  delivery_id INTEGER NOT NULL, -- a hash, 0 for none; looked for in the thread that its Message-ID leads to
  blob TEXT NOT NULL            -- '' if the body is in content
) STRICT;
CREATE INDEX message_blob ON message (account, blob) WHERE blob <> '';

-- Every Message-ID seen or named, as a hash, and the thread it belongs to.
CREATE TABLE reference (
  account TEXT NOT NULL,
  hash INTEGER NOT NULL,
  thread INTEGER NOT NULL,
  PRIMARY KEY (account, hash)
) STRICT, WITHOUT ROWID;

-- Never touched by a listing; may be absent.
CREATE TABLE content (
  message INTEGER PRIMARY KEY,
  account TEXT NOT NULL,
  prefix BLOB NOT NULL,         -- as it is
  header BLOB NOT NULL,         -- zstd
  body BLOB                     -- zstd; null if it lies in message.blob
) STRICT;

CREATE TABLE placement (
  account TEXT NOT NULL,
  mailbox INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  message INTEGER NOT NULL,
  thread INTEGER NOT NULL,      -- the message's; here so that one index finds a thread's placements and a message's
  item INTEGER NOT NULL,
  size INTEGER NOT NULL,        -- the message's; here so that a list of flags and sizes reads nothing else
  flags INTEGER NOT NULL,
  keywords TEXT NOT NULL,       -- ids, ascending, joined by ' '
  received INTEGER NOT NULL,    -- unix seconds
  modseq INTEGER NOT NULL,
  saved INTEGER NOT NULL,       -- unix ms at which it came into this mailbox
  origin INTEGER NOT NULL,      -- the mailbox it was copied or moved from, else 0
  PRIMARY KEY (account, mailbox, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX placement_thread ON placement (account, thread, message);
CREATE UNIQUE INDEX placement_item ON placement (account, item) WHERE item <> message;

-- What was a placement, kept for undelete.
CREATE TABLE expunged (
  account TEXT NOT NULL,
  item INTEGER NOT NULL,
  mailbox INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  message INTEGER NOT NULL,
  thread INTEGER NOT NULL,
  flags INTEGER NOT NULL,
  keywords TEXT NOT NULL,
  received INTEGER NOT NULL,
  saved INTEGER NOT NULL,
  origin INTEGER NOT NULL,
  modseq INTEGER NOT NULL,      -- of the expunge
  at INTEGER NOT NULL,          -- unix ms
  by TEXT NOT NULL,             -- the account that did it
  retain_until INTEGER NOT NULL, -- unix ms
  hold INTEGER NOT NULL,        -- not 0: kept whatever the time
  PRIMARY KEY (account, item, mailbox, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX expunged_thread ON expunged (account, thread, message);
CREATE INDEX expunged_due ON expunged (account, retain_until) WHERE hold = 0;

-- Where to look. Rows of add and remove are complete in themselves: they outlive what they name. A set is a UID run.
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

-- How far the log was at a time: its rows carry none, and it is kept by age.
CREATE TABLE mark (
  account TEXT NOT NULL,
  at INTEGER NOT NULL,          -- unix ms
  modseq INTEGER NOT NULL,
  PRIMARY KEY (account, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE keyword (
  account TEXT NOT NULL,
  id INTEGER NOT NULL,
  name TEXT NOT NULL,           -- as first spelled
  label TEXT NOT NULL,          -- what a person calls it (F119)
  colour TEXT NOT NULL,
  PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX keyword_name ON keyword (account, lower(name));

CREATE TABLE annotation (
  account TEXT NOT NULL,
  message INTEGER NOT NULL,
  reader TEXT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  modseq INTEGER NOT NULL,
  PRIMARY KEY (account, message, reader, name)
) STRICT, WITHOUT ROWID;

-- \Seen of the readers of a shared mailbox, as UID runs.
CREATE TABLE reader_seen (
  account TEXT NOT NULL,
  mailbox INTEGER NOT NULL,
  reader TEXT NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  seen INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  PRIMARY KEY (account, mailbox, reader, first)
) STRICT, WITHOUT ROWID;
