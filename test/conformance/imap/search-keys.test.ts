// SEARCH, ESEARCH and its updates, key by key, over a socket.
import { test } from 'vitest';
import { play } from '#test/support/dialogue.ts';
import { startImap } from '#test/support/imap-server.ts';

test('search-flags: every flag and keyword, with NOT and OR (RFC 9051 6.4.4)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX (\Seen) "24-Mar-2007 23:30:00 -0500" {"From: \"Joe Q\" <joe@Example.ORG>\r\nTo: u1@d.org, grp: g@h.i;\r\nSubject: Hello   World\r\n\tfoo\r\nDate: Sat, 24 Mar 2007 23:30:00 -0500\r\nX-Test: abc\r\nX-Empty:\r\nX-Test: def\r\n\r\nBody Text here\r\nsplit li=\r\nne\r\n"}
OK [APPENDUID … 1]
A> APPEND INBOX (\Flagged $Kw1) "25-Mar-2007 00:30:00 +0300" {"From: =?utf-8?q?J=C3=A4rvi?= <j@x>\r\nCc: Undisclosed: ;\r\nSubject: =?utf-8?b?w4RwcGVs?=\r\n =?utf-8?q?tail?=\r\nDate: Sun, 25 Mar 2007 00:30:00 +0300\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nb=C3=B6dy so=\r\nft end\r\n"}
OK [APPENDUID … 2]
A> APPEND INBOX (\Answered \Deleted \Draft keyw) "25-Mar-2007 12:00:00 +0000" {"From: <route@x>\r\nTo: Sub <sub@d>\r\nSubject: third\r\nDate: 25 Mar 2007 12:00:00 +0000 (comment)\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\nprologue\r\n--q\r\nContent-Type: text/plain\r\nX-Part: partheader\r\n\r\nhidden1\r\n--q\r\nContent-Type: application/octet-stream; name=attname.bin\r\nContent-Transfer-Encoding: base64\r\n\r\naGlkZGVuMg==\r\n--q\r\nContent-Type: message/rfc822\r\n\r\nSubject: embsubj\r\n\r\nembbody\r\n--q--\r\nepilogue\r\n"}
OK [APPENDUID … 3]
A> APPEND INBOX "26-Mar-2007 00:00:00 +0000" {"Subject: nodate\r\n\r\nx\r\n"}
OK [APPENDUID … 4]
A> APPEND INBOX "01-Jan-1999 10:00:00 +1400" {"Subject: baddate\r\nDate: rubbish\r\nFrom:\r\n\r\ny\r\n"}
OK [APPENDUID … 5]
A> SELECT INBOX
…
* 5 EXISTS
…
OK [READ-WRITE]
A> SEARCH ALL
* SEARCH 1 2 3 4 5
OK
A> SEARCH NEW
* SEARCH 2 3 4 5
OK
A> SEARCH OLD
* SEARCH
OK
A> SEARCH RECENT
* SEARCH 1 2 3 4 5
OK
A> SEARCH SEEN
* SEARCH 1
OK
A> SEARCH UNSEEN
* SEARCH 2 3 4 5
OK
A> SEARCH ANSWERED
* SEARCH 3
OK
A> SEARCH UNANSWERED DELETED
* SEARCH
OK
A> SEARCH DRAFT UNDELETED
* SEARCH
OK
A> SEARCH KEYWORD keyw
* SEARCH 3
OK
A> SEARCH KEYWORD KEYW
* SEARCH 3
OK
A> SEARCH KEYWORD nonexist
* SEARCH
OK
A> SEARCH UNKEYWORD nonexist
* SEARCH 1 2 3 4 5
OK
A> SEARCH UNKEYWORD $kw1
* SEARCH 1 3 4 5
OK
A> SEARCH NOT NOT SEEN
* SEARCH 1
OK
A> SEARCH NOT (SEEN) UNFLAGGED
* SEARCH 3 4 5
OK
A> SEARCH OR SEEN FLAGGED
* SEARCH 1 2
OK
A> SEARCH OR (SEEN) NOT (OR FLAGGED DRAFT)
* SEARCH 1 4 5
OK
A> SEARCH OR OR SEEN FLAGGED DELETED
* SEARCH 1 2 3
OK
A> SEARCH (ALL)
* SEARCH 1 2 3 4 5
OK
A> SEARCH OR SEEN
BAD
A> SEARCH NOT
BAD
A> SEARCH SEEN)
BAD
A> SEARCH (SEEN
BAD
A> SEARCH ALL  SEEN
BAD
A> SEARCH BOGUS
BAD
`,
  );
});

test('search-sets: sets, the star and UIDs among the keys (RFC 9051 6.4.4, 9)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX (\Seen) "24-Mar-2007 23:30:00 -0500" {"From: \"Joe Q\" <joe@Example.ORG>\r\nTo: u1@d.org, grp: g@h.i;\r\nSubject: Hello   World\r\n\tfoo\r\nDate: Sat, 24 Mar 2007 23:30:00 -0500\r\nX-Test: abc\r\nX-Empty:\r\nX-Test: def\r\n\r\nBody Text here\r\nsplit li=\r\nne\r\n"}
OK [APPENDUID … 1]
A> APPEND INBOX (\Flagged $Kw1) "25-Mar-2007 00:30:00 +0300" {"From: =?utf-8?q?J=C3=A4rvi?= <j@x>\r\nCc: Undisclosed: ;\r\nSubject: =?utf-8?b?w4RwcGVs?=\r\n =?utf-8?q?tail?=\r\nDate: Sun, 25 Mar 2007 00:30:00 +0300\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nb=C3=B6dy so=\r\nft end\r\n"}
OK [APPENDUID … 2]
A> APPEND INBOX (\Answered \Deleted \Draft keyw) "25-Mar-2007 12:00:00 +0000" {"From: <route@x>\r\nTo: Sub <sub@d>\r\nSubject: third\r\nDate: 25 Mar 2007 12:00:00 +0000 (comment)\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\nprologue\r\n--q\r\nContent-Type: text/plain\r\nX-Part: partheader\r\n\r\nhidden1\r\n--q\r\nContent-Type: application/octet-stream; name=attname.bin\r\nContent-Transfer-Encoding: base64\r\n\r\naGlkZGVuMg==\r\n--q\r\nContent-Type: message/rfc822\r\n\r\nSubject: embsubj\r\n\r\nembbody\r\n--q--\r\nepilogue\r\n"}
OK [APPENDUID … 3]
A> APPEND INBOX "26-Mar-2007 00:00:00 +0000" {"Subject: nodate\r\n\r\nx\r\n"}
OK [APPENDUID … 4]
A> APPEND INBOX "01-Jan-1999 10:00:00 +1400" {"Subject: baddate\r\nDate: rubbish\r\nFrom:\r\n\r\ny\r\n"}
OK [APPENDUID … 5]
A> SELECT INBOX
…
* 5 EXISTS
…
OK [READ-WRITE]
A> SEARCH ((1))
* SEARCH 1
OK
A> SEARCH (1 2)
* SEARCH
OK
A> SEARCH 1,3
* SEARCH 1 3
OK
A> SEARCH 5:3
* SEARCH 3 4 5
OK
A> SEARCH *
* SEARCH 5
OK
A> SEARCH *:1
* SEARCH 1 2 3 4 5
OK
A> SEARCH 5:*
* SEARCH 5
OK
A> SEARCH NOT 1:*
* SEARCH
OK
A> SEARCH NOT 2:3,5
* SEARCH 1 4
OK
A> SEARCH UID 1
* SEARCH 1
OK
A> SEARCH UID 3:*
* SEARCH 3 4 5
OK
A> SEARCH UID 100
* SEARCH
OK
A> SEARCH UID 100:*
* SEARCH 5
OK
A> SEARCH NOT UID 2:4
* SEARCH 1 5
OK
A> SEARCH OR 1 UID 5
* SEARCH 1 5
OK
A> SEARCH 0
BAD
A> SEARCH 1:
BAD
A> SEARCH UID
BAD
A> UID SEARCH 2:3
* SEARCH 2 3
OK
A> UID SEARCH UID 2:3 NOT 2
* SEARCH 3
OK
A> SEARCH
BAD
`,
  );
});

