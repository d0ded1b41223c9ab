// SORT and THREAD of odd mail, case by case, over a socket.
import { test } from 'vitest';
import { play } from '#test/support/dialogue.ts';
import { startImap } from '#test/support/imap-server.ts';

test('thread: references lost, repeated, in circles and in no order; subjects gathered afterwards (RFC 5256 3)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX {"Message-ID: <a@x>\r\nSubject: A\r\nDate: Thu, 15 Feb 2007 01:01:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 1]
A> APPEND INBOX {"Message-ID: <b@x>\r\nSubject: Re: A\r\nReferences: <a@x>\r\nDate: Thu, 15 Feb 2007 01:02:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 2]
A> APPEND INBOX {"Message-ID: <c@x>\r\nSubject: Re: A\r\nReferences: <a@x> <b@x>\r\nDate: Thu, 15 Feb 2007 01:03:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 3]
A> APPEND INBOX {"Message-ID: <d@x>\r\nSubject: Re: A\r\nReferences: <a@x> <zz@x>\r\nDate: Thu, 15 Feb 2007 01:04:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 4]
A> APPEND INBOX {"Message-ID: <e@x>\r\nSubject: Re: A\r\nReferences: <missing1@x>\r\nDate: Thu, 15 Feb 2007 01:05:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 5]
A> APPEND INBOX {"Message-ID: <f@x>\r\nSubject: x\r\nReferences: <missing1@x>\r\nDate: Thu, 15 Feb 2007 01:06:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 6]
A> APPEND INBOX {"Message-ID: <g@x>\r\nSubject: x2\r\nReferences: <missing2@x> <missing3@x>\r\nDate: Thu, 15 Feb 2007 01:07:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 7]
A> APPEND INBOX {"Message-ID: <h@x>\r\nSubject: h\r\nIn-Reply-To: <g@x>\r\nDate: Thu, 15 Feb 2007 01:08:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 8]
A> APPEND INBOX {"Message-ID: <i@x>\r\nSubject: Re: h\r\nReferences: <h@x> <g@x>\r\nDate: Thu, 15 Feb 2007 01:09:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 9]
A> APPEND INBOX {"Message-ID: <a@x>\r\nSubject: dup id\r\nDate: Thu, 15 Feb 2007 01:10:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 10]
A> APPEND INBOX {"Message-ID: <loop1@x>\r\nSubject: l\r\nReferences: <loop2@x>\r\nDate: Thu, 15 Feb 2007 01:11:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 11]
A> APPEND INBOX {"Message-ID: <loop2@x>\r\nSubject: l2\r\nReferences: <loop1@x>\r\nDate: Thu, 15 Feb 2007 01:12:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 12]
A> APPEND INBOX {"Message-ID: <self@x>\r\nSubject: s\r\nReferences: <self@x>\r\nDate: Thu, 15 Feb 2007 01:13:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 13]
A> APPEND INBOX {"Subject: nomid\r\nDate: Thu, 15 Feb 2007 01:14:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 14]
A> APPEND INBOX {"Message-ID: <k@x>\r\nSubject: Re: nomid\r\nDate: Thu, 15 Feb 2007 01:15:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 15]
A> APPEND INBOX {"Message-ID: <l@x>\r\nSubject: nomid\r\nDate: Thu, 15 Feb 2007 01:16:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 16]
A> APPEND INBOX {"Message-ID: <p@x>\r\nSubject: Re: Re: [list] Fwd: nomid (fwd)\r\nDate: Thu, 15 Feb 2007 01:17:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 17]
A> APPEND INBOX {"Message-ID: <q@x>\r\nDate: Thu, 15 Feb 2007 01:18:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 18]
A> APPEND INBOX {"Message-ID: <r@x>\r\nSubject: \r\nDate: Thu, 15 Feb 2007 01:19:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 19]
A> APPEND INBOX {"Message-ID: <s@x>\r\nSubject: Re:\r\nDate: Thu, 15 Feb 2007 01:20:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 20]
A> APPEND INBOX {"Message-ID: <t@x>\r\nSubject: [fwd: zeta]\r\nDate: Thu, 15 Feb 2007 01:21:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 21]
A> APPEND INBOX {"Message-ID: <u@x>\r\nSubject: zeta\r\nDate: Thu, 15 Feb 2007 01:22:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 22]
A> APPEND INBOX {"Message-ID: <v@x>\r\nSubject: Re: zeta\r\nDate: Thu, 15 Feb 2007 01:23:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 23]
A> APPEND INBOX {"Message-ID: <w@x>\r\nSubject: Fw: zeta\r\nReferences: <unk1@x>\r\nDate: Thu, 15 Feb 2007 01:24:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 24]
A> APPEND INBOX {"Message-ID: <y@x>\r\nSubject: other\r\nReferences: <unk2@x>\r\nDate: Thu, 15 Feb 2007 01:25:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 25]
A> APPEND INBOX {"Message-ID: <z@x>\r\nSubject: Re: other\r\nReferences: <unk3@x>\r\nDate: Thu, 15 Feb 2007 01:26:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 26]
A> APPEND INBOX {"Message-ID: <aa@x>\r\nSubject: third\r\nReferences: <q1@x> <q2@x> <q3@x>\r\nDate: Thu, 15 Feb 2007 01:27:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 27]
A> APPEND INBOX {"Message-ID: <ab@x>\r\nSubject: fourth\r\nReferences: <q1@x> <q2@x>\r\nDate: Thu, 15 Feb 2007 01:28:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 28]
A> APPEND INBOX {"Message-ID: <ac@x>\r\nSubject: fifth\r\nReferences: <q2@x> <q1@x>\r\nDate: Thu, 15 Feb 2007 01:29:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 29]
A> APPEND INBOX {"Message-ID: <ad@x>\r\nSubject: six\r\nIn-Reply-To: foo <a@x> bar <b@x>\r\nDate: Thu, 15 Feb 2007 01:30:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 30]
A> APPEND INBOX {"Message-ID: <ae@x>\r\nSubject: seven\r\nReferences: <\"quoted\"@x@x>\r\nDate: Thu, 15 Feb 2007 01:31:03 +0200\r\n\r\nb\r\n"}
OK [APPENDUID … 31]
A> SELECT INBOX
…
* 31 EXISTS
…
OK [READ-WRITE]
A> THREAD REFERENCES UTF-8 ALL
* THREAD ((1 (2 3)(4)(30))(5)(6))(7 (8)(9))(10)(12 11)(13)((14 15)(16)(17))(18)(19)(20)(22 (21)(23)(24))(25 26)((27)(28)(29))(31)
OK
A> THREAD ORDEREDSUBJECT UTF-8 ALL
* THREAD (1 (2)(3)(4)(5))(6)(7)(8 9)(10)(11)(12)(13)(14 (15)(16)(17))(18 (19)(20))(21 (22)(23)(24))(25 26)(27)(28)(29)(30)(31)
OK
A> UID THREAD REFERENCES US-ASCII 2:5
* THREAD ((2 3)(4)(5))
OK
A> THREAD REFERENCES UTF-8 NOT ALL
* THREAD
OK
A> THREAD REFS UTF-8 ALL
BAD
A> THREAD REFERENCES X-BOGUS ALL
NO [BADCHARSET (US-ASCII UTF-8)]
A> SORT (SUBJECT) UTF-8 ALL
* SORT 18 19 20 1 2 3 4 5 10 29 28 8 9 11 12 14 15 16 17 25 26 13 31 30 27 6 7 21 22 23 24
OK
A> SORT (REVERSE SUBJECT) UTF-8 ALL
* SORT 21 22 23 24 7 6 27 30 31 13 25 26 14 15 16 17 12 11 8 9 28 29 10 1 2 3 4 5 18 19 20
OK
A> SORT (ARRIVAL) UTF-8 ALL
* SORT 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
OK
A> SORT (DATE) UTF-8 ALL
* SORT 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
OK
A> SORT (SIZE) UTF-8 ALL
* SORT 14 18 19 1 20 22 16 10 23 15 21 8 2 13 6 25 11 12 3 9 24 4 5 17 26 29 28 31 30 27 7
OK
A> SORT (FROM) UTF-8 ALL
* SORT 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
OK
A> SORT (TO) UTF-8 ALL
* SORT 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
OK
A> SORT (CC) UTF-8 ALL
* SORT 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
OK
A> SORT (REVERSE ARRIVAL) UTF-8 ALL
* SORT 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
OK
A> SORT (SUBJECT REVERSE DATE) UTF-8 ALL
* SORT 20 19 18 5 4 3 2 1 10 29 28 9 8 11 12 17 16 15 14 26 25 13 31 30 27 6 7 24 23 22 21
OK
A> SORT (DISPLAYFROM) UTF-8 ALL
* SORT 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
OK
A> SORT (DISPLAYTO) UTF-8 ALL
* SORT 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
OK
A> SORT (REVERSE SIZE DATE) UTF-8 ALL
* SORT 7 27 30 28 31 29 4 5 17 26 3 9 24 12 11 6 25 13 2 8 21 15 23 10 16 22 20 1 19 18 14
OK
`,
  );
});

test('sort: every criterion over odd subjects, addresses and dates, and what RETURN makes of it (RFC 5256 3, RFC 5957, RFC 5267 3)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX " 1-Jan-2007 00:00:00 +0000" {"From: \"Zed\" <a@x>\r\nTo: B <b@y>\r\nCc: group: m@x, n@y;\r\nSubject: b\r\nDate: Thu, 15 Feb 2007 01:02:03 +0200\r\nX-pad: \r\n\r\nb\r\n"}
OK [APPENDUID … 1]
A> APPEND INBOX " 8-Jan-2007 00:00:00 +0000" {"From: =?utf-8?q?=C3=84b?= <c@x>\r\nTo: a.b@c (Comment)\r\nCc: Undisclosed:;\r\nSubject: Re: a\r\nDate: 15 Feb 2007 01:02:03 +0300\r\nX-pad: xxxxx\r\n\r\nb\r\n"}
OK [APPENDUID … 2]
A> APPEND INBOX "15-Jan-2007 00:00:00 +0000" {"From: b@x\r\nTo: group: m@x, n@y;\r\nCc: \r\nSubject: A\r\nDate: Thu, 15 Feb 2007 01:02 +0200\r\nX-pad: xxxxxxxxxx\r\n\r\nb\r\n"}
OK [APPENDUID … 3]
A> APPEND INBOX "22-Jan-2007 00:00:00 +0000" {"From: B <b@y>\r\nTo: Undisclosed:;\r\nCc: <@r:q@w>\r\nSubject: [x] a\r\nDate: Thu, 15 Feb 07 01:02:03 EST\r\nX-pad: xxxx\r\n\r\nb\r\n"}
OK [APPENDUID … 4]
A> APPEND INBOX " 2-Jan-2007 00:00:00 +0000" {"From: a.b@c (Comment)\r\nTo: \r\nCc: ab@c\r\nSubject: re[2]: B\r\nDate: rubbish\r\nX-pad: xxxxxxxxx\r\n\r\nb\r\n"}
OK [APPENDUID … 5]
A> APPEND INBOX " 9-Jan-2007 00:00:00 +0000" {"From: group: m@x, n@y;\r\nTo: <@r:q@w>\r\nCc: AB@d\r\nSubject: (fwd) c\r\nX-pad: xxx\r\n\r\nb\r\n"}
OK [APPENDUID … 6]
A> APPEND INBOX "16-Jan-2007 00:00:00 +0000" {"From: Undisclosed:;\r\nTo: ab@c\r\nCc: \"\" <e@f>\r\nSubject: c (fwd)\r\nDate: Wed, 14 Feb 2007 23:02:03 GMT\r\nX-pad: xxxxxxxx\r\n\r\nb\r\n"}
OK [APPENDUID … 7]
A> APPEND INBOX "23-Jan-2007 00:00:00 +0000" {"From: \r\nTo: AB@d\r\nCc: =?utf-8?b?w6Ri?= <g@h>\r\nSubject: [PATCH] [x]\r\nDate: 14 Feb 2007 23:02:03 -0000\r\nX-pad: xx\r\n\r\nb\r\n"}
OK [APPENDUID … 8]
A> APPEND INBOX " 3-Jan-2007 00:00:00 +0000" {"From: <@r:q@w>\r\nTo: \"\" <e@f>\r\nCc: aa@zz, zz@aa\r\nSubject: =?utf-8?q?=C3=A4?=\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\nX-pad: xxxxxxx\r\n\r\nb\r\n"}
OK [APPENDUID … 9]
A> APPEND INBOX "10-Jan-2007 00:00:00 +0000" {"From: ab@c\r\nTo: =?utf-8?b?w6Ri?= <g@h>\r\nCc: \"Zed\" <a@x>\r\nSubject:    spaced   out \r\nDate: Thu, 15 Feb 2007 01:02:03\r\nX-pad: x\r\n\r\nb\r\n"}
OK [APPENDUID … 10]
A> APPEND INBOX "17-Jan-2007 00:00:00 +0000" {"From: AB@d\r\nTo: aa@zz, zz@aa\r\nCc: =?utf-8?q?=C3=84b?= <c@x>\r\nSubject: \r\nDate: 1 Jan 2038 00:00:00 +0000\r\nX-pad: xxxxxx\r\n\r\nb\r\n"}
OK [APPENDUID … 11]
A> APPEND INBOX "24-Jan-2007 00:00:00 +0000" {"From: \"\" <e@f>\r\nTo: \"Zed\" <a@x>\r\nCc: b@x\r\nSubject: RE : b\r\nDate: 1 Jan 1971 00:00:00 +0000\r\nX-pad: \r\n\r\nb\r\n"}
OK [APPENDUID … 12]
A> APPEND INBOX " 4-Jan-2007 00:00:00 +0000" {"From: =?utf-8?b?w6Ri?= <g@h>\r\nTo: =?utf-8?q?=C3=84b?= <c@x>\r\nCc: B <b@y>\r\nSubject: Fwd: [fwd: c]\r\nDate: 32 Jan 2007 00:00:00 +0000\r\nX-pad: xxxxx\r\n\r\nb\r\n"}
OK [APPENDUID … 13]
A> APPEND INBOX "11-Jan-2007 00:00:00 +0000" {"From: aa@zz, zz@aa\r\nTo: b@x\r\nCc: a.b@c (Comment)\r\nSubject: [ab]\r\nDate: 15 Feb 2007 01:02:03 +0200\r\nX-pad: xxxxxxxxxx\r\n\r\nb\r\n"}
OK [APPENDUID … 14]
A> SELECT INBOX
…
* 14 EXISTS
…
OK [READ-WRITE]
A> SORT (SUBJECT) UTF-8 ALL
* SORT 11 6 2 3 4 9 1 5 12 7 13 10 14 8
OK
A> SORT (REVERSE SUBJECT) UTF-8 ALL
* SORT 8 14 10 7 13 1 5 12 9 2 3 4 6 11
OK
A> SORT (ARRIVAL) UTF-8 ALL
* SORT 1 5 9 13 2 6 10 14 3 7 11 4 8 12
OK
A> SORT (DATE) UTF-8 ALL
* SORT 9 12 5 13 6 2 3 1 7 8 14 10 4 11
OK
A> SORT (REVERSE DATE) UTF-8 ALL
* SORT 11 4 10 1 7 8 14 3 2 6 13 5 12 9
OK
A> SORT (SIZE) UTF-8 ALL
* SORT 6 5 12 3 4 8 1 7 14 11 10 9 2 13
OK
A> SORT (FROM) UTF-8 ALL
* SORT 8 1 5 14 10 11 3 4 2 12 13 6 9 7
OK
A> SORT (TO) UTF-8 ALL
* SORT 5 12 2 11 7 8 1 14 13 9 10 3 6 4
OK
A> SORT (CC) UTF-8 ALL
* SORT 3 10 14 9 5 6 12 13 11 7 8 1 4 2
OK
A> SORT (REVERSE FROM) UTF-8 ALL
* SORT 7 9 6 13 12 2 3 4 10 11 14 5 1 8
OK
A> SORT (REVERSE ARRIVAL) UTF-8 ALL
* SORT 12 8 4 11 7 3 14 10 6 2 13 9 5 1
OK
A> SORT (SUBJECT REVERSE DATE) UTF-8 ALL
* SORT 11 6 4 3 2 9 1 5 12 7 13 10 14 8
OK
A> SORT (DISPLAYFROM) UTF-8 ALL
* SORT 8 14 10 11 2 13 4 3 5 12 6 9 7 1
OK
A> SORT (DISPLAYTO) UTF-8 ALL
* SORT 5 11 7 8 10 13 1 14 2 9 3 6 4 12
OK
A> SORT (REVERSE SIZE DATE) UTF-8 ALL
* SORT 13 2 9 10 11 14 7 1 8 4 3 12 5 6
OK
A> SORT (FROM SUBJECT) UTF-8 ALL
* SORT 8 1 5 14 11 10 3 4 2 12 13 6 9 7
OK
A> SORT RETURN (MIN MAX ALL COUNT) (SIZE) UTF-8 ALL
* ESEARCH (TAG "…") MIN 6 MAX 13 COUNT 14 ALL 6,5,12,3:4,8,1,7,14,11,10,9,2,13
OK
A> SORT RETURN (PARTIAL 2:4) (SIZE) UTF-8 ALL
* ESEARCH (TAG "…") PARTIAL (2:4 5,12,3)
OK
A> SORT RETURN () (REVERSE ARRIVAL) UTF-8 1:5
* ESEARCH (TAG "…") ALL 4,3,2,5,1
OK
A> UID SORT RETURN (ALL) (DATE) UTF-8 ALL
* ESEARCH (TAG "…") UID ALL 9,12,5,13,6,2:3,1,7:8,14,10,4,11
OK
A> SORT RETURN (COUNT) (DATE) UTF-8 NOT ALL
* ESEARCH (TAG "…") COUNT 0
OK
A> SORT RETURN (ALL) (DATE) UTF-8 NOT ALL
* ESEARCH (TAG "…")
OK
A> SORT RETURN (SAVE) (DATE) UTF-8 2:4
OK
A> FETCH $ UID
* 2 FETCH (UID 2)
* 3 FETCH (UID 3)
* 4 FETCH (UID 4)
OK
A> SORT () UTF-8 ALL
BAD
A> SORT (BOGUS) UTF-8 ALL
BAD
A> SORT (DATE) ALL
BAD
A> SORT (DATE) UTF-8
BAD
A> SORT RETURN (PARTIAL 1:3 ALL) (DATE) UTF-8 ALL
BAD
`,
  );
});
