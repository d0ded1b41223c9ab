-- See 001-plans.sqlite.sql.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('content_use', 'content_use', '10000 10000 3 1');
ANALYZE sqlite_schema;
