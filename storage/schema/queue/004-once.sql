-- What was taken once and must not be taken again: a peer that did not hear our reply hands in a message twice, and what is
-- forwarded of it would go twice.

CREATE TABLE queued_once (
  id TEXT PRIMARY KEY,
  queued INTEGER NOT NULL,
  at INTEGER NOT NULL           -- unix ms
) STRICT, WITHOUT ROWID;
CREATE INDEX queued_once_at ON queued_once (at);
