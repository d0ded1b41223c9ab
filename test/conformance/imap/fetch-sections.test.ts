// FETCH of sections: parts, messages in messages, partial ranges, items and sets; case by case, over a socket.
import { test } from 'vitest';
import { play } from '#test/support/dialogue.ts';
import { startImap } from '#test/support/imap-server.ts';

test('fetch-body-mime and fetch-body-message-rfc822: the sections of parts and of messages in them (RFC 9051 6.4.5.1)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX {"From: a@b.c\r\nSubject: outer\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=OO\r\n\r\n--OO\r\nContent-Type: text/plain\r\n\r\nfirst\r\n\r\n--OO\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment; filename=\"x.eml\"\r\n\r\nFrom: in@x.org\r\nTo: you@y.org\r\nSubject: inner\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"II\"\r\n\r\npre\r\n--II\r\nContent-Type: text/plain; charset=us-ascii\r\nX-a: b\r\n\r\ninner text 1\r\n--II\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+aGk8L2I+\r\n--II--\r\nepi\r\n\r\n--OO\r\nContent-Type: message/rfc822\r\n\r\nSubject: plain inner\r\n\r\nplain inner body\r\n\r\n--OO--\r\n"}
OK [APPENDUID … 1]
A> SELECT INBOX
…
* 1 EXISTS
…
OK [READ-WRITE]
A> FETCH 1 BODY.PEEK[HEADER]
* 1 FETCH (BODY[HEADER] {"From: a@b.c\r\nSubject: outer\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=OO\r\n\r\n"})
OK
A> FETCH 1 BODY.PEEK[HEADER.FIELDS (X-None)]
* 1 FETCH (BODY[HEADER.FIELDS (X-None)] {"\r\n"})
OK
A> FETCH 1 BODY.PEEK[HEADER.FIELDS ("Subject" FROM)]
* 1 FETCH (BODY[HEADER.FIELDS (Subject FROM)] {"From: a@b.c\r\nSubject: outer\r\n\r\n"})
OK
A> FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (From "MIME-Version" Content-Type)]
* 1 FETCH (BODY[HEADER.FIELDS.NOT (From MIME-Version Content-Type)] {"Subject: outer\r\n\r\n"})
OK
A> FETCH 1 BODY.PEEK[1]
* 1 FETCH (BODY[1] {"first\r\n"})
OK
A> FETCH 1 BODY.PEEK[1.MIME]
* 1 FETCH (BODY[1.MIME] {"Content-Type: text/plain\r\n\r\n"})
OK
A> FETCH 1 BODY.PEEK[2]
* 1 FETCH (BODY[2] {"From: in@x.org\r\nTo: you@y.org\r\nSubject: inner\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"II\"\r\n\r\npre\r\n--II\r\nContent-Type: text/plain; charset=us-ascii\r\nX-a: b\r\n\r\ninner text 1\r\n--II\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+aGk8L2I+\r\n--II--\r\nepi\r\n"})
OK
A> FETCH 1 BODY.PEEK[2.MIME]
* 1 FETCH (BODY[2.MIME] {"Content-Type: message/rfc822\r\nContent-Disposition: attachment; filename=\"x.eml\"\r\n\r\n"})
OK
A> FETCH 1 BODY.PEEK[2.HEADER]
* 1 FETCH (BODY[2.HEADER] {"From: in@x.org\r\nTo: you@y.org\r\nSubject: inner\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"II\"\r\n\r\n"})
OK
A> FETCH 1 BODY.PEEK[2.TEXT]
* 1 FETCH (BODY[2.TEXT] {"pre\r\n--II\r\nContent-Type: text/plain; charset=us-ascii\r\nX-a: b\r\n\r\ninner text 1\r\n--II\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+aGk8L2I+\r\n--II--\r\nepi\r\n"})
OK
A> FETCH 1 BODY.PEEK[2.HEADER.FIELDS (subject)]
* 1 FETCH (BODY[2.HEADER.FIELDS (subject)] {"Subject: inner\r\n\r\n"})
OK
A> FETCH 1 BODY.PEEK[2.HEADER.FIELDS.NOT (subject)]
* 1 FETCH (BODY[2.HEADER.FIELDS.NOT (subject)] {"From: in@x.org\r\nTo: you@y.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"II\"\r\n\r\n"})
OK
A> FETCH 1 BODY.PEEK[2.1]
* 1 FETCH (BODY[2.1] {"inner text 1"})
OK
A> FETCH 1 BODY.PEEK[2.1.MIME]
* 1 FETCH (BODY[2.1.MIME] {"Content-Type: text/plain; charset=us-ascii\r\nX-a: b\r\n\r\n"})
OK
A> FETCH 1 BODY.PEEK[2.2]
* 1 FETCH (BODY[2.2] {"PGI+aGk8L2I+"})
OK
A> FETCH 1 BODY.PEEK[2.2.MIME]
* 1 FETCH (BODY[2.2.MIME] {"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n"})
OK
A> FETCH 1 BODY.PEEK[3]
* 1 FETCH (BODY[3] {"Subject: plain inner\r\n\r\nplain inner body\r\n"})
OK
A> FETCH 1 BODY.PEEK[3.HEADER]
* 1 FETCH (BODY[3.HEADER] {"Subject: plain inner\r\n\r\n"})
OK
A> FETCH 1 BODY.PEEK[3.TEXT]
* 1 FETCH (BODY[3.TEXT] {"plain inner body\r\n"})
OK
A> FETCH 1 BODY.PEEK[3.1]
* 1 FETCH (BODY[3.1] {"plain inner body\r\n"})
OK
A> FETCH 1 BODY.PEEK[3.1.MIME]
* 1 FETCH (BODY[3.1.MIME] {"Subject: plain inner\r\n\r\n"})
OK
# What is not there is NIL: a header of what is no message, a part too many.
A> FETCH 1 BODY.PEEK[1.HEADER]
* 1 FETCH (BODY[1.HEADER] NIL)
OK
A> FETCH 1 BODY.PEEK[1.TEXT]
* 1 FETCH (BODY[1.TEXT] NIL)
OK
A> FETCH 1 BODY.PEEK[2.1.HEADER]
* 1 FETCH (BODY[2.1.HEADER] NIL)
OK
A> FETCH 1 BODY.PEEK[2.3]
* 1 FETCH (BODY[2.3] NIL)
OK
A> FETCH 1 BODY.PEEK[4]
* 1 FETCH (BODY[4] NIL)
OK
# No section: BAD (RFC 9051 9).
A> FETCH 1 BODY.PEEK[0]
BAD
A> FETCH 1 BODY.PEEK[1.0]
BAD
A> FETCH 1 BODY.PEEK[MIME]
BAD
A> FETCH 1 BODY.PEEK[1.MIME.1]
BAD
A> FETCH 1 BODY.PEEK[HEADER.FIELDS ()]
BAD
A> FETCH 1 BODY.PEEK[1.]
BAD
`,
  );
});

test('fetch-body-message-rfc822: a message that is only another one', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX {"From: a@b.c\r\nSubject: rfc822 only\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\nX-H: 1\r\nX-H: 2\r\n continued\r\n\r\nbody of in\r\nline two\r\n"}
OK [APPENDUID … 1]
A> SELECT INBOX
…
* 1 EXISTS
…
OK [READ-WRITE]
A> FETCH 1 BODY.PEEK[1]
* 1 FETCH (BODY[1] {"Subject: in\r\nX-H: 1\r\nX-H: 2\r\n continued\r\n\r\nbody of in\r\nline two\r\n"})
OK
A> FETCH 1 BODY.PEEK[1.MIME]
* 1 FETCH (BODY[1.MIME] {"From: a@b.c\r\nSubject: rfc822 only\r\nContent-Type: message/rfc822\r\n\r\n"})
OK
A> FETCH 1 BODY.PEEK[1.HEADER]
* 1 FETCH (BODY[1.HEADER] {"Subject: in\r\nX-H: 1\r\nX-H: 2\r\n continued\r\n\r\n"})
OK
A> FETCH 1 BODY.PEEK[1.TEXT]
* 1 FETCH (BODY[1.TEXT] {"body of in\r\nline two\r\n"})
OK
A> FETCH 1 BODY.PEEK[1.1]
* 1 FETCH (BODY[1.1] {"body of in\r\nline two\r\n"})
OK
A> FETCH 1 BODY.PEEK[1.1.MIME]
* 1 FETCH (BODY[1.1.MIME] {"Subject: in\r\nX-H: 1\r\nX-H: 2\r\n continued\r\n\r\n"})
OK
A> FETCH 1 BODY.PEEK[1.HEADER.FIELDS (x-h)]
* 1 FETCH (BODY[1.HEADER.FIELDS (x-h)] {"X-H: 1\r\nX-H: 2\r\n continued\r\n\r\n"})
OK
A> FETCH 1 BODY.PEEK[HEADER.FIELDS (x-h)]
* 1 FETCH (BODY[HEADER.FIELDS (x-h)] {"\r\n"})
OK
A> FETCH 1 BODY.PEEK[2]
* 1 FETCH (BODY[2] NIL)
OK
`,
  );
});

