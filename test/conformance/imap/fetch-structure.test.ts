// ENVELOPE, BODY and BODYSTRUCTURE of what mail looks like; case by case, over a socket.
import { test } from 'vitest';
import { play } from '#test/support/dialogue.ts';
import { startImap } from '#test/support/imap-server.ts';

test('fetch-envelope: every field, groups, routes, comments, quoted strings, what is empty and what is missing (RFC 9051 7.5.2)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX {"Message-ID: <msg@id>\r\nIn-Reply-To: <reply@to.id>\r\nDate: Thu, 15 Feb 2007 01:02:03 +0200\r\nSubject: subject header\r\nFrom: From Real <fromuser@fromdomain.org>\r\nTo: To Real <touser@todomain.org>\r\nCc: Cc Real <ccuser@ccdomain.org>\r\nBcc: Bcc Real <bccuser@bccdomain.org>\r\nSender: Sender Real <senderuser@senderdomain.org>\r\nReply-To: ReplyTo Real <replytouser@replytodomain.org>\r\n\r\nbody\r\n"}
OK [APPENDUID … 1]
A> APPEND INBOX {"Date: Thu, 15 Feb 2007 01:02:03 +0200\r\nFrom: user@domain (Real Name)\r\nTo: group: g1@d1.org, g2@d2.org;, group2: g3@d3.org;\r\nCc: Undisclosed recipients:;\r\n\r\nbody\r\n"}
OK [APPENDUID … 2]
A> APPEND INBOX {"From: <@route.org:user@domain>\r\nTo: \"Quoted, Name\" <q@x>, =?utf-8?q?=C3=84?= <e@x>, \"q\\\"uo\" <w@x>, \"weird local\"@x, 'single' <s@y.z>\r\nSubject: back\\slash \"quote\"\r\n folded\r\n\r\nbody\r\n"}
OK [APPENDUID … 3]
A> APPEND INBOX {"From: A (comment (nested)) <a.b@[1.2.3.4]>\r\nTo: nohost, user@, a@b (c) , (d) e@f\r\nReply-To: \r\nSender: \"\" <x@y>\r\nSubject:\r\nMessage-ID: \r\nIn-Reply-To:\r\nDate: \r\n\r\nbody\r\n"}
OK [APPENDUID … 4]
A> APPEND INBOX {"To: first@to\r\nTo: second@to\r\nSubject: no From at all\r\n\r\nbody\r\n"}
OK [APPENDUID … 5]
A> SELECT INBOX
…
* 5 EXISTS
…
OK [READ-WRITE]
A> FETCH 1 ENVELOPE
* 1 FETCH (ENVELOPE ("Thu, 15 Feb 2007 01:02:03 +0200" "subject header" (("From Real" NIL "fromuser" "fromdomain.org")) (("Sender Real" NIL "senderuser" "senderdomain.org")) (("ReplyTo Real" NIL "replytouser" "replytodomain.org")) (("To Real" NIL "touser" "todomain.org")) (("Cc Real" NIL "ccuser" "ccdomain.org")) (("Bcc Real" NIL "bccuser" "bccdomain.org")) "<reply@to.id>" "<msg@id>"))
OK
A> FETCH 2 ENVELOPE
* 2 FETCH (ENVELOPE ("Thu, 15 Feb 2007 01:02:03 +0200" NIL (("Real Name" NIL "user" "domain")) (("Real Name" NIL "user" "domain")) (("Real Name" NIL "user" "domain")) ((NIL NIL "group" NIL)(NIL NIL "g1" "d1.org")(NIL NIL "g2" "d2.org")(NIL NIL NIL NIL)(NIL NIL "group2" NIL)(NIL NIL "g3" "d3.org")(NIL NIL NIL NIL)) ((NIL NIL "Undisclosed recipients" NIL)(NIL NIL NIL NIL)) NIL NIL NIL))
OK
A> FETCH 3 ENVELOPE
* 3 FETCH (ENVELOPE (NIL "back\\slash \"quote\" folded" ((NIL "@route.org" "user" "domain")) ((NIL "@route.org" "user" "domain")) ((NIL "@route.org" "user" "domain")) (("Quoted, Name" NIL "q" "x")("=?utf-8?q?=C3=84?=" NIL "e" "x")("q\"uo" NIL "w" "x")(NIL NIL "weird local" "x")("'single'" NIL "s" "y.z")) NIL NIL NIL NIL))
OK
A> FETCH 4 ENVELOPE
* 4 FETCH (ENVELOPE ("" "" (("A" NIL "a.b" "[1.2.3.4]")) ((NIL NIL "x" "y")) (("A" NIL "a.b" "[1.2.3.4]")) ((NIL NIL "nohost" "")(NIL NIL "user" "")("c" NIL "a" "b")("d" NIL "e" "f")) NIL NIL "" ""))
OK
A> FETCH 5 ENVELOPE
* 5 FETCH (ENVELOPE (NIL "no From at all" NIL NIL NIL ((NIL NIL "first" "to")(NIL NIL "second" "to")) NIL NIL NIL NIL))
OK
`,
  );
});

test('fetch-bodystructure: nested parts, their extension data and their sizes (RFC 9051 7.5.2)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX {"From: o@x\r\nSubject: o\r\nContent-Type: message/rfc822\r\nX-o: 1\r\n\r\nFrom: m@x\r\nSubject: m\r\nContent-Type: message/rfc822\r\nX-m: 1\r\n\r\nFrom: i@x\r\nSubject: i\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX-p: 1\r\n\r\npart1\r\n--b\r\nContent-Type: text/html; charset=utf-8; format=flowed\r\nContent-ID: <cid@x>\r\nContent-Description: des \"c\" ript\r\nContent-MD5: md5\r\nContent-Disposition: inline; filename=foo; size=3\r\nContent-Language: en, fi\r\nContent-Location: http://l\r\n\r\n<p>\r\n--b--\r\n"}
OK [APPENDUID … 1]
A> APPEND INBOX {"From: a@b.c\r\nSubject: outer\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=OO\r\n\r\n--OO\r\nContent-Type: text/plain\r\n\r\nfirst\r\n\r\n--OO\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment; filename=\"x.eml\"\r\n\r\nFrom: in@x.org\r\nTo: you@y.org\r\nSubject: inner\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=\"II\"\r\n\r\npre\r\n--II\r\nContent-Type: text/plain; charset=us-ascii\r\nX-a: b\r\n\r\ninner text 1\r\n--II\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+aGk8L2I+\r\n--II--\r\nepi\r\n\r\n--OO\r\nContent-Type: message/rfc822\r\n\r\nSubject: plain inner\r\n\r\nplain inner body\r\n\r\n--OO--\r\n"}
OK [APPENDUID … 2]
A> APPEND INBOX {"From: a\r\nSubject: digest\r\nContent-Type: multipart/digest; boundary=d\r\n\r\n--d\r\n\r\nSubject: one\r\n\r\nbody one\r\n--d\r\nContent-Type: text/plain; format=flowed\r\n\r\ntext\r\n--d--\r\n"}
OK [APPENDUID … 3]
A> APPEND INBOX {"Subject: odd\r\nContent-Type: TEXT/Html; CHARSET=\"iso-8859-1\"; name=\"a\\\"b\"\r\nContent-Transfer-Encoding: BASE64\r\nContent-Disposition: attachment\r\n\r\nPGI+\r\n"}
OK [APPENDUID … 4]
A> SELECT INBOX
…
* 4 EXISTS
…
OK [READ-WRITE]
A> FETCH 1 BODY
* 1 FETCH (BODY ("message" "rfc822" NIL NIL NIL "7bit" 406 (NIL "m" ((NIL NIL "m" "x")) ((NIL NIL "m" "x")) ((NIL NIL "m" "x")) NIL NIL NIL NIL NIL) ("message" "rfc822" NIL NIL NIL "7bit" 343 (NIL "i" ((NIL NIL "i" "x")) ((NIL NIL "i" "x")) ((NIL NIL "i" "x")) NIL NIL NIL NIL NIL) (("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 5 0)("text" "html" ("charset" "utf-8" "format" "flowed") "<cid@x>" "des \"c\" ript" "7bit" 3 0) "mixed") 19) 24))
OK
A> FETCH 1 BODYSTRUCTURE
* 1 FETCH (BODYSTRUCTURE ("message" "rfc822" NIL NIL NIL "7bit" 406 (NIL "m" ((NIL NIL "m" "x")) ((NIL NIL "m" "x")) ((NIL NIL "m" "x")) NIL NIL NIL NIL NIL) ("message" "rfc822" NIL NIL NIL "7bit" 343 (NIL "i" ((NIL NIL "i" "x")) ((NIL NIL "i" "x")) ((NIL NIL "i" "x")) NIL NIL NIL NIL NIL) (("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 5 0 NIL NIL NIL NIL)("text" "html" ("charset" "utf-8" "format" "flowed") "<cid@x>" "des \"c\" ript" "7bit" 3 0 "md5" ("inline" ("filename" "foo" "size" "3")) ("en" "fi") "http://l") "mixed" ("boundary" "b") NIL NIL NIL) 19 NIL NIL NIL NIL) 24 NIL NIL NIL NIL))
OK
A> FETCH 2 BODY
* 2 FETCH (BODY (("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 7 1)("message" "rfc822" NIL NIL NIL "7bit" 294 (NIL "inner" ((NIL NIL "in" "x.org")) ((NIL NIL "in" "x.org")) ((NIL NIL "in" "x.org")) ((NIL NIL "you" "y.org")) NIL NIL NIL NIL) (("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 12 0)("text" "html" ("charset" "us-ascii") NIL NIL "base64" 12 0) "alternative") 19)("message" "rfc822" NIL NIL NIL "7bit" 42 (NIL "plain inner" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 18 1) 3) "mixed"))
OK
A> FETCH 2 BODYSTRUCTURE
* 2 FETCH (BODYSTRUCTURE (("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 7 1 NIL NIL NIL NIL)("message" "rfc822" NIL NIL NIL "7bit" 294 (NIL "inner" ((NIL NIL "in" "x.org")) ((NIL NIL "in" "x.org")) ((NIL NIL "in" "x.org")) ((NIL NIL "you" "y.org")) NIL NIL NIL NIL) (("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 12 0 NIL NIL NIL NIL)("text" "html" ("charset" "us-ascii") NIL NIL "base64" 12 0 NIL NIL NIL NIL) "alternative" ("boundary" "II") NIL NIL NIL) 19 NIL ("attachment" ("filename" "x.eml")) NIL NIL)("message" "rfc822" NIL NIL NIL "7bit" 42 (NIL "plain inner" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 18 1 NIL NIL NIL NIL) 3 NIL NIL NIL NIL) "mixed" ("boundary" "OO") NIL NIL NIL))
OK
A> FETCH 3 BODY
* 3 FETCH (BODY (("message" "rfc822" NIL NIL NIL "7bit" 24 (NIL "one" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 8 0) 2)("text" "plain" ("format" "flowed" "charset" "us-ascii") NIL NIL "7bit" 4 0) "digest"))
OK
A> FETCH 3 BODYSTRUCTURE
* 3 FETCH (BODYSTRUCTURE (("message" "rfc822" NIL NIL NIL "7bit" 24 (NIL "one" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 8 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL)("text" "plain" ("format" "flowed" "charset" "us-ascii") NIL NIL "7bit" 4 0 NIL NIL NIL NIL) "digest" ("boundary" "d") NIL NIL NIL))
OK
A> FETCH 4 BODY
* 4 FETCH (BODY ("text" "html" ("charset" "iso-8859-1" "name" "a\"b") NIL NIL "base64" 6 1))
OK
A> FETCH 4 BODYSTRUCTURE
* 4 FETCH (BODYSTRUCTURE ("text" "html" ("charset" "iso-8859-1" "name" "a\"b") NIL NIL "base64" 6 1 NIL ("attachment" NIL) NIL NIL))
OK
`,
  );
});