test('search-date: the day as it was written, whatever its zone (RFC 9051 6.4.4)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX (\Seen) "24-Mar-2007 23:30:00 -0500" {"From: \"Joe Q\" <joe@Example.ORG>\r\nTo: u1@d.org, grp: g@h.i;\r\nSubject: Hello   World\r\n\tfoo\r\nDate: Sat, 24 Mar 2007 23:30:00 -0500\r\nX-Test: abc\r\nX-Empty:\r\nX-Test: def\r\n\r\nBody Text here\r\nsplit li=\r\nne\r\n"}
OK [APPENDUID … 1]
A> APPEND INBOX (\Flagged $Kw1) "25-Mar-2007 00:30:00 +0300" {"From: =?utf-8?q?J=C3=A4rvi?= <j@x>\r\nCc: Undisclosed: ;\r\nSubject: =?utf-8?b?w4RwcGVs?=\r\n =?utf-8?q?tail?=\r\nDate: Sun, 25 Mar 2007 00:30:00 +0300\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nb=C3=B6dy so=\r\nft end\r\n"}
OK [APPENDUID … 2]
A> APPEND INBOX (\Answered \Deleted \Draft keyw) "25-Mar-2007 12:00:00 +0000" {"From: <route@x>\r\nTo: Sub <sub@d>\r\nSubject: third\r\nDate: 25 Mar 2007 12:00:00 +0000 (comment)\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\nprologue\r\n--q\r\nContent-Type: text/plain\r\nX-Part: partheader\r\n\r\nhidden1\r\n--q\r\nContent-Type: application/octet-stream; name=attname.bin\r\nContent-Transfer-Encoding: base64\r\n\r\naGlkZGVuMg==\r\n--q\r\nContent-Type: message/rfc822\r\n\r\nSubject: embsubj\r\n\r\nembbody\r\n--q--\r\nepilogue\r\n"}
OK [APPENDUID … 3]
A> APPEND INBOX "26-Mar-2007 00:00:00 +0000" {"Subject: nodate\r\n\r\nx\r\n"}
OK [APPENDUID … 4]
A> APPEND INBOX "01-Jan-1999 10:00:00 +1400" {"Subject: baddate\r\nDate: rubbish\r\nFrom:\r\n\r\ny\r\n"}
OK [APPENDUID … 5]
A> SELECT INBOX
…
* 5 EXISTS
…
OK [READ-WRITE]
A> SEARCH SINCE 24-Mar-2007
* SEARCH 1 2 3 4
OK
A> SEARCH SINCE "25-Mar-2007"
* SEARCH 2 3 4
OK
A> SEARCH SINCE 26-mar-2007
* SEARCH 4
OK
A> SEARCH BEFORE 25-Mar-2007
* SEARCH 1 5
OK
A> SEARCH BEFORE 24-Mar-2007
* SEARCH 5
OK
A> SEARCH ON 24-Mar-2007
* SEARCH 1
OK
A> SEARCH ON 25-Mar-2007
* SEARCH 2 3
OK
A> SEARCH ON 01-Jan-1999
* SEARCH 5
OK
A> SEARCH ON 1-Jan-1999
* SEARCH 5
OK
A> SEARCH ON 31-Dec-1998
* SEARCH
OK
A> SEARCH SENTON 24-Mar-2007
* SEARCH 1
OK
A> SEARCH SENTON 25-Mar-2007
* SEARCH 2 3
OK
A> SEARCH SENTSINCE 25-Mar-2007
* SEARCH 2 3
OK
A> SEARCH SENTBEFORE 25-Mar-2007
* SEARCH 1
OK
A> SEARCH SENTBEFORE 1-Jan-2000
* SEARCH
OK
A> SEARCH SENTON 1-Jan-1970
* SEARCH
OK
A> SEARCH NOT SENTSINCE 1-Jan-1990
* SEARCH 4 5
OK
A> SEARCH ON 32-Jan-2007
BAD
A> SEARCH ON 1-Foo-2007
BAD
A> SEARCH ON
BAD
`,
  );
});

test('search-size: above and below, never equal (RFC 9051 6.4.4)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX (\Seen) "24-Mar-2007 23:30:00 -0500" {"From: \"Joe Q\" <joe@Example.ORG>\r\nTo: u1@d.org, grp: g@h.i;\r\nSubject: Hello   World\r\n\tfoo\r\nDate: Sat, 24 Mar 2007 23:30:00 -0500\r\nX-Test: abc\r\nX-Empty:\r\nX-Test: def\r\n\r\nBody Text here\r\nsplit li=\r\nne\r\n"}
OK [APPENDUID … 1]
A> APPEND INBOX (\Flagged $Kw1) "25-Mar-2007 00:30:00 +0300" {"From: =?utf-8?q?J=C3=A4rvi?= <j@x>\r\nCc: Undisclosed: ;\r\nSubject: =?utf-8?b?w4RwcGVs?=\r\n =?utf-8?q?tail?=\r\nDate: Sun, 25 Mar 2007 00:30:00 +0300\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nb=C3=B6dy so=\r\nft end\r\n"}
OK [APPENDUID … 2]
A> APPEND INBOX (\Answered \Deleted \Draft keyw) "25-Mar-2007 12:00:00 +0000" {"From: <route@x>\r\nTo: Sub <sub@d>\r\nSubject: third\r\nDate: 25 Mar 2007 12:00:00 +0000 (comment)\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\nprologue\r\n--q\r\nContent-Type: text/plain\r\nX-Part: partheader\r\n\r\nhidden1\r\n--q\r\nContent-Type: application/octet-stream; name=attname.bin\r\nContent-Transfer-Encoding: base64\r\n\r\naGlkZGVuMg==\r\n--q\r\nContent-Type: message/rfc822\r\n\r\nSubject: embsubj\r\n\r\nembbody\r\n--q--\r\nepilogue\r\n"}
OK [APPENDUID … 3]
A> APPEND INBOX "26-Mar-2007 00:00:00 +0000" {"Subject: nodate\r\n\r\nx\r\n"}
OK [APPENDUID … 4]
A> APPEND INBOX "01-Jan-1999 10:00:00 +1400" {"Subject: baddate\r\nDate: rubbish\r\nFrom:\r\n\r\ny\r\n"}
OK [APPENDUID … 5]
A> SELECT INBOX
…
* 5 EXISTS
…
OK [READ-WRITE]
A> SEARCH LARGER 0
* SEARCH 1 2 3 4 5
OK
A> SEARCH LARGER 22
* SEARCH 1 2 3 5
OK
A> SEARCH LARGER 21
* SEARCH 1 2 3 4 5
OK
A> SEARCH SMALLER 23
* SEARCH 4
OK
A> SEARCH SMALLER 22
* SEARCH
OK
A> SEARCH LARGER 4294967295
* SEARCH
OK
A> SEARCH LARGER 4294967296
BAD
A> SEARCH LARGER -1
BAD
`,
  );
});

