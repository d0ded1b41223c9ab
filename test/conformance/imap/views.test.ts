// What sessions believe the mailbox to be, beside each other and beside others who change it: every session comes to the
// same in the end.
import { test } from 'vitest';
import { play } from '#test/support/dialogue.ts';
import { startImap } from '#test/support/imap-server.ts';

test('condstore: flags that were asked for without MODSEQ are told with it where they have changed (RFC 7162 3.1)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX {"Subject: one\r\n\r\n1\r\n"}
OK [APPENDUID … 1]
A> APPEND INBOX {"Subject: two\r\n\r\n2\r\n"}
OK [APPENDUID … 2]
A> SELECT INBOX (CONDSTORE)
…
OK [READ-WRITE]
B> SELECT INBOX
…
OK [READ-WRITE]
# Nothing has changed: the answer is all.
A> FETCH 1:2 FLAGS
* 1 FETCH (FLAGS (\Recent))
* 2 FETCH (FLAGS (\Recent))
OK
B> STORE 2 +FLAGS (\Flagged)
* 2 FETCH (FLAGS (\Flagged))
OK
A> FETCH 1:2 FLAGS
* 1 FETCH (FLAGS (\Recent))
* 2 FETCH (FLAGS (\Flagged \Recent))
* 2 FETCH (UID 2 MODSEQ («m») FLAGS (\Flagged \Recent))
OK
A> FETCH 2 (FLAGS MODSEQ)
* 2 FETCH (MODSEQ («m») FLAGS (\Flagged \Recent))
OK
# What the FETCH itself has changed comes with its mod-sequence.
A> FETCH 1 BODY[TEXT]
* 1 FETCH (UID 1 MODSEQ («n») BODY[TEXT] {"1\r\n"} FLAGS (\Seen \Recent))
OK
A> FETCH 2 (FLAGS BODY[TEXT])
* 2 FETCH (UID 2 MODSEQ («o») FLAGS (\Flagged \Seen \Recent) BODY[TEXT] {"2\r\n"})
OK
A> NOOP
OK
# Who does not ask for mod-sequences hears of none.
B> FETCH 1:2 FLAGS
* 1 FETCH (FLAGS (\Seen))
* 2 FETCH (FLAGS (\Flagged \Seen))
OK
B> NOOP
OK
`,
  );
});

test('keywords: all sessions are told of the same ones, whether or not a message that they look at has them', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX {"Subject: one\r\n\r\n1\r\n"}
OK [APPENDUID … 1]
A> SELECT INBOX
…
OK [READ-WRITE]
B> SELECT INBOX
…
OK [READ-WRITE]
C> APPEND INBOX (fresh) {"Subject: two\r\n\r\n2\r\n"}
OK [APPENDUID … 2]
A> NOOP
* FLAGS (\Answered \Flagged \Deleted \Seen \Draft fresh)
* OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft fresh \*)] Flags that are kept
* 2 EXISTS
* 2 RECENT
OK
A> STORE 1 +FLAGS.SILENT (gone \Deleted)
* FLAGS (\Answered \Flagged \Deleted \Seen \Draft fresh gone)
* OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft fresh gone \*)] Flags that are kept
OK
A> EXPUNGE
* 1 EXPUNGE
* 1 RECENT
OK
B> NOOP
* FLAGS (\Answered \Flagged \Deleted \Seen \Draft fresh gone)
* OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft fresh gone \*)] Flags that are kept
* 1 EXPUNGE
* 1 EXISTS
* 0 RECENT
OK
B> NOOP
OK
`,
  );
});
