// Messages: STORE, EXPUNGE, COPY, MOVE, APPEND, BINARY and mod-sequences; case by case, over a socket.
import { test } from 'vitest';
import { play } from '#test/support/dialogue.ts';
import { startImap } from '#test/support/imap-server.ts';

test('store: what is replaced, added, removed and told, and what is no flag (RFC 9051 6.4.6)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX {"From: user1@x\r\nSubject: s1\r\n\r\nb1\r\n"}
OK [APPENDUID … 1]
A> APPEND INBOX {"From: user2@x\r\nSubject: s2\r\n\r\nb2\r\n"}
OK [APPENDUID … 2]
A> APPEND INBOX {"From: user3@x\r\nSubject: s3\r\n\r\nb3\r\n"}
OK [APPENDUID … 3]
A> APPEND INBOX {"From: user4@x\r\nSubject: s4\r\n\r\nb4\r\n"}
OK [APPENDUID … 4]
A> APPEND INBOX {"From: user5@x\r\nSubject: s5\r\n\r\nb5\r\n"}
OK [APPENDUID … 5]
A> APPEND INBOX {"From: user6@x\r\nSubject: s6\r\n\r\nb6\r\n"}
OK [APPENDUID … 6]
A> SELECT INBOX
…
* 6 EXISTS
…
OK [READ-WRITE]
B> EXAMINE INBOX
…
* 6 EXISTS
…
OK [READ-ONLY]
A> STORE 1 FLAGS (\Seen)
* 1 FETCH (FLAGS (\Seen \Recent))
OK
A> STORE 1 FLAGS ()
* 1 FETCH (FLAGS (\Recent))
OK
A> STORE 1 FLAGS \Seen \Flagged
* 1 FETCH (FLAGS (\Flagged \Seen \Recent))
OK
A> STORE 1 +FLAGS ()
* 1 FETCH (FLAGS (\Flagged \Seen \Recent))
OK
A> STORE 1 -FLAGS ()
* 1 FETCH (FLAGS (\Flagged \Seen \Recent))
OK
A> STORE 1 flags (\SEEN)
* 1 FETCH (FLAGS (\Seen \Recent))
OK
A> STORE 2 FLAGS (kw1 kw2 $Fwd)
* FLAGS (\Answered \Flagged \Deleted \Seen \Draft kw1 kw2 $Fwd)
* OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft kw1 kw2 $Fwd \*)] Flags that are kept
* 2 FETCH (FLAGS (\Recent kw1 kw2 $Fwd))
OK
A> STORE 2 FLAGS.SILENT (kw3)
* FLAGS (\Answered \Flagged \Deleted \Seen \Draft kw1 kw2 $Fwd kw3)
* OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft kw1 kw2 $Fwd kw3 \*)] Flags that are kept
OK
A> STORE 2 +FLAGS.SILENT (kw3)
OK
A> STORE 2 -FLAGS (KW3)
* 2 FETCH (FLAGS (\Recent))
OK
A> STORE 2 +FLAGS (KW1)
* 2 FETCH (FLAGS (\Recent kw1))
OK
A> STORE 1:2 -FLAGS (never there)
* 1 FETCH (FLAGS (\Seen \Recent))
* 2 FETCH (FLAGS (\Recent kw1))
OK
A> STORE 3:* +FLAGS.SILENT (\Answered)
OK
A> UID STORE 2:3 +FLAGS (\Draft)
* 2 FETCH (UID 2 FLAGS (\Draft \Recent kw1))
* 3 FETCH (UID 3 FLAGS (\Answered \Draft \Recent))
OK
A> UID STORE 99 +FLAGS (\Draft)
OK
# Not flags.
A> STORE 1 FLAGS (\Bogus)
BAD
A> STORE 1 +FLAGS (\*)
BAD
A> STORE 1 +FLAGS (a b] c)
BAD
A> STORE 1 +FLAGS ("quoted")
BAD
A> STORE 1 +FLAGS
BAD
A> STORE 1 (\Seen)
BAD
A> STORE 0 +FLAGS (\Seen)
BAD
# Keywords are told before a message shows them; what others changed is told once (7.3.5, 7.5.2).
B> NOOP
* FLAGS (\Answered \Flagged \Deleted \Seen \Draft kw1 kw2 $Fwd kw3)
* OK [PERMANENTFLAGS ()] Flags that are kept
* 1 FETCH (UID 1 FLAGS (\Seen))
* 2 FETCH (UID 2 FLAGS (\Draft kw1))
* 3 FETCH (UID 3 FLAGS (\Answered \Draft))
* 4 FETCH (UID 4 FLAGS (\Answered))
* 5 FETCH (UID 5 FLAGS (\Answered))
* 6 FETCH (UID 6 FLAGS (\Answered))
OK
B> NOOP
OK
B> FETCH 1:3 FLAGS
* 1 FETCH (FLAGS (\Seen))
* 2 FETCH (FLAGS (\Draft kw1))
* 3 FETCH (FLAGS (\Answered \Draft))
OK
`,
  );
});

test('expunge: numbers are right one after the other; EXPUNGE is never told in FETCH, STORE and SEARCH (RFC 9051 7.5.1)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX {"From: user1@x\r\nSubject: s1\r\n\r\nb1\r\n"}
OK [APPENDUID … 1]
A> APPEND INBOX {"From: user2@x\r\nSubject: s2\r\n\r\nb2\r\n"}
OK [APPENDUID … 2]
A> APPEND INBOX {"From: user3@x\r\nSubject: s3\r\n\r\nb3\r\n"}
OK [APPENDUID … 3]
A> APPEND INBOX {"From: user4@x\r\nSubject: s4\r\n\r\nb4\r\n"}
OK [APPENDUID … 4]
A> APPEND INBOX {"From: user5@x\r\nSubject: s5\r\n\r\nb5\r\n"}
OK [APPENDUID … 5]
A> APPEND INBOX {"From: user6@x\r\nSubject: s6\r\n\r\nb6\r\n"}
OK [APPENDUID … 6]
A> SELECT INBOX
…
* 6 EXISTS
…
OK [READ-WRITE]
B> SELECT INBOX
…
* 6 EXISTS
…
OK [READ-WRITE]
B> STORE 1,3,5:6 +FLAGS.SILENT (\Deleted)
OK
B> STORE 5 -FLAGS (\Deleted)
* 5 FETCH (FLAGS ())
OK
B> EXPUNGE
* 6 EXPUNGE
* 3 EXPUNGE
* 1 EXPUNGE
OK
B> EXPUNGE
OK
A> FETCH 1:3 UID
* 1 FETCH (UID 1)
* 2 FETCH (UID 2)
* 3 FETCH (UID 3)
* 1 FETCH (UID 1 FLAGS (\Deleted \Recent))
* 3 FETCH (UID 3 FLAGS (\Deleted \Recent))
* 5 FETCH (UID 5 FLAGS (\Recent))
* 6 FETCH (UID 6 FLAGS (\Deleted \Recent))
OK
A> STORE 2 +FLAGS (\Flagged)
* 2 FETCH (FLAGS (\Flagged \Recent))
OK
A> SEARCH ALL
* SEARCH 1 2 3 4 5 6
OK
A> FETCH 3 FLAGS
* 3 FETCH (FLAGS (\Deleted \Recent))
OK
A> UID FETCH 4 UID
* 4 FETCH (UID 4)
* 6 EXPUNGE
* 3 EXPUNGE
* 1 EXPUNGE
* 3 RECENT
OK
A> FETCH 1:* UID
* 1 FETCH (UID 2)
* 2 FETCH (UID 4)
* 3 FETCH (UID 5)
OK
A> NOOP
OK
`,
  );
});

