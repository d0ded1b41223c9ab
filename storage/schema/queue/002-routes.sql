-- By which route a recipient is sent (a smarthost, a gateway): those of one route are sent together, whatever their domains.

ALTER TABLE queued_recipient ADD COLUMN route TEXT NOT NULL DEFAULT ''; -- `=NAME` or `=NAME/OWNER`; '': its domain's own mail hosts
-- A destination's `domain` is the domain of those without a route, and the route of the others: no domain begins with `=`.
DROP INDEX queued_recipient_due;
CREATE INDEX queued_recipient_lane ON queued_recipient
  ((CASE WHEN route = '' THEN domain ELSE route END), state, next_attempt, queued, seq);

-- What was sent by a route, where its provider limits a day: an hour at a time.
CREATE TABLE route_use (
  route TEXT NOT NULL,
  hour INTEGER NOT NULL,        -- unix hours
  messages INTEGER NOT NULL,
  recipients INTEGER NOT NULL,
  PRIMARY KEY (route, hour)
) STRICT, WITHOUT ROWID;
