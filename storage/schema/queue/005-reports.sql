-- When a message may first be sent, and what is reported to other domains of how TLS with them went (RFC 8460).

ALTER TABLE queued ADD COLUMN released INTEGER NOT NULL DEFAULT 0; -- unix ms; 0: when it was created (RFC 4865)

-- Sessions of a day with the mail hosts of a domain, counted by the policy that held and by what came of them.
CREATE TABLE tls_result (
  day INTEGER NOT NULL,         -- unix days, UTC
  domain TEXT NOT NULL,         -- whose policy it is
  policy TEXT NOT NULL,         -- JSON, as it stands in the report
  result TEXT NOT NULL,         -- '' for a success, else what failed (RFC 8460 4.3)
  detail TEXT NOT NULL,         -- JSON: which host; '' for a success
  sessions INTEGER NOT NULL,
  PRIMARY KEY (day, domain, policy, result, detail)
) STRICT, WITHOUT ROWID;