test('expunge2: UID EXPUNGE takes what it names and is marked; the numbers of other sessions follow (RFC 4315 2.1)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX {"From: user1@x\r\nSubject: s1\r\n\r\nb1\r\n"}
OK [APPENDUID … 1]
A> APPEND INBOX {"From: user2@x\r\nSubject: s2\r\n\r\nb2\r\n"}
OK [APPENDUID … 2]
A> APPEND INBOX {"From: user3@x\r\nSubject: s3\r\n\r\nb3\r\n"}
OK [APPENDUID … 3]
A> APPEND INBOX {"From: user4@x\r\nSubject: s4\r\n\r\nb4\r\n"}
OK [APPENDUID … 4]
A> APPEND INBOX {"From: user5@x\r\nSubject: s5\r\n\r\nb5\r\n"}
OK [APPENDUID … 5]
A> APPEND INBOX {"From: user6@x\r\nSubject: s6\r\n\r\nb6\r\n"}
OK [APPENDUID … 6]
A> SELECT INBOX
…
* 6 EXISTS
…
OK [READ-WRITE]
B> SELECT INBOX
…
* 6 EXISTS
…
OK [READ-WRITE]
A> STORE 2:5 +FLAGS.SILENT (\Deleted)
OK
A> UID EXPUNGE 1:2,4,99
* 4 EXPUNGE
* 2 EXPUNGE
* 4 RECENT
OK
B> NOOP
* 4 EXPUNGE
* 2 EXPUNGE
* 2 FETCH (UID 3 FLAGS (\Deleted))
* 3 FETCH (UID 5 FLAGS (\Deleted))
OK
A> UID EXPUNGE 99
OK
A> UID EXPUNGE 6:*
OK
B> STORE 3:4 +FLAGS.SILENT (\Seen)
OK
A> EXPUNGE
* 3 EXPUNGE
* 2 EXPUNGE
* 2 RECENT
* 2 FETCH (UID 6 FLAGS (\Seen \Recent))
OK
B> STORE 1 +FLAGS (\Seen)
* 1 FETCH (FLAGS (\Seen))
OK
B> CHECK
* 3 EXPUNGE
* 2 EXPUNGE
OK
B> FETCH 1:* (UID FLAGS)
* 1 FETCH (UID 1 FLAGS (\Seen))
* 2 FETCH (UID 6 FLAGS (\Seen))
OK
`,
  );
});

test('copy, move and uidplus: the UIDs of both sides in their order, and what is missing (RFC 9051 6.4.7, 6.4.8, RFC 4315 3, RFC 6851)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX {"From: user1@x\r\nSubject: s1\r\n\r\nb1\r\n"}
OK [APPENDUID … 1]
A> APPEND INBOX {"From: user2@x\r\nSubject: s2\r\n\r\nb2\r\n"}
OK [APPENDUID … 2]
A> APPEND INBOX {"From: user3@x\r\nSubject: s3\r\n\r\nb3\r\n"}
OK [APPENDUID … 3]
A> APPEND INBOX {"From: user4@x\r\nSubject: s4\r\n\r\nb4\r\n"}
OK [APPENDUID … 4]
A> APPEND INBOX {"From: user5@x\r\nSubject: s5\r\n\r\nb5\r\n"}
OK [APPENDUID … 5]
A> APPEND INBOX {"From: user6@x\r\nSubject: s6\r\n\r\nb6\r\n"}
OK [APPENDUID … 6]
A> SELECT INBOX
…
* 6 EXISTS
…
OK [READ-WRITE]
A> STORE 2 FLAGS.SILENT (\Seen kw)
* FLAGS (\Answered \Flagged \Deleted \Seen \Draft kw)
* OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft kw \*)] Flags that are kept
OK
A> COPY 1 nosuch
NO [TRYCREATE]
A> COPY 3,1:2 Sent
OK [COPYUID … 1:3 1:3]
A> UID COPY 6,4 Sent
OK [COPYUID … 4,6 4:5]
A> UID COPY 99 Sent
OK
A> COPY 1 INBOX
* 7 EXISTS
* 7 RECENT
OK [COPYUID … 1 7]
A> MOVE 1 nosuch
NO [TRYCREATE]
A> MOVE 5,2 Archive
* OK [COPYUID … 2,5 1:2] Moved
* 5 EXPUNGE
* 2 EXPUNGE
* 5 RECENT
OK
A> UID MOVE 4 Archive
* OK [COPYUID … 4 3] Moved
* 3 EXPUNGE
* 4 RECENT
OK
A> UID MOVE 4 Archive
OK
A> MOVE 1 INBOX
* OK [COPYUID … 1 8] Moved
* 1 EXPUNGE
* 4 EXISTS
* 4 RECENT
OK
A> FETCH 1:* UID
* 1 FETCH (UID 3)
* 2 FETCH (UID 6)
* 3 FETCH (UID 7)
* 4 FETCH (UID 8)
OK
A> SELECT Archive
…
* 3 EXISTS
…
OK [READ-WRITE]
A> FETCH 1:* (UID FLAGS)
* 1 FETCH (UID 1 FLAGS (\Seen \Recent kw))
* 2 FETCH (UID 2 FLAGS (\Recent))
* 3 FETCH (UID 3 FLAGS (\Recent))
OK
A> EXAMINE INBOX
…
* 4 EXISTS
…
OK [READ-ONLY]
A> MOVE 1 Archive
NO
A> COPY 1
BAD
A> COPY 1 Sent x
BAD
`,
  );
});

