-- A change of flags that all messages of a large mailbox went through and that their rows do not all have yet
-- (storage/account/owed-flags.ts): new flags are (old & owed_keep) | owed_set. Its modseq; 0: nothing is owed.
ALTER TABLE mailbox ADD COLUMN owed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mailbox ADD COLUMN owed_first INTEGER NOT NULL DEFAULT 0; -- the rows from this UID on
ALTER TABLE mailbox ADD COLUMN owed_last INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mailbox ADD COLUMN owed_keep INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mailbox ADD COLUMN owed_set INTEGER NOT NULL DEFAULT 0;
