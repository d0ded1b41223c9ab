-- What the planner must know and cannot see, since in an account's own file `account` has one value: how many rows it
-- may expect behind each prefix of an index. Written once; never the result of an ANALYZE.
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('mailbox', 'mailbox', '100 100 1'),
  ('mailbox', 'mailbox_name', '100 100 10 1'),
  ('message', 'message_blob', '10000 10000 1'),
  ('reference', 'reference', '300000 300000 1'),
  ('placement', 'placement', '100000 100000 2000 1'),
  ('placement', 'placement_thread', '100000 100000 3 1'),
  ('placement', 'placement_item', '10000 10000 1'),
  ('expunged', 'expunged', '10000 10000 1 1 1'),
  ('expunged', 'expunged_thread', '10000 10000 3 1'),
  ('expunged', 'expunged_due', '10000 10000 2'),
  ('change', 'change', '100000 100000 50000 5 1'),
  ('keyword', 'keyword', '100 100 1'),
  ('keyword', 'keyword_name', '100 100 1'),
  ('annotation', 'annotation', '1000 1000 2 2 1'),
  ('reader_seen', 'reader_seen', '1000 1000 100 10 1'),
  ('subscription', 'subscription', '100 100 50 1');
ANALYZE sqlite_schema;