test('append: flags, dates, keywords, and what is no message (RFC 9051 6.3.12)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> SELECT INBOX
…
* 0 EXISTS
…
OK [READ-WRITE]
A> APPEND INBOX (\Seen \Flagged kw) " 1-Jan-2007 13:14:15 +0530" {"Subject: a\r\n\r\n"}
* FLAGS (\Answered \Flagged \Deleted \Seen \Draft kw)
* OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft kw \*)] Flags that are kept
* 1 EXISTS
* 1 RECENT
OK [APPENDUID … 1]
A> APPEND inbox () "01-Jan-2007 00:00:00 -1200" {"Subject: b\r\n\r\n"}
* 2 EXISTS
* 2 RECENT
OK [APPENDUID … 2]
A> APPEND "INBOX" {"x"}
* 3 EXISTS
* 3 RECENT
OK [APPENDUID … 3]
A> APPEND {"INBOX"} (\Draft) {"Subject: \u00e4\r\n\r\n\u00f6\r\n"}
* 4 EXISTS
* 4 RECENT
OK [APPENDUID … 4]
A> FETCH 1:2 (FLAGS INTERNALDATE RFC822.SIZE)
* 1 FETCH (FLAGS (\Flagged \Seen \Recent kw) INTERNALDATE " 1-Jan-2007 13:14:15 +0530" RFC822.SIZE 14)
* 2 FETCH (FLAGS (\Recent) INTERNALDATE " 1-Jan-2007 00:00:00 -1200" RFC822.SIZE 14)
OK
A> FETCH 3:4 (FLAGS RFC822.SIZE BODY.PEEK[])
* 3 FETCH (FLAGS (\Recent) RFC822.SIZE 1 BODY[] {"x"})
* 4 FETCH (FLAGS (\Draft \Recent) RFC822.SIZE 19 BODY[] {"Subject: ä\r\n\r\nö\r\n"})
OK
A> APPEND nosuch {"Subject: c\r\n\r\n"}
NO [TRYCREATE]
A> APPEND INBOX (\Bogus) {"Subject: c\r\n\r\n"}
BAD
A> APPEND INBOX "31-Feb-2007 00:00:00 +0000" {"Subject: c\r\n\r\n"}
BAD
A> APPEND INBOX "1-Jan-2007" {"Subject: c\r\n\r\n"}
BAD
A> APPEND INBOX {""}
NO [CANNOT]
A> APPEND INBOX
BAD
A> APPEND INBOX "quoted"
BAD
A> NOOP
OK
`,
  );
});

test('multiappend and catenate: all or nothing, and what a URL leads to (RFC 3502, RFC 4469)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> SELECT INBOX
…
* 0 EXISTS
…
OK [READ-WRITE]
A> APPEND INBOX (\Seen) {"Subject: a\r\n\r\none\r\n"} "01-Jan-2007 00:00:00 +0000" {"Subject: b\r\n\r\ntwo\r\n"}
* 2 EXISTS
* 2 RECENT
OK [APPENDUID … 1:2]
A> FETCH 1:2 (FLAGS RFC822.SIZE)
* 1 FETCH (FLAGS (\Seen \Recent) RFC822.SIZE 19)
* 2 FETCH (FLAGS (\Recent) RFC822.SIZE 19)
OK
A> APPEND INBOX {"Subject: c\r\n\r\n"} (\Bogus) {"Subject: d\r\n\r\n"}
BAD
A> APPEND INBOX {"Subject: c\r\n\r\n"} {""}
NO [CANNOT]
A> APPEND nosuch {"Subject: c\r\n\r\n"} {"Subject: d\r\n\r\n"}
NO [TRYCREATE]
A> APPEND INBOX CATENATE (TEXT {"Subject: cat\r\n\r\n"} URL "/INBOX/;UID=1/;SECTION=TEXT" URL "/INBOX/;UID=2/;SECTION=HEADER.FIELDS%20(SUBJECT)")
* 3 EXISTS
* 3 RECENT
OK [APPENDUID … 3]
A> FETCH 3 BODY.PEEK[]
* 3 FETCH (BODY[] {"Subject: cat\r\n\r\none\r\nSubject: b\r\n\r\n"})
OK
A> APPEND INBOX CATENATE (URL "/INBOX/;UID=99")
NO [BADURL "/INBOX/;UID=99"]
A> APPEND INBOX CATENATE (TEXT {"x"} URL "/nosuch/;UID=1")
NO [BADURL "/nosuch/;UID=1"]
A> APPEND INBOX CATENATE (URL "/INBOX/;UID=1/;SECTION=7")
NO [BADURL "/INBOX/;UID=1/;SECTION=7"]
A> APPEND INBOX CATENATE (URL "bogus")
NO [BADURL "bogus"]
A> APPEND INBOX CATENATE ()
BAD
A> APPEND INBOX {"Subject: c\r\n\r\n"} CATENATE (URL "/INBOX/;UID=99")
NO [BADURL "/INBOX/;UID=99"]
# Two messages, the second one put together.
A> APPEND INBOX (\Flagged) {"Subject: c\r\n\r\n"} (\Draft) CATENATE (URL "/INBOX/;UID=1" TEXT {"more\r\n"})
* 5 EXISTS
* 5 RECENT
OK [APPENDUID … 4:5]
A> FETCH 4:5 (FLAGS BODY.PEEK[TEXT])
* 4 FETCH (FLAGS (\Flagged \Recent) BODY[TEXT] {""})
* 5 FETCH (FLAGS (\Draft \Recent) BODY[TEXT] {"one\r\nmore\r\n"})
OK
`,
  );
});

