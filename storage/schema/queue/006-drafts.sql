-- Drafts that a route has begun in a mailbox elsewhere (Microsoft Graph) and that are not known to be gone: whoever was
-- interrupted takes them away at the next attempt.

CREATE TABLE route_draft (
  route TEXT NOT NULL,
  draft TEXT NOT NULL,
  at INTEGER NOT NULL,          -- unix ms
  PRIMARY KEY (route, draft)
) STRICT, WITHOUT ROWID;
