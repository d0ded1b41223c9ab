-- See 001-plans.sqlite.sql.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('sending', 'sending', '2 2 1'),
  ('correspondent', 'correspondent', '20000 20000 1');
ANALYZE sqlite_schema;
