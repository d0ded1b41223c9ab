// Mailboxes and their names: LIST, LSUB, SUBSCRIBE, CREATE, RENAME, SELECT; case by case, over a socket.
import { test } from 'vitest';
import { play } from '#test/support/dialogue.ts';
import { startImap } from '#test/support/imap-server.ts';

test('atoms: every character that an astring allows, quoted strings and literals as names (RFC 9051 9)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> CREATE a]b
OK [MAILBOXID …]
A> CREATE a!#$'+,-.;<=>?@^_|~b
OK [MAILBOXID …]
A> CREATE "a{b"
OK [MAILBOXID …]
A> CREATE "q\"uo\\te"
OK [MAILBOXID …]
A> CREATE {"lit eral"}
OK [MAILBOXID …]
A> LIST "" "a*"
* LIST (\HasNoChildren) "/" "a!#$'+,-.;<=>?@^_|~b"
* LIST (\HasNoChildren) "/" "a]b"
* LIST (\HasNoChildren) "/" "a{b"
OK
A> LIST "" {"lit%"}
* LIST (\HasNoChildren) "/" "lit eral"
OK
A> LIST "" "q*"
* LIST (\HasNoChildren) "/" "q\"uo\\te"
OK
A> STATUS "q\"uo\\te" (MESSAGES)
* STATUS "q\"uo\\te" (MESSAGES 0)
OK
A> STATUS {"a]b"} (MESSAGES)
* STATUS "a]b" (MESSAGES 0)
OK
A> CREATE a{b
BAD
A> CREATE a(b
BAD
A> CREATE a"b
BAD
A> CREATE a\b
BAD
A> CREATE a%b
BAD
A> CREATE "a\n"
BAD
A> CREATE
BAD
A> CREATE a b
BAD
`,
  );
});

test('nil: NIL is a mailbox name as any other, and tells case apart (RFC 9051 4.1)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> CREATE NIL
OK [MAILBOXID …]
A> CREATE nil
OK [MAILBOXID …]
A> SUBSCRIBE NIL
OK
A> LIST "" NIL
* LIST (\HasNoChildren) "/" "NIL"
OK
A> LIST "" "N%"
* LIST (\HasNoChildren) "/" "NIL"
OK
A> STATUS "NIL" (MESSAGES)
* STATUS "NIL" (MESSAGES 0)
OK
A> SELECT NIL
…
* 0 EXISTS
…
OK [READ-WRITE]
A> LIST NIL NIL
OK
A> RENAME nil NIL/nil
OK
A> LIST "" *il
* LIST (\HasNoChildren) "/" "NIL/nil"
OK
A> SEARCH FROM NIL
* SEARCH
OK
A> SEARCH HEADER NIL NIL
* SEARCH
OK
A> UID STORE 1 FLAGS NIL
OK
A> FETCH 1 NIL
BAD
A> DELETE NIL/nil
OK
A> DELETE NIL
OK
`,
  );
});