test('fetch-body-message-rfc822-x2: a message in a message in a message', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX {"From: o@x\r\nSubject: o\r\nContent-Type: message/rfc822\r\nX-o: 1\r\n\r\nFrom: m@x\r\nSubject: m\r\nContent-Type: message/rfc822\r\nX-m: 1\r\n\r\nFrom: i@x\r\nSubject: i\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX-p: 1\r\n\r\npart1\r\n--b\r\nContent-Type: text/html; charset=utf-8; format=flowed\r\nContent-ID: <cid@x>\r\nContent-Description: des \"c\" ript\r\nContent-MD5: md5\r\nContent-Disposition: inline; filename=foo; size=3\r\nContent-Language: en, fi\r\nContent-Location: http://l\r\n\r\n<p>\r\n--b--\r\n"}
OK [APPENDUID … 1]
A> SELECT INBOX
…
* 1 EXISTS
…
OK [READ-WRITE]
A> FETCH 1 BODY.PEEK[1.MIME]
* 1 FETCH (BODY[1.MIME] {"From: o@x\r\nSubject: o\r\nContent-Type: message/rfc822\r\nX-o: 1\r\n\r\n"})
OK
A> FETCH 1 BODY.PEEK[1.HEADER]
* 1 FETCH (BODY[1.HEADER] {"From: m@x\r\nSubject: m\r\nContent-Type: message/rfc822\r\nX-m: 1\r\n\r\n"})
OK
A> FETCH 1 BODY.PEEK[1.1]
* 1 FETCH (BODY[1.1] {"From: i@x\r\nSubject: i\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX-p: 1\r\n\r\npart1\r\n--b\r\nContent-Type: text/html; charset=utf-8; format=flowed\r\nContent-ID: <cid@x>\r\nContent-Description: des \"c\" ript\r\nContent-MD5: md5\r\nContent-Disposition: inline; filename=foo; size=3\r\nContent-Language: en, fi\r\nContent-Location: http://l\r\n\r\n<p>\r\n--b--\r\n"})
OK
A> FETCH 1 BODY.PEEK[1.1.MIME]
* 1 FETCH (BODY[1.1.MIME] {"From: m@x\r\nSubject: m\r\nContent-Type: message/rfc822\r\nX-m: 1\r\n\r\n"})
OK
A> FETCH 1 BODY.PEEK[1.1.HEADER]
* 1 FETCH (BODY[1.1.HEADER] {"From: i@x\r\nSubject: i\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"})
OK
A> FETCH 1 BODY.PEEK[1.1.TEXT]
* 1 FETCH (BODY[1.1.TEXT] {"--b\r\nX-p: 1\r\n\r\npart1\r\n--b\r\nContent-Type: text/html; charset=utf-8; format=flowed\r\nContent-ID: <cid@x>\r\nContent-Description: des \"c\" ript\r\nContent-MD5: md5\r\nContent-Disposition: inline; filename=foo; size=3\r\nContent-Language: en, fi\r\nContent-Location: http://l\r\n\r\n<p>\r\n--b--\r\n"})
OK
A> FETCH 1 BODY.PEEK[1.1.1]
* 1 FETCH (BODY[1.1.1] {"part1"})
OK
A> FETCH 1 BODY.PEEK[1.1.1.MIME]
* 1 FETCH (BODY[1.1.1.MIME] {"X-p: 1\r\n\r\n"})
OK
A> FETCH 1 BODY.PEEK[1.1.2]
* 1 FETCH (BODY[1.1.2] {"<p>"})
OK
A> FETCH 1 BODY.PEEK[1.1.2.MIME]
* 1 FETCH (BODY[1.1.2.MIME] {"Content-Type: text/html; charset=utf-8; format=flowed\r\nContent-ID: <cid@x>\r\nContent-Description: des \"c\" ript\r\nContent-MD5: md5\r\nContent-Disposition: inline; filename=foo; size=3\r\nContent-Language: en, fi\r\nContent-Location: http://l\r\n\r\n"})
OK
A> FETCH 1 BODY.PEEK[1.1.HEADER.FIELDS (SUBJECT)]
* 1 FETCH (BODY[1.1.HEADER.FIELDS (SUBJECT)] {"Subject: i\r\n\r\n"})
OK
A> FETCH 1 BODY.PEEK[1.HEADER.FIELDS.NOT (FROM)]
* 1 FETCH (BODY[1.HEADER.FIELDS.NOT (FROM)] {"Subject: m\r\nContent-Type: message/rfc822\r\nX-m: 1\r\n\r\n"})
OK
A> FETCH 1 BODY.PEEK[1.2]
* 1 FETCH (BODY[1.2] NIL)
OK
A> FETCH 1 BODY.PEEK[1.1.3]
* 1 FETCH (BODY[1.1.3] NIL)
OK
`,
  );
});

test('fetch-body: partial ranges are exact at and past the end (RFC 9051 6.4.5.1)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX {"Subject: single\r\n\r\nfoo\r\nbar\r\n"}
OK [APPENDUID … 1]
A> SELECT INBOX
…
* 1 EXISTS
…
OK [READ-WRITE]
A> FETCH 1 BODY.PEEK[TEXT]<0.3>
* 1 FETCH (BODY[TEXT]<0> {"foo"})
OK
A> FETCH 1 BODY.PEEK[TEXT]<2.100>
* 1 FETCH (BODY[TEXT]<2> {"o\r\nbar\r\n"})
OK
A> FETCH 1 BODY.PEEK[TEXT]<9.1>
* 1 FETCH (BODY[TEXT]<9> {"\n"})
OK
A> FETCH 1 BODY.PEEK[TEXT]<10.1>
* 1 FETCH (BODY[TEXT]<10> {""})
OK
A> FETCH 1 BODY.PEEK[TEXT]<100.1>
* 1 FETCH (BODY[TEXT]<100> {""})
OK
A> FETCH 1 BODY.PEEK[TEXT]<0.4294967295>
* 1 FETCH (BODY[TEXT]<0> {"foo\r\nbar\r\n"})
OK
A> FETCH 1 BODY.PEEK[TEXT]<4294967295.1>
* 1 FETCH (BODY[TEXT]<4294967295> {""})
OK
A> FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]<3.5>
* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)]<3> {"ject:"})
OK
A> FETCH 1 BODY.PEEK[]<0.7>
* 1 FETCH (BODY[]<0> {"Subject"})
OK
A> FETCH 1 BODY.PEEK[1.MIME]<1.3>
* 1 FETCH (BODY[1.MIME]<1> {"ubj"})
OK
A> FETCH 1 (BODY.PEEK[TEXT]<0.2> BODY.PEEK[TEXT]<0.4>)
* 1 FETCH (BODY[TEXT]<0> {"fo"} BODY[TEXT]<0> {"foo\r"})
OK
# The length is not 0 and not left out.
A> FETCH 1 BODY.PEEK[TEXT]<0.0>
BAD
A> FETCH 1 BODY.PEEK[TEXT]<0>
BAD
A> FETCH 1 BODY.PEEK[TEXT]<-1.2>
BAD
A> FETCH 1 BODY.PEEK[TEXT]<0.4294967296>
BAD
`,
  );
});

