-- Content that an account is given more than once is stored once (storage/account/single-instance.ts).

-- The message whose content has the body, and, where `header` is empty, the header too; null: all is here.
ALTER TABLE content ADD COLUMN source INTEGER;

-- A message with this Message-ID whose content is all there; null: none is known. It may be gone.
ALTER TABLE reference ADD COLUMN content INTEGER;

-- Who uses whose content. Only messages that have none of their own are here.
CREATE TABLE content_use (
  account TEXT NOT NULL,
  source INTEGER NOT NULL,
  message INTEGER NOT NULL,
  PRIMARY KEY (account, source, message)
) STRICT, WITHOUT ROWID;