test('mutf7: names are modified UTF-7, one spelling each (RFC 3501 5.1.3)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> CREATE &AOQ-
OK [MAILBOXID …]
A> CREATE &-
OK [MAILBOXID …]
A> CREATE a&-b
OK [MAILBOXID …]
A> CREATE &Jjo-/&ZeVnLIqe-
OK [MAILBOXID …]
A> LIST "" *&*
OK
A> LIST "" "&*/*"
OK
A> LIST "" "&AOQ-"
* LIST (\HasNoChildren) "/" "&AOQ-"
OK
A> STATUS "&Jjo-/&ZeVnLIqe-" (MESSAGES)
* STATUS "&Jjo-/&ZeVnLIqe-" (MESSAGES 0)
OK
# Not closed, padded, of what needs no encoding, two in one's place, half of a surrogate pair.
A> CREATE &AOQ
NO [CANNOT]
A> CREATE &AOQ=-
NO [CANNOT]
A> CREATE &AGE-
NO [CANNOT]
A> CREATE &AOQ-&AOQ-
NO [CANNOT]
A> CREATE &2D0-
NO [CANNOT]
A> CREATE a&b
NO [CANNOT]
A> CREATE &
NO [CANNOT]
`,
  );
});

test('list: the hierarchy, references, wildcards and INBOX in any case (RFC 9051 6.3.9)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> CREATE foo/bar/baz
OK [MAILBOXID …]
A> CREATE inbox/sub
OK [MAILBOXID …]
A> CREATE InBox
NO [ALREADYEXISTS]
A> CREATE ""
NO [CANNOT]
A> CREATE a//b
NO [CANNOT]
A> CREATE /a
NO [CANNOT]
A> CREATE a/
OK [MAILBOXID …]
A> LIST "" ""
* LIST (\Noselect) "/" ""
OK
A> LIST "foo" ""
* LIST (\Noselect) "/" ""
OK
A> LIST foo/ ""
* LIST (\Noselect) "/" ""
OK
A> LIST "foo/" "%"
* LIST (\HasChildren) "/" "foo/bar"
OK
A> LIST "foo/" "*"
* LIST (\HasChildren) "/" "foo/bar"
* LIST (\HasNoChildren) "/" "foo/bar/baz"
OK
A> LIST foo /%
* LIST (\HasChildren) "/" "foo/bar"
OK
A> LIST "" %o
* LIST (\HasChildren) "/" "foo"
OK
A> LIST "" %/%
* LIST (\HasNoChildren) "/" "INBOX/sub"
* LIST (\HasChildren) "/" "foo/bar"
OK
A> LIST "" f%/b%
* LIST (\HasChildren) "/" "foo/bar"
OK
A> LIST "" *ba*
* LIST (\HasChildren) "/" "foo/bar"
* LIST (\HasNoChildren) "/" "foo/bar/baz"
OK
A> LIST "" foo
* LIST (\HasChildren) "/" "foo"
OK
A> LIST "" inbox
* LIST (\HasChildren) "/" "INBOX"
OK
A> LIST "" "inBOX/%"
* LIST (\HasNoChildren) "/" "INBOX/sub"
OK
A> LIST in box
* LIST (\HasChildren) "/" "INBOX"
OK
A> LIST "" INBOX*
* LIST (\HasChildren) "/" "INBOX"
* LIST (\HasNoChildren) "/" "INBOX/sub"
OK
A> LIST "" nothing
OK
A> LIST ""
BAD
A> LIST "" (foo% "")
* LIST (\HasChildren) "/" "foo"
OK
`,
  );
});

