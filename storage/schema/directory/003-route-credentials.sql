-- What we log in with at other servers (smarthosts, their token services). A kind is password, client-secret or
-- refresh-token.

CREATE TABLE route_credential (
  owner TEXT NOT NULL,          -- the account whose mail it is for; '' is for everybody's
  route TEXT NOT NULL,
  kind TEXT NOT NULL,
  login TEXT NOT NULL,          -- the user name there; '' where the configuration says it
  sealed TEXT NOT NULL,         -- storage/secrets
  version INTEGER NOT NULL,     -- the modseq of its last change
  changed INTEGER NOT NULL,     -- unix ms
  PRIMARY KEY (owner, route, kind)
) STRICT, WITHOUT ROWID;