test('search-header: values decoded and unfolded, absent and empty fields, every field of a name (RFC 9051 6.4.4)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX (\Seen) "24-Mar-2007 23:30:00 -0500" {"From: \"Joe Q\" <joe@Example.ORG>\r\nTo: u1@d.org, grp: g@h.i;\r\nSubject: Hello   World\r\n\tfoo\r\nDate: Sat, 24 Mar 2007 23:30:00 -0500\r\nX-Test: abc\r\nX-Empty:\r\nX-Test: def\r\n\r\nBody Text here\r\nsplit li=\r\nne\r\n"}
OK [APPENDUID … 1]
A> APPEND INBOX (\Flagged $Kw1) "25-Mar-2007 00:30:00 +0300" {"From: =?utf-8?q?J=C3=A4rvi?= <j@x>\r\nCc: Undisclosed: ;\r\nSubject: =?utf-8?b?w4RwcGVs?=\r\n =?utf-8?q?tail?=\r\nDate: Sun, 25 Mar 2007 00:30:00 +0300\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nb=C3=B6dy so=\r\nft end\r\n"}
OK [APPENDUID … 2]
A> APPEND INBOX (\Answered \Deleted \Draft keyw) "25-Mar-2007 12:00:00 +0000" {"From: <route@x>\r\nTo: Sub <sub@d>\r\nSubject: third\r\nDate: 25 Mar 2007 12:00:00 +0000 (comment)\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\nprologue\r\n--q\r\nContent-Type: text/plain\r\nX-Part: partheader\r\n\r\nhidden1\r\n--q\r\nContent-Type: application/octet-stream; name=attname.bin\r\nContent-Transfer-Encoding: base64\r\n\r\naGlkZGVuMg==\r\n--q\r\nContent-Type: message/rfc822\r\n\r\nSubject: embsubj\r\n\r\nembbody\r\n--q--\r\nepilogue\r\n"}
OK [APPENDUID … 3]
A> APPEND INBOX "26-Mar-2007 00:00:00 +0000" {"Subject: nodate\r\n\r\nx\r\n"}
OK [APPENDUID … 4]
A> APPEND INBOX "01-Jan-1999 10:00:00 +1400" {"Subject: baddate\r\nDate: rubbish\r\nFrom:\r\n\r\ny\r\n"}
OK [APPENDUID … 5]
A> SELECT INBOX
…
* 5 EXISTS
…
OK [READ-WRITE]
A> SEARCH HEADER X-Test abc
* SEARCH 1
OK
A> SEARCH HEADER x-test DEF
* SEARCH 1
OK
A> SEARCH HEADER X-Test bc
* SEARCH 1
OK
A> SEARCH HEADER X-Test abcdef
* SEARCH
OK
A> SEARCH HEADER X-Test ""
* SEARCH 1
OK
A> SEARCH HEADER X-Empty ""
* SEARCH 1
OK
A> SEARCH HEADER X-None ""
* SEARCH
OK
A> SEARCH HEADER X-Empty x
* SEARCH
OK
A> SEARCH HEADER Subject "Hello   World"
* SEARCH 1
OK
A> SEARCH SUBJECT "hello world foo"
* SEARCH 1
OK
A> SEARCH SUBJECT "world foo"
* SEARCH 1
OK
A> SEARCH SUBJECT ""
* SEARCH 1 2 3 4 5
OK
A> SEARCH SUBJECT {"Äppeltail"}
* SEARCH 2
OK
A> SEARCH SUBJECT {"äPPEL"}
* SEARCH 2
OK
A> SEARCH SUBJECT appel
* SEARCH
OK
A> SEARCH CHARSET UTF-8 SUBJECT {"ÄPP"}
* SEARCH 2
OK
A> SEARCH CHARSET iso-8859-1 SUBJECT third
* SEARCH 3
OK
A> SEARCH CHARSET x-unknown ALL
NO [BADCHARSET (US-ASCII UTF-8)]
A> SEARCH CHARSET US-ASCII ALL
* SEARCH 1 2 3 4 5
OK
A> SEARCH HEADER Date 2007
* SEARCH 1 2 3
OK
A> SEARCH HEADER X-Test
BAD
A> SEARCH HEADER
BAD
`,
  );
});

test('search-addresses: names, addresses, groups, and fields without one (RFC 9051 6.4.4)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX (\Seen) "24-Mar-2007 23:30:00 -0500" {"From: \"Joe Q\" <joe@Example.ORG>\r\nTo: u1@d.org, grp: g@h.i;\r\nSubject: Hello   World\r\n\tfoo\r\nDate: Sat, 24 Mar 2007 23:30:00 -0500\r\nX-Test: abc\r\nX-Empty:\r\nX-Test: def\r\n\r\nBody Text here\r\nsplit li=\r\nne\r\n"}
OK [APPENDUID … 1]
A> APPEND INBOX (\Flagged $Kw1) "25-Mar-2007 00:30:00 +0300" {"From: =?utf-8?q?J=C3=A4rvi?= <j@x>\r\nCc: Undisclosed: ;\r\nSubject: =?utf-8?b?w4RwcGVs?=\r\n =?utf-8?q?tail?=\r\nDate: Sun, 25 Mar 2007 00:30:00 +0300\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nb=C3=B6dy so=\r\nft end\r\n"}
OK [APPENDUID … 2]
A> APPEND INBOX (\Answered \Deleted \Draft keyw) "25-Mar-2007 12:00:00 +0000" {"From: <route@x>\r\nTo: Sub <sub@d>\r\nSubject: third\r\nDate: 25 Mar 2007 12:00:00 +0000 (comment)\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\nprologue\r\n--q\r\nContent-Type: text/plain\r\nX-Part: partheader\r\n\r\nhidden1\r\n--q\r\nContent-Type: application/octet-stream; name=attname.bin\r\nContent-Transfer-Encoding: base64\r\n\r\naGlkZGVuMg==\r\n--q\r\nContent-Type: message/rfc822\r\n\r\nSubject: embsubj\r\n\r\nembbody\r\n--q--\r\nepilogue\r\n"}
OK [APPENDUID … 3]
A> APPEND INBOX "26-Mar-2007 00:00:00 +0000" {"Subject: nodate\r\n\r\nx\r\n"}
OK [APPENDUID … 4]
A> APPEND INBOX "01-Jan-1999 10:00:00 +1400" {"Subject: baddate\r\nDate: rubbish\r\nFrom:\r\n\r\ny\r\n"}
OK [APPENDUID … 5]
A> SELECT INBOX
…
* 5 EXISTS
…
OK [READ-WRITE]
A> SEARCH FROM ""
* SEARCH 1 2 3 5
OK
A> SEARCH TO ""
* SEARCH 1 3
OK
A> SEARCH CC ""
* SEARCH 2
OK
A> SEARCH BCC ""
* SEARCH
OK
A> SEARCH FROM joe
* SEARCH 1
OK
A> SEARCH FROM "Joe Q"
* SEARCH 1
OK
A> SEARCH FROM joe@example.org
* SEARCH 1
OK
A> SEARCH FROM "<joe@example.org>"
* SEARCH 1
OK
A> SEARCH FROM {"JÄRVI"}
* SEARCH 2
OK
A> SEARCH FROM route
* SEARCH 3
OK
A> SEARCH TO grp
* SEARCH 1
OK
A> SEARCH TO g@h.i
* SEARCH 1
OK
A> SEARCH TO "u1@d.org"
* SEARCH 1
OK
A> SEARCH TO Sub
* SEARCH 3
OK
A> SEARCH CC Undisclosed
* SEARCH 2
OK
A> SEARCH BCC x
* SEARCH
OK
A> SEARCH NOT FROM joe
* SEARCH 2 3 4 5
OK
`,
  );
});