test('subscribe: LSUB and what is subscribed (RFC 9051 6.3.7, RFC 3501 6.3.9)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> UNSUBSCRIBE Archive
OK
A> UNSUBSCRIBE Junk
OK
A> UNSUBSCRIBE Templates
OK
A> CREATE foo/bar/baz
OK [MAILBOXID …]
A> SUBSCRIBE foo/bar/baz
OK
A> SUBSCRIBE nonexist
OK
A> LSUB "" *
* LSUB () "/" "Drafts"
* LSUB () "/" "INBOX"
* LSUB () "/" "Sent"
* LSUB () "/" "Trash"
* LSUB () "/" "foo/bar/baz"
* LSUB (\Noselect) "/" "nonexist"
OK
A> LSUB "" %
* LSUB () "/" "Drafts"
* LSUB () "/" "INBOX"
* LSUB () "/" "Sent"
* LSUB () "/" "Trash"
* LSUB (\Noselect) "/" "foo"
* LSUB (\Noselect) "/" "nonexist"
OK
A> LSUB "" foo/%
* LSUB (\Noselect) "/" "foo/bar"
OK
A> LSUB foo/ %
* LSUB (\Noselect) "/" "foo/bar"
OK
A> LSUB "" foo
OK
A> LSUB "" foo/bar/baz
* LSUB () "/" "foo/bar/baz"
OK
A> LSUB "" inb%
* LSUB () "/" "INBOX"
OK
A> UNSUBSCRIBE foo/bar/baz
OK
A> UNSUBSCRIBE never
OK
A> LSUB "" foo*
OK
# The name stays when its mailbox goes.
A> CREATE gone
OK [MAILBOXID …]
A> SUBSCRIBE gone
OK
A> DELETE gone
OK
A> LSUB "" g*
* LSUB (\Noselect) "/" "gone"
OK
A> UNSUBSCRIBE gone
OK
A> LSUB "" g*
OK
`,
  );
});

test('listext: selection and return options (RFC 5258)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> UNSUBSCRIBE Archive
OK
A> UNSUBSCRIBE Junk
OK
A> UNSUBSCRIBE Templates
OK
A> UNSUBSCRIBE Drafts
OK
A> UNSUBSCRIBE Sent
OK
A> UNSUBSCRIBE Trash
OK
A> CREATE Fruit/Apple
OK [MAILBOXID …]
A> CREATE Fruit/Banana
OK [MAILBOXID …]
A> CREATE Tofu
OK [MAILBOXID …]
A> CREATE Vegetable/Broccoli
OK [MAILBOXID …]
A> CREATE Vegetable/Corn
OK [MAILBOXID …]
A> SUBSCRIBE Fruit/Banana
OK
A> SUBSCRIBE Fruit/Peach
OK
A> SUBSCRIBE Vegetable
OK
A> SUBSCRIBE Vegetable/Broccoli
OK
A> LIST (SUBSCRIBED) "" *
* LIST (\HasNoChildren \Subscribed) "/" "INBOX"
* LIST (\HasNoChildren \Subscribed) "/" "Fruit/Banana"
* LIST (\NonExistent \HasNoChildren \Subscribed) "/" "Fruit/Peach"
* LIST (\HasChildren \Subscribed) "/" "Vegetable"
* LIST (\HasNoChildren \Subscribed) "/" "Vegetable/Broccoli"
OK
A> LIST () "" (Fruit Tofu) RETURN (CHILDREN)
* LIST (\HasChildren) "/" "Fruit"
* LIST (\HasNoChildren) "/" "Tofu"
OK
A> LIST "" "Fruit*" RETURN (SUBSCRIBED)
* LIST (\HasChildren) "/" "Fruit"
* LIST (\HasNoChildren) "/" "Fruit/Apple"
* LIST (\HasNoChildren \Subscribed) "/" "Fruit/Banana"
OK
A> LIST (SUBSCRIBED RECURSIVEMATCH) "" %
* LIST (\HasNoChildren \Subscribed) "/" "INBOX"
* LIST (\HasChildren) "/" "Fruit" ("CHILDINFO" ("SUBSCRIBED"))
* LIST (\HasChildren \Subscribed) "/" "Vegetable" ("CHILDINFO" ("SUBSCRIBED"))
OK
A> LIST (SUBSCRIBED RECURSIVEMATCH) "" Fruit RETURN (SUBSCRIBED CHILDREN)
* LIST (\HasChildren) "/" "Fruit" ("CHILDINFO" ("SUBSCRIBED"))
OK
A> LIST (RECURSIVEMATCH SUBSCRIBED) "" Fruit*
* LIST (\HasNoChildren \Subscribed) "/" "Fruit/Banana"
* LIST (\NonExistent \HasNoChildren \Subscribed) "/" "Fruit/Peach"
OK
A> LIST (SUBSCRIBED REMOTE) "" V%
* LIST (\HasChildren \Subscribed) "/" "Vegetable"
OK
A> LIST (RECURSIVEMATCH) "" %
BAD
A> LIST (REMOTE RECURSIVEMATCH) "" %
BAD
A> LIST (SUBSCRIBED BOGUS) "" %
BAD
A> LIST "" % RETURN (BOGUS)
BAD
A> LIST "" T% RETURN (STATUS (MESSAGES UNSEEN))
* LIST (\HasNoChildren) "/" "Templates"
* STATUS "Templates" (MESSAGES 0 UNSEEN 0)
* LIST (\HasNoChildren) "/" "Tofu"
* STATUS "Tofu" (MESSAGES 0 UNSEEN 0)
* LIST (\HasNoChildren \Trash) "/" "Trash"
* STATUS "Trash" (MESSAGES 0 UNSEEN 0)
OK
A> LIST (SUBSCRIBED) "" (Fruit/% V*) RETURN (STATUS (MESSAGES))
* LIST (\HasNoChildren \Subscribed) "/" "Fruit/Banana"
* STATUS "Fruit/Banana" (MESSAGES 0)
* LIST (\NonExistent \HasNoChildren \Subscribed) "/" "Fruit/Peach"
* LIST (\HasChildren \Subscribed) "/" "Vegetable"
* STATUS "Vegetable" (MESSAGES 0)
* LIST (\HasNoChildren \Subscribed) "/" "Vegetable/Broccoli"
* STATUS "Vegetable/Broccoli" (MESSAGES 0)
OK
`,
  );
});