test('fetch: items, macros and sets (RFC 9051 6.4.5, RFC 3501 6.4.5)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX {"Subject: header only\r\n"}
OK [APPENDUID … 1]
A> APPEND INBOX {"\r\njust a body\r\n"}
OK [APPENDUID … 2]
A> APPEND INBOX {"Subject: both\r\n\r\nbody\r\n"}
OK [APPENDUID … 3]
A> SELECT INBOX
…
* 3 EXISTS
…
OK [READ-WRITE]
A> FETCH 1:2 (BODY.PEEK[] BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[1] BODY.PEEK[1.MIME] RFC822.SIZE)
* 1 FETCH (BODY[] {"Subject: header only\r\n"} BODY[HEADER] {"Subject: header only\r\n"} BODY[TEXT] {""} BODY[1] {""} BODY[1.MIME] {"Subject: header only\r\n"} RFC822.SIZE 22)
* 2 FETCH (BODY[] {"\r\njust a body\r\n"} BODY[HEADER] {"\r\n"} BODY[TEXT] {"just a body\r\n"} BODY[1] {"just a body\r\n"} BODY[1.MIME] {"\r\n"} RFC822.SIZE 15)
OK
A> FETCH 3 RFC822.HEADER
* 3 FETCH (RFC822.HEADER {"Subject: both\r\n\r\n"})
OK
A> FETCH 3 FLAGS
* 3 FETCH (FLAGS (\Recent))
OK
# What reads without PEEK sets \Seen and tells it (6.4.5); asked for both ways it does too.
A> FETCH 3 (BODY.PEEK[TEXT] BODY[TEXT])
* 3 FETCH (BODY[TEXT] {"body\r\n"} FLAGS (\Seen \Recent))
OK
A> FETCH 2 RFC822.TEXT
* 2 FETCH (RFC822.TEXT {"just a body\r\n"} FLAGS (\Seen \Recent))
OK
A> FETCH 1 RFC822
* 1 FETCH (RFC822 {"Subject: header only\r\n"} FLAGS (\Seen \Recent))
OK
A> FETCH 3 (RFC822.SIZE RFC822.SIZE uid)
* 3 FETCH (UID 3 RFC822.SIZE 23)
OK
A> FETCH 3:2,2 UID
* 2 FETCH (UID 2)
* 3 FETCH (UID 3)
OK
A> FETCH 9:* UID
* 3 FETCH (UID 3)
OK
A> FETCH * UID
* 3 FETCH (UID 3)
OK
A> UID FETCH 9:* FLAGS
* 3 FETCH (UID 3 FLAGS (\Seen \Recent))
OK
A> UID FETCH 9 FLAGS
OK
A> FETCH 0 UID
BAD
A> FETCH 1 ()
BAD
A> FETCH 1 (ALL)
BAD
A> FETCH 1 (FAST FLAGS)
BAD
A> FETCH 1 BODY.PEEK
BAD
A> FETCH 1 (FLAGS
BAD
A> FETCH 1
BAD
`,
  );
});
