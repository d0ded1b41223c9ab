// How mail programs open an account, packet by packet as they send it: each of their commands must be answered OK, in
// its order, and what they go by must be in the answers. Thunderbird and mbsync were recorded with this server; the
// others can't run here, so theirs are put together from what was published, which each names.
import { expect, test } from 'vitest';
import { type ImapServer, message, PASSWORD, startImap } from '#test/support/imap-server.ts';

const PLAIN = Buffer.from(`\0anna@example.test\0${PASSWORD}`).toString('base64');
const LOGIN = `LOGIN "anna@example.test" "${PASSWORD}"`;

/** Sends each packet when the one before is answered; all that the server said. */
async function replay(imap: ImapServer, packets: readonly string[]): Promise<string[]> {
  const client = await imap.connect();
  const lines = [client.greeting];
  for (const packet of packets) {
    const commands = packet.split('\r\n').filter((line) => line !== '');
    client.wire.send(`${commands.join('\r\n')}\r\n`);
    for (const command of commands) {
      const [tag = '', verb = '', argument = ''] = command.split(' ');
      const waits = verb === 'IDLE' || (/^authenticate$/i.test(verb) && command.split(' ').length === 3);
      // DONE and SASL responses have no tag: the answer is that of the command before them.
      if (verb === '') continue;
      for (let answered = false; !answered; ) {
        const { text } = await client.response();
        lines.push(text);
        answered = waits && text.startsWith('+');
        if (text.startsWith(`${tag} `)) {
          expect(text, `${command}${argument === '' ? '' : ' …'}`).toMatch(/^\S+ OK/);
          answered = true;
        }
      }
    }
    const untagged = commands.filter((line) => !line.includes(' '));
    for (const _ of untagged) if (untagged.length === commands.length) lines.push((await client.response()).text);
  }
  return lines;
}

async function filled(): Promise<ImapServer> {
  const imap = await startImap();
  const client = await imap.login();
  for (const subject of ['one', 'two', 'three']) await client.ok('APPEND INBOX', message(subject));
  return imap;
}

const all = (lines: readonly string[], pattern: RegExp) => lines.filter((line) => pattern.test(line));