test('uidvalidity: a mailbox that is made again begins anew (RFC 9051 2.3.1.1)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> CREATE one
OK [MAILBOXID …]
A> STATUS one (UIDVALIDITY)
* STATUS "one" (UIDVALIDITY …)
OK
A> LIST "" one
* LIST (\HasNoChildren) "/" "one"
OK
A> DELETE one
OK
A> CREATE one
OK [MAILBOXID …]
A> STATUS one (UIDVALIDITY)
* STATUS "one" (UIDVALIDITY …)
OK
`,
  );
});

test('uidvalidity-rename: what is renamed stays itself, what takes its name is another (RFC 9051 2.3.1.1, 6.3.6)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> CREATE one/sub
OK [MAILBOXID …]
A> APPEND one {"Subject: x\r\n\r\n"}
OK [APPENDUID … 1]
A> STATUS one (UIDVALIDITY UIDNEXT)
* STATUS "one" (UIDVALIDITY «v» UIDNEXT 2)
OK
A> RENAME one two
OK
A> STATUS two (UIDVALIDITY UIDNEXT MESSAGES)
* STATUS "two" (UIDVALIDITY «v» UIDNEXT 2 MESSAGES 1)
OK
A> LIST "" two*
* LIST (\HasChildren) "/" "two"
* LIST (\HasNoChildren) "/" "two/sub"
OK
A> STATUS one (MESSAGES)
NO [NONEXISTENT]
A> CREATE one
OK [MAILBOXID …]
A> STATUS one (UIDNEXT MESSAGES)
* STATUS "one" (UIDNEXT 1 MESSAGES 0)
OK
A> RENAME one two
NO [ALREADYEXISTS]
A> RENAME one one/below
NO [CANNOT]
A> RENAME nosuch three
NO [NONEXISTENT]
A> RENAME two/sub deep/er/sub
OK
A> LIST "" deep*
* LIST (\HasChildren) "/" "deep"
* LIST (\HasChildren) "/" "deep/er"
* LIST (\HasNoChildren) "/" "deep/er/sub"
OK
# Of INBOX the messages are moved, and it stays (RFC 9051 6.3.6).
A> APPEND INBOX {"Subject: y\r\n\r\n"}
OK [APPENDUID … 1]
A> RENAME inbox old
OK
A> STATUS old (MESSAGES)
* STATUS "old" (MESSAGES 1)
OK
A> STATUS INBOX (MESSAGES UIDNEXT)
* STATUS "INBOX" (MESSAGES 0 UIDNEXT 2)
OK
A> RENAME old INBOX
NO [ALREADYEXISTS]
A> DELETE INBOX
NO [CANNOT]
A> DELETE nosuch
NO [NONEXISTENT]
`,
  );
});

test('select: what is told, what is left and what a failed one leaves (RFC 9051 6.3.2, RFC 3501 6.3.1)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> SELECT nosuch
NO [NONEXISTENT]
A> FETCH 1 FLAGS
BAD
A> EXAMINE INBOX
…
* 0 EXISTS
…
OK [READ-ONLY]
B> APPEND INBOX {"Subject: x\r\n\r\n"}
OK [APPENDUID … 1]
A> NOOP
* 1 EXISTS
* 1 RECENT
OK
A> STORE 1 +FLAGS (\Seen)
NO
A> EXPUNGE
NO
A> FETCH 1 BODY[TEXT]
* 1 FETCH (BODY[TEXT] {""})
OK
A> FETCH 1 FLAGS
* 1 FETCH (FLAGS (\Recent))
OK
A> COPY 1 Sent
OK [COPYUID … 1 1]
A> SELECT inbox
…
* 1 EXISTS
…
OK [READ-WRITE]
A> FETCH 1 BODY[TEXT]
* 1 FETCH (BODY[TEXT] {""} FLAGS (\Seen \Recent))
OK
A> SELECT nosuch
* OK [CLOSED] Left
NO [NONEXISTENT]
A> FETCH 1 FLAGS
BAD
A> CLOSE
BAD
A> UNSELECT
BAD
A> EXPUNGE
BAD
A> STATUS INBOX (MESSAGES UNSEEN RECENT)
* STATUS "INBOX" (MESSAGES 1 UNSEEN 0 RECENT 0)
OK
A> STATUS inbox (MESSAGES MESSAGES)
* STATUS "INBOX" (MESSAGES 1)
OK
A> STATUS INBOX ()
BAD
A> STATUS INBOX (BOGUS)
BAD
A> STATUS nosuch (MESSAGES)
NO [NONEXISTENT]
`,
  );
});

test('close and logout: CLOSE expunges in silence, LOGOUT says BYE (RFC 9051 6.4.1, 6.1.3)', async () => {
  await using imap = await startImap();
  await play(
    imap,
    String.raw`
A> APPEND INBOX (\Deleted) {"Subject: x\r\n\r\n"}
OK [APPENDUID … 1]
A> APPEND INBOX {"Subject: y\r\n\r\n"}
OK [APPENDUID … 2]
A> EXAMINE INBOX
…
* 2 EXISTS
…
OK [READ-ONLY]
A> CLOSE
OK
A> STATUS INBOX (MESSAGES)
* STATUS "INBOX" (MESSAGES 2)
OK
A> SELECT INBOX
…
* 2 EXISTS
…
OK [READ-WRITE]
A> CLOSE
OK
A> STATUS INBOX (MESSAGES)
* STATUS "INBOX" (MESSAGES 1)
OK
A> LOGOUT now
BAD
A> LOGOUT
* BYE Logging out
OK
`,
  );
});