test('search-body: decoded text of every part, BODY without the header, TEXT with it (RFC 9051 6.4.4)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX (\Seen) "24-Mar-2007 23:30:00 -0500" {"From: \"Joe Q\" <joe@Example.ORG>\r\nTo: u1@d.org, grp: g@h.i;\r\nSubject: Hello   World\r\n\tfoo\r\nDate: Sat, 24 Mar 2007 23:30:00 -0500\r\nX-Test: abc\r\nX-Empty:\r\nX-Test: def\r\n\r\nBody Text here\r\nsplit li=\r\nne\r\n"}
OK [APPENDUID … 1]
A> APPEND INBOX (\Flagged $Kw1) "25-Mar-2007 00:30:00 +0300" {"From: =?utf-8?q?J=C3=A4rvi?= <j@x>\r\nCc: Undisclosed: ;\r\nSubject: =?utf-8?b?w4RwcGVs?=\r\n =?utf-8?q?tail?=\r\nDate: Sun, 25 Mar 2007 00:30:00 +0300\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nb=C3=B6dy so=\r\nft end\r\n"}
OK [APPENDUID … 2]
A> APPEND INBOX (\Answered \Deleted \Draft keyw) "25-Mar-2007 12:00:00 +0000" {"From: <route@x>\r\nTo: Sub <sub@d>\r\nSubject: third\r\nDate: 25 Mar 2007 12:00:00 +0000 (comment)\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\nprologue\r\n--q\r\nContent-Type: text/plain\r\nX-Part: partheader\r\n\r\nhidden1\r\n--q\r\nContent-Type: application/octet-stream; name=attname.bin\r\nContent-Transfer-Encoding: base64\r\n\r\naGlkZGVuMg==\r\n--q\r\nContent-Type: message/rfc822\r\n\r\nSubject: embsubj\r\n\r\nembbody\r\n--q--\r\nepilogue\r\n"}
OK [APPENDUID … 3]
A> APPEND INBOX "26-Mar-2007 00:00:00 +0000" {"Subject: nodate\r\n\r\nx\r\n"}
OK [APPENDUID … 4]
A> APPEND INBOX "01-Jan-1999 10:00:00 +1400" {"Subject: baddate\r\nDate: rubbish\r\nFrom:\r\n\r\ny\r\n"}
OK [APPENDUID … 5]
A> SELECT INBOX
…
* 5 EXISTS
…
OK [READ-WRITE]
A> SEARCH TEXT hello
* SEARCH 1
OK
A> SEARCH TEXT "X-Test: abc"
* SEARCH 1
OK
A> SEARCH TEXT partheader
* SEARCH 3
OK
A> SEARCH TEXT hidden1
* SEARCH 3
OK
A> SEARCH TEXT hidden2
* SEARCH
OK
A> SEARCH TEXT attname
* SEARCH 3
OK
A> SEARCH TEXT embsubj
* SEARCH 3
OK
A> SEARCH TEXT embbody
* SEARCH 3
OK
A> SEARCH TEXT ""
* SEARCH 1 2 3 4 5
OK
A> SEARCH BODY ""
* SEARCH 1 2 3 4 5
OK
A> SEARCH BODY hello
* SEARCH
OK
A> SEARCH BODY partheader
* SEARCH
OK
A> SEARCH BODY hidden1
* SEARCH 3
OK
# Unlike TEXT it matches no header field, nor those of a message in the message.
A> SEARCH BODY embsubj
* SEARCH
OK
A> SEARCH BODY embbody
* SEARCH 3
OK
A> SEARCH BODY "text here"
* SEARCH 1
OK
A> SEARCH BODY li=
* SEARCH 1
OK
A> SEARCH BODY {"bödy soft end"}
* SEARCH 2
OK
A> SEARCH BODY soft TEXT ppel
* SEARCH 2
OK
A> SEARCH NOT BODY hidden1
* SEARCH 1 2 4 5
OK
A> SEARCH OR BODY hidden1 BODY soft
* SEARCH 2 3
OK
`,
  );
});

test('esearch and search-partial: what is returned, and pages of it (RFC 4731 3.1, RFC 9394 3.1)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX (\Seen) "24-Mar-2007 23:30:00 -0500" {"From: \"Joe Q\" <joe@Example.ORG>\r\nTo: u1@d.org, grp: g@h.i;\r\nSubject: Hello   World\r\n\tfoo\r\nDate: Sat, 24 Mar 2007 23:30:00 -0500\r\nX-Test: abc\r\nX-Empty:\r\nX-Test: def\r\n\r\nBody Text here\r\nsplit li=\r\nne\r\n"}
OK [APPENDUID … 1]
A> APPEND INBOX (\Flagged $Kw1) "25-Mar-2007 00:30:00 +0300" {"From: =?utf-8?q?J=C3=A4rvi?= <j@x>\r\nCc: Undisclosed: ;\r\nSubject: =?utf-8?b?w4RwcGVs?=\r\n =?utf-8?q?tail?=\r\nDate: Sun, 25 Mar 2007 00:30:00 +0300\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nb=C3=B6dy so=\r\nft end\r\n"}
OK [APPENDUID … 2]
A> APPEND INBOX (\Answered \Deleted \Draft keyw) "25-Mar-2007 12:00:00 +0000" {"From: <route@x>\r\nTo: Sub <sub@d>\r\nSubject: third\r\nDate: 25 Mar 2007 12:00:00 +0000 (comment)\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\nprologue\r\n--q\r\nContent-Type: text/plain\r\nX-Part: partheader\r\n\r\nhidden1\r\n--q\r\nContent-Type: application/octet-stream; name=attname.bin\r\nContent-Transfer-Encoding: base64\r\n\r\naGlkZGVuMg==\r\n--q\r\nContent-Type: message/rfc822\r\n\r\nSubject: embsubj\r\n\r\nembbody\r\n--q--\r\nepilogue\r\n"}
OK [APPENDUID … 3]
A> APPEND INBOX "26-Mar-2007 00:00:00 +0000" {"Subject: nodate\r\n\r\nx\r\n"}
OK [APPENDUID … 4]
A> APPEND INBOX "01-Jan-1999 10:00:00 +1400" {"Subject: baddate\r\nDate: rubbish\r\nFrom:\r\n\r\ny\r\n"}
OK [APPENDUID … 5]
A> SELECT INBOX
…
* 5 EXISTS
…
OK [READ-WRITE]
A> SEARCH RETURN () ALL
* ESEARCH (TAG "…") ALL 1:5
OK
A> SEARCH RETURN (MIN MAX COUNT) 2:4
* ESEARCH (TAG "…") MIN 2 MAX 4 COUNT 3
OK
A> SEARCH RETURN (ALL) NOT ALL
* ESEARCH (TAG "…")
OK
A> SEARCH RETURN (COUNT) NOT ALL
* ESEARCH (TAG "…") COUNT 0
OK
A> SEARCH RETURN (MIN) NOT ALL
* ESEARCH (TAG "…")
OK
A> SEARCH RETURN (ALL) 1,3:5
* ESEARCH (TAG "…") ALL 1,3:5
OK
A> SEARCH RETURN (SAVE) 2:4
OK
A> SEARCH $
* SEARCH 2 3 4
OK
A> SEARCH RETURN (COUNT) $
* ESEARCH (TAG "…") COUNT 3
OK
A> SEARCH NOT $
* SEARCH 1 5
OK
A> SEARCH RETURN (PARTIAL 1:2) ALL
* ESEARCH (TAG "…") PARTIAL (1:2 1:2)
OK
A> SEARCH RETURN (PARTIAL 3:2) ALL
* ESEARCH (TAG "…") PARTIAL (2:3 2:3)
OK
A> SEARCH RETURN (PARTIAL -1:-2) ALL
* ESEARCH (TAG "…") PARTIAL (-1:-2 4:5)
OK
A> SEARCH RETURN (PARTIAL 10:20) ALL
* ESEARCH (TAG "…") PARTIAL (10:20 NIL)
OK
A> SEARCH RETURN (PARTIAL 2:3) SEEN
* ESEARCH (TAG "…") PARTIAL (2:3 NIL)
OK
A> SEARCH RETURN (PARTIAL 0:1) ALL
BAD
A> SEARCH RETURN (PARTIAL 1:-1) ALL
BAD
A> SEARCH RETURN (BOGUS) ALL
BAD
A> UID SEARCH RETURN (MIN MAX) 2:3
* ESEARCH (TAG "…") UID MIN 2 MAX 3
OK
A> UID SEARCH RETURN (ALL) UID 99
* ESEARCH (TAG "…") UID
OK
`,
  );
});

