-- What waits to be sent (DESIGN 2 and 3.6). counter, epoch, class and change are not followed by anybody here, but ids
-- are seen outside (in replies and reports), so the epoch rule holds for them too.

CREATE TABLE counter (
  account TEXT PRIMARY KEY,     -- 'queue'
  modseq INTEGER NOT NULL,
  next_id INTEGER NOT NULL,
  uidvalidity INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  boot_id TEXT NOT NULL,
  bytes INTEGER NOT NULL,       -- of all messages that wait
  messages INTEGER NOT NULL     -- messages that wait
) STRICT, WITHOUT ROWID;

CREATE TABLE epoch (
  account TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER,
  PRIMARY KEY (account, epoch)
) STRICT, WITHOUT ROWID;

-- One submission. Its body is stored once, however many recipients it has. It goes when the last recipient is settled.
CREATE TABLE queued (
  id INTEGER PRIMARY KEY,
  tenant INTEGER NOT NULL,
  owner TEXT NOT NULL,          -- the account whose submission it is; '' for our own reports
  sender TEXT NOT NULL,         -- MAIL FROM; '' is the null sender of a report
  size INTEGER NOT NULL,        -- prefix and message, in bytes
  utf8 INTEGER NOT NULL,        -- needs SMTPUTF8 for its header or sender (RFC 6531)
  eight_bit INTEGER NOT NULL,   -- has octets above 127 (RFC 6152)
  require_tls INTEGER NOT NULL, -- REQUIRETLS (RFC 8689)
  envelope_id TEXT NOT NULL,    -- ENVID (RFC 3461 4.4), '' for none
  return_full INTEGER NOT NULL, -- RET=FULL (RFC 3461 4.3)
  created INTEGER NOT NULL,     -- unix ms
  expires INTEGER NOT NULL,     -- unix ms after which it is given back
  prefix BLOB NOT NULL,         -- the headers we add, signatures included
  header BLOB NOT NULL,         -- zstd
  body BLOB,                    -- zstd; null if it lies in `blob`
  blob TEXT NOT NULL            -- the name of its file, '' if the body is here
) STRICT;
CREATE INDEX queued_blob ON queued (blob);

-- One recipient of it: the unit that succeeds, waits or fails.
CREATE TABLE queued_recipient (
  queued INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  address TEXT NOT NULL,
  domain TEXT NOT NULL,         -- A-labels, lower case: what is sent together
  original TEXT NOT NULL,       -- ORCPT (RFC 3461 4.2), '' for none
  notify INTEGER NOT NULL,      -- NOTIFY as bits: success 1, failure 2, delay 4; 0 is NEVER; 8: not said
  state TEXT NOT NULL,          -- waiting, held, sent, failed
  attempts INTEGER NOT NULL,
  next_attempt INTEGER NOT NULL, -- unix ms
  delay_told INTEGER NOT NULL,  -- a report of the delay has gone out
  status TEXT NOT NULL,         -- the last enhanced status (RFC 3463), '' before the first
  reply TEXT NOT NULL,          -- the last reply, or what failed before one
  PRIMARY KEY (queued, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX queued_recipient_due ON queued_recipient (domain, state, next_attempt, queued, seq);

-- A destination that recipients wait for: what the scheduler looks at, one row however many wait. Its `due` is the
-- earliest next_attempt of those that wait, or `not_before` if that is later.
CREATE TABLE destination (
  domain TEXT PRIMARY KEY,
  due INTEGER NOT NULL,         -- unix ms
  not_before INTEGER NOT NULL,  -- unix ms until which it is left alone, since nothing there answered; 0: not so
  failures INTEGER NOT NULL     -- times in a row that nothing answered there
) STRICT, WITHOUT ROWID;
CREATE INDEX destination_due ON destination (due, domain);

-- What was tried, the last times of each recipient: for the operator and for reports.
CREATE TABLE attempt (
  queued INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  number INTEGER NOT NULL,
  at INTEGER NOT NULL,          -- unix ms
  host TEXT NOT NULL,           -- '' if it did not come so far
  tls TEXT NOT NULL,            -- protocol and how it was verified, '' without
  status TEXT NOT NULL,
  reply TEXT NOT NULL,
  transcript TEXT NOT NULL,     -- the dialogue; '' where it stands with another recipient of the same transaction
  PRIMARY KEY (queued, seq, number)
) STRICT, WITHOUT ROWID;

-- MTA-STS policies of other domains (RFC 8461).
CREATE TABLE sts_policy (
  domain TEXT PRIMARY KEY,
  id TEXT NOT NULL,             -- as its DNS names it
  mode TEXT NOT NULL,           -- enforce, testing, none
  hosts TEXT NOT NULL,          -- names and patterns, with a space between
  expires INTEGER NOT NULL      -- unix ms
) STRICT, WITHOUT ROWID;
CREATE INDEX sts_policy_expires ON sts_policy (expires);
