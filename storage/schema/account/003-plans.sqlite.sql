-- See 001-plans.sqlite.sql.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('metadata', 'metadata', '1000 1000 4 1');
ANALYZE sqlite_schema;