test('search-context-update: what comes to match and what no longer does, by number and by UID (RFC 5267 4.3)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX (\Seen) "24-Mar-2007 23:30:00 -0500" {"From: \"Joe Q\" <joe@Example.ORG>\r\nTo: u1@d.org, grp: g@h.i;\r\nSubject: Hello   World\r\n\tfoo\r\nDate: Sat, 24 Mar 2007 23:30:00 -0500\r\nX-Test: abc\r\nX-Empty:\r\nX-Test: def\r\n\r\nBody Text here\r\nsplit li=\r\nne\r\n"}
OK [APPENDUID … 1]
A> APPEND INBOX (\Flagged $Kw1) "25-Mar-2007 00:30:00 +0300" {"From: =?utf-8?q?J=C3=A4rvi?= <j@x>\r\nCc: Undisclosed: ;\r\nSubject: =?utf-8?b?w4RwcGVs?=\r\n =?utf-8?q?tail?=\r\nDate: Sun, 25 Mar 2007 00:30:00 +0300\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nb=C3=B6dy so=\r\nft end\r\n"}
OK [APPENDUID … 2]
A> APPEND INBOX (\Answered \Deleted \Draft keyw) "25-Mar-2007 12:00:00 +0000" {"From: <route@x>\r\nTo: Sub <sub@d>\r\nSubject: third\r\nDate: 25 Mar 2007 12:00:00 +0000 (comment)\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\nprologue\r\n--q\r\nContent-Type: text/plain\r\nX-Part: partheader\r\n\r\nhidden1\r\n--q\r\nContent-Type: application/octet-stream; name=attname.bin\r\nContent-Transfer-Encoding: base64\r\n\r\naGlkZGVuMg==\r\n--q\r\nContent-Type: message/rfc822\r\n\r\nSubject: embsubj\r\n\r\nembbody\r\n--q--\r\nepilogue\r\n"}
OK [APPENDUID … 3]
A> APPEND INBOX "26-Mar-2007 00:00:00 +0000" {"Subject: nodate\r\n\r\nx\r\n"}
OK [APPENDUID … 4]
A> APPEND INBOX "01-Jan-1999 10:00:00 +1400" {"Subject: baddate\r\nDate: rubbish\r\nFrom:\r\n\r\ny\r\n"}
OK [APPENDUID … 5]
A> SELECT INBOX
…
* 5 EXISTS
…
OK [READ-WRITE]
B> SELECT INBOX
…
* 5 EXISTS
…
OK [READ-WRITE]
A> SEARCH RETURN (UPDATE COUNT) UNDELETED UNKEYWORD junk
* ESEARCH (TAG "…") COUNT 4
OK
A> SEARCH RETURN (UPDATE CONTEXT ALL) FLAGGED
* ESEARCH (TAG "…") ALL 2
OK
A> UID SEARCH RETURN (UPDATE ALL) SEEN
* ESEARCH (TAG "…") UID ALL 1
OK
B> STORE 4:5 +FLAGS.SILENT (\Flagged \Seen)
OK
A> NOOP
* 4 FETCH (UID 4 FLAGS (\Flagged \Seen \Recent))
* 5 FETCH (UID 5 FLAGS (\Flagged \Seen \Recent))
* ESEARCH (TAG "…") ADDTO (0 4:5)
* ESEARCH (TAG "…") UID ADDTO (0 4:5)
OK
B> STORE 2 -FLAGS.SILENT (\Flagged)
OK
B> STORE 5 +FLAGS.SILENT (junk)
* FLAGS (\Answered \Flagged \Deleted \Seen \Draft $Kw1 keyw junk)
* OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft $Kw1 keyw junk \*)] Flags that are kept
OK
A> NOOP
* FLAGS (\Answered \Flagged \Deleted \Seen \Draft $Kw1 keyw junk)
* OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft $Kw1 keyw junk \*)] Flags that are kept
* 2 FETCH (UID 2 FLAGS (\Recent $Kw1))
* 5 FETCH (UID 5 FLAGS (\Flagged \Seen \Recent junk))
* ESEARCH (TAG "…") REMOVEFROM (0 5)
* ESEARCH (TAG "…") REMOVEFROM (0 2)
OK
A> STORE 1 +FLAGS (\Flagged)
* 1 FETCH (FLAGS (\Flagged \Seen \Recent))
* ESEARCH (TAG "…") ADDTO (0 1)
OK
A> STORE 4 +FLAGS (\Deleted)
* 4 FETCH (FLAGS (\Flagged \Deleted \Seen \Recent))
* ESEARCH (TAG "…") REMOVEFROM (0 4)
OK
A> UID EXPUNGE 4
* ESEARCH (TAG "…") REMOVEFROM (0 4)
* ESEARCH (TAG "…") UID REMOVEFROM (0 4)
* 4 EXPUNGE
* 4 RECENT
OK
A> APPEND INBOX (\Flagged) {"Subject: new\r\n\r\n"}
* 5 EXISTS
* 5 RECENT
* ESEARCH (TAG "…") ADDTO (0 5)
* ESEARCH (TAG "…") ADDTO (0 5)
OK [APPENDUID … 6]
A> CANCELUPDATE "bogus"
OK
A> CLOSE
OK
B> STORE 1 -FLAGS.SILENT (\Flagged)
* 6 EXISTS
* 0 RECENT
* 1 FETCH (UID 1 FLAGS (\Seen))
* 4 FETCH (UID 4 FLAGS (\Flagged \Deleted \Seen))
OK
A> NOOP
OK
`,
  );
});