test('Thunderbird 153 opens an account (recorded with its IMAP log against this server, without COMPRESS)', async () => {
  await using imap = await filled();
  const lines = await replay(imap, [
    '1 capability',
    '12 authenticate PLAIN',
    PLAIN,
    '13 namespace',
    '15 ID ("name" "Thunderbird" "version" "153.7.0")',
    '16 ENABLE UTF8=ACCEPT',
    '17 xlist "" "%"',
    '18 xlist "" "%/%"',
    '19 list (subscribed) "" "*" return (special-use)',
    '22 list "" "INBOX"',
    '59 select "INBOX"',
    '62 getquotaroot "INBOX"',
    '63 UID fetch 1:* (FLAGS)',
    '64 UID fetch 1:3 (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To Received)])',
    '65 UID fetch 1 (UID BODY.PEEK[HEADER.FIELDS (Content-Type Content-Transfer-Encoding)] BODY.PEEK[TEXT]<0.2048>)',
    '66 IDLE',
  ]);
  expect(all(lines, /^\* XLIST .*\\Sent/)).toHaveLength(1);
  expect(all(lines, /^\* LIST .*\\Drafts.*\\Subscribed/)).toHaveLength(1);
  // It takes what follows for the message of the UID that comes first.
  expect(all(lines, /^\* \d FETCH \(UID \d RFC822.SIZE \d+ FLAGS/)).toHaveLength(3);
  expect(lines.at(-1)).toMatch(/^\+ /);
});

test('mbsync 1.4.4 synchronises an account (recorded through a proxy against this server, without COMPRESS)', async () => {
  await using imap = await filled();
  const lines = await replay(imap, [
    `1 ${LOGIN}`,
    '2 NAMESPACE',
    '3 LIST "" "*"',
    '4 SELECT "INBOX"',
    '5 UID FETCH 1:3 (UID FLAGS)',
    // Three in a packet: it does not wait.
    '6 UID FETCH 1 (BODY.PEEK[])\r\n7 UID FETCH 2 (BODY.PEEK[])\r\n8 UID FETCH 3 (BODY.PEEK[])',
    '9 CLOSE',
    '10 SELECT "Archive"',
    '11 CLOSE',
    '12 SELECT "Drafts"',
    '13 CLOSE',
    '22 LOGOUT',
  ]);
  expect(all(lines, /^\* OK \[UIDVALIDITY \d+\]/)).toHaveLength(3);
  expect(all(lines, /^\* \d FETCH \(UID \d BODY\[\] \{\d+\}\)/)).toHaveLength(3);
});

test('Apple Mail of iOS 18 opens an account and goes on after DONE in one packet (from stalwartlabs/stalwart #765 and #1144)', async () => {
  await using imap = await filled();
  const lines = await replay(imap, [
    '1 CAPABILITY',
    `2 AUTHENTICATE PLAIN ${PLAIN}`,
    'A1 ID ("name" "com.apple.email.maild" "version" "3826.200" "os" "iOS" "os-version" "18.0 (22A3354)")',
    // The next two come in one packet.
    'A3 NAMESPACE\r\nA4 LIST "" "*" RETURN (SPECIAL-USE)',
    'A5 SELECT INBOX (CONDSTORE)',
    'A6 UID FETCH 1:* (UID FLAGS MODSEQ) (CHANGEDSINCE 0)',
    'A7 UID SEARCH 1:* NOT DELETED',
    'A8 UID FETCH 1:3 (INTERNALDATE UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (date subject from to cc message-id in-reply-to references content-type)])',
    'A9 FETCH 1 (BODYSTRUCTURE BODY.PEEK[1]<0.393216>)',
    'A10 IDLE',
    'DONE\r\nA11 NOOP',
    'A12 LIST "" "*" RETURN (SPECIAL-USE STATUS (UNSEEN))',
    'A13 IDLE',
    'DONE\r\nA14 LOGOUT',
  ]);
  for (const use of ['Sent', 'Drafts', 'Trash', 'Junk', 'Archive']) {
    expect(all(lines, new RegExp(`^\\* LIST \\([^)]*\\\\${use}[ )]`)).length).toBeGreaterThan(0);
  }
  expect(all(lines, /^\* SEARCH 1 2 3$/)).toHaveLength(1);
  expect(all(lines, /^A10 OK/)).toHaveLength(1);
  expect(all(lines, /^\* STATUS "INBOX" \(UNSEEN 3\)$/)).toHaveLength(1);
});

test('Outlook 2016 opens an account (from MS-STANOIMAP V0054 and V0055, and zone-eu/wildduck #91)', async () => {
  await using imap = await filled();
  const lines = await replay(imap, [
    '1 CAPABILITY',
    `2 ${LOGIN}`,
    '3 CAPABILITY',
    '4 XLIST "" "*"',
    '5 LSUB "" "*"',
    '6 SELECT "INBOX"',
    '7 UID FETCH 1:* (UID FLAGS)',
    '8 UID FETCH 1:3 (UID FLAGS RFC822.SIZE BODY.PEEK[HEADER] INTERNALDATE)',
    '9 UID FETCH 3 (UID FLAGS RFC822.SIZE BODY.PEEK[] INTERNALDATE)',
    '10 UID STORE 3 +FLAGS (\\Seen)',
    '11 UID STORE 2 +FLAGS (\\Deleted)',
    '12 UID EXPUNGE 2',
    '13 IDLE',
    'DONE\r\n14 NOOP',
  ]);
  // It knows its folders by XLIST alone.
  expect(all(lines, /^\* XLIST .*\\(Sent|Drafts|Trash|Spam|Junk)[ )]/).length).toBeGreaterThan(3);
  expect(all(lines, /^\* LSUB /).length).toBeGreaterThan(3);
  expect(all(lines, /^\* 2 EXPUNGE$/)).toHaveLength(1);
});

test('K-9 opens an account (from thunderbird/thunderbird-android #754 and #4426, without COMPRESS)', async () => {
  await using imap = await filled();
  const lines = await replay(imap, [
    '1 CAPABILITY',
    `2 AUTHENTICATE PLAIN ${PLAIN}`,
    '4 ID ("name" "K-9 Mail" "version" "5.8")',
    '5 NAMESPACE',
    '6 LIST "" "*" RETURN (SPECIAL-USE)',
    '7 LSUB "" "*"',
    '8 EXAMINE "INBOX"',
    '9 UID SEARCH 1:3 NOT DELETED',
    '10 UID FETCH 3,2,1 (UID FLAGS)',
    '11 UID FETCH 3,2,1 (UID INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (date subject from content-type to cc reply-to message-id references in-reply-to list-unsubscribe sender X-K9mail-Identity Chat-Version)])',
    '12 UID FETCH 2 (UID BODYSTRUCTURE)',
    '13 UID FETCH 2 (UID BODY.PEEK[1])',
    '14 IDLE',
    'DONE',
    '15 NOOP',
  ]);
  expect(all(lines, /^\* NAMESPACE \(\(/)).toHaveLength(1);
  expect(all(lines, /^\* \d FETCH \(UID \d INTERNALDATE /)).toHaveLength(3);
  expect(all(lines, /^14 OK/)).toHaveLength(1);
});