test('binary: parts decoded, their sizes, encodings that are not known (RFC 3516)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> SELECT INBOX
…
* 0 EXISTS
…
OK [READ-WRITE]
A> APPEND INBOX {"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=C3=A4 =\r\nb=3D\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\naGVs\r\nbG8=\r\n--b\r\nContent-Transfer-Encoding: x-unknown\r\n\r\nx\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\nContent-Transfer-Encoding: base64\r\n\r\naW4=\r\n--b--\r\n"}
* 1 EXISTS
* 1 RECENT
OK [APPENDUID … 1]
A> FETCH 1 (BINARY.PEEK[1] BINARY.SIZE[1])
* 1 FETCH (BINARY[1] {"aä b="} BINARY.SIZE[1] 6)
OK
A> FETCH 1 (BINARY.PEEK[2] BINARY.SIZE[2])
* 1 FETCH (BINARY[2] {"hello"} BINARY.SIZE[2] 5)
OK
A> FETCH 1 (BINARY.PEEK[4] BINARY.SIZE[4] BINARY.PEEK[4.1] BINARY.SIZE[4.1])
* 1 FETCH (BINARY[4] {"Subject: in\r\nContent-Transfer-Encoding: base64\r\n\r\naW4="} BINARY.SIZE[4] 54 BINARY[4.1] {"in"} BINARY.SIZE[4.1] 2)
OK
A> FETCH 1 (BINARY.PEEK[2]<1.3> BINARY.PEEK[2]<0.100> BINARY.PEEK[2]<5.1>)
* 1 FETCH (BINARY[2]<1> {"ell"} BINARY[2]<0> {"hello"} BINARY[2]<5> {""})
OK
A> FETCH 1 BINARY.PEEK[3]
NO [UNKNOWN-CTE]
A> FETCH 1 BINARY.SIZE[3]
NO [UNKNOWN-CTE]
# A size is a number, of what is not there too (RFC 3516 7).
A> FETCH 1 (BINARY.PEEK[9] BINARY.SIZE[9])
* 1 FETCH (BINARY[9] NIL BINARY.SIZE[9] 0)
OK
A> FETCH 1 FLAGS
* 1 FETCH (FLAGS (\Recent))
OK
A> FETCH 1 BINARY[2]
* 1 FETCH (BINARY[2] {"hello"} FLAGS (\Seen \Recent))
OK
A> FETCH 1 BINARY
BAD
A> FETCH 1 BINARY.SIZE[2]<0.1>
BAD
`,
  );
});

test('condstore: UNCHANGEDSINCE, CHANGEDSINCE, and MODSEQ with each result of ESEARCH (RFC 7162 3.1, RFC 4731 3.2)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX {"From: user1@x\r\nSubject: s1\r\n\r\nb1\r\n"}
OK [APPENDUID … 1]
A> APPEND INBOX {"From: user2@x\r\nSubject: s2\r\n\r\nb2\r\n"}
OK [APPENDUID … 2]
A> APPEND INBOX {"From: user3@x\r\nSubject: s3\r\n\r\nb3\r\n"}
OK [APPENDUID … 3]
A> APPEND INBOX {"From: user4@x\r\nSubject: s4\r\n\r\nb4\r\n"}
OK [APPENDUID … 4]
A> APPEND INBOX {"From: user5@x\r\nSubject: s5\r\n\r\nb5\r\n"}
OK [APPENDUID … 5]
A> APPEND INBOX {"From: user6@x\r\nSubject: s6\r\n\r\nb6\r\n"}
OK [APPENDUID … 6]
A> SELECT INBOX (CONDSTORE)
…
* 6 EXISTS
…
OK [READ-WRITE]
A> FETCH 2 MODSEQ
* 2 FETCH (MODSEQ («m»))
OK
A> STORE 2 (UNCHANGEDSINCE «m») +FLAGS.SILENT (k1)
* 2 FETCH (UID 2 MODSEQ (9))
* FLAGS (\Answered \Flagged \Deleted \Seen \Draft k1)
* OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft k1 \*)] Flags that are kept
OK
A> STORE 2 (UNCHANGEDSINCE «m») +FLAGS.SILENT (k2)
* 2 FETCH (UID 2 MODSEQ (9) FLAGS (\Recent k1))
OK [MODIFIED 2]
A> STORE 1:3 (UNCHANGEDSINCE 1) +FLAGS (k2)
* 1 FETCH (UID 1 MODSEQ (3) FLAGS (\Recent))
* 2 FETCH (UID 2 MODSEQ (9) FLAGS (\Recent k1))
* 3 FETCH (UID 3 MODSEQ (5) FLAGS (\Recent))
OK [MODIFIED 1:3]
A> STORE 2 +FLAGS.SILENT (k1)
OK
A> UID STORE 5:6 (UNCHANGEDSINCE 99999) +FLAGS (\Seen)
* 5 FETCH (UID 5 MODSEQ (10) FLAGS (\Seen \Recent))
* 6 FETCH (UID 6 MODSEQ (10) FLAGS (\Seen \Recent))
OK
A> FETCH 1:* (FLAGS) (CHANGEDSINCE «m»)
* 2 FETCH (MODSEQ (9) FLAGS (\Recent k1))
* 3 FETCH (MODSEQ (5) FLAGS (\Recent))
* 4 FETCH (MODSEQ (6) FLAGS (\Recent))
* 5 FETCH (MODSEQ (10) FLAGS (\Seen \Recent))
* 6 FETCH (MODSEQ (10) FLAGS (\Seen \Recent))
OK
A> FETCH 1:* (UID) (CHANGEDSINCE 99999)
OK
A> SEARCH RETURN (MIN) MODSEQ 1
* ESEARCH (TAG "…") MIN 1 MODSEQ 3
OK
A> SEARCH RETURN (MAX) MODSEQ 1
* ESEARCH (TAG "…") MAX 6 MODSEQ 10
OK
A> SEARCH RETURN (MIN MAX) 2:4 MODSEQ 1
* ESEARCH (TAG "…") MIN 2 MAX 4 MODSEQ 9
OK
A> SEARCH RETURN (COUNT) MODSEQ 1
* ESEARCH (TAG "…") COUNT 6 MODSEQ 10
OK
A> SEARCH RETURN (ALL) MODSEQ 1
* ESEARCH (TAG "…") ALL 1:6 MODSEQ 10
OK
A> SEARCH RETURN (ALL) MODSEQ 99999
* ESEARCH (TAG "…")
OK
A> SEARCH MODSEQ 99999
* SEARCH
OK
A> SEARCH NOT MODSEQ 99999
* SEARCH 1 2 3 4 5 6 (MODSEQ 10)
OK
A> SORT (REVERSE ARRIVAL) UTF-8 MODSEQ "/flags/\\seen" all 1
* SORT 1 2 3 4 5 6 (MODSEQ 10)
OK
A> SORT RETURN (MIN) (REVERSE ARRIVAL) UTF-8 MODSEQ 1
* ESEARCH (TAG "…") MIN 1 MODSEQ 3
OK
A> UID FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)
BAD
A> STORE 1 (UNCHANGEDSINCE) +FLAGS (x)
BAD
`,
  );
});
