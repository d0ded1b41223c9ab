// LIST and CREATE with their extensions, over a socket; each title begins with the name that CAPABILITY shows.
import { expect, test } from 'vitest';
import { message, startImap } from '#test/support/imap-server.ts';
import type { ImapWire } from '#test/support/wire.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);

/** Subscribed to these names only. */
async function subscribedTo(client: ImapWire, ...names: string[]): Promise<void> {
  for (const text of texts(await client.ok('LSUB "" *'))) await client.ok(`UNSUBSCRIBE ${text.split('"/" ')[1]}`);
  for (const name of names) await client.ok(`SUBSCRIBE ${name}`);
}

test('LIST-EXTENDED: several patterns, selection and return options', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('CREATE Work/Deep/Down');
  await subscribedTo(client, 'INBOX', 'Work/Deep/Down', 'gone');
  expect(texts(await client.ok('LIST (SUBSCRIBED) "" "*"'))).toEqual([
    '* LIST (\\HasNoChildren \\Subscribed) "/" "INBOX"',
    '* LIST (\\HasNoChildren \\Subscribed) "/" "Work/Deep/Down"',
    '* LIST (\\NonExistent \\HasNoChildren \\Subscribed) "/" "gone"',
  ]);
  expect(texts(await client.ok('LIST "" (INBOX Wo% Work/%) RETURN (SUBSCRIBED CHILDREN)'))).toEqual([
    '* LIST (\\HasNoChildren \\Subscribed) "/" "INBOX"',
    '* LIST (\\HasChildren) "/" "Work"',
    '* LIST (\\HasChildren) "/" "Work/Deep"',
  ]);
  expect(texts(await client.ok('LIST (SUBSCRIBED RECURSIVEMATCH) "" W%'))).toEqual([
    '* LIST (\\HasChildren) "/" "Work" ("CHILDINFO" ("SUBSCRIBED"))',
  ]);
  expect(texts(await client.ok('LIST (REMOTE) "" IN%'))).toEqual(['* LIST (\\HasNoChildren) "/" "INBOX"']);
  for (const wrong of ['(RECURSIVEMATCH) "" *', '(NONSENSE) "" *', '"" () RETURN ()', '"" * RETURN (NONSENSE)']) {
    expect((await client.command(`LIST ${wrong}`)).status, wrong).toBe('BAD');
  }
});

test('SPECIAL-USE: as a selection option only those mailboxes are listed', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('CREATE Ordinary');
  expect(texts(await client.ok('LIST (SPECIAL-USE) "" * RETURN (SPECIAL-USE)'))).toEqual([
    '* LIST (\\HasNoChildren \\Archive) "/" "Archive"',
    '* LIST (\\HasNoChildren \\Drafts) "/" "Drafts"',
    '* LIST (\\HasNoChildren \\Junk) "/" "Junk"',
    '* LIST (\\HasNoChildren \\Sent) "/" "Sent"',
    '* LIST (\\HasNoChildren \\Trash) "/" "Trash"',
  ]);
});

test('LIST-STATUS: each STATUS follows its LIST', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX', message('one'));
  await subscribedTo(client, 'INBOX', 'gone');
  expect(texts(await client.ok('LIST (SUBSCRIBED) "" * RETURN (STATUS (MESSAGES UNSEEN) SPECIAL-USE)'))).toEqual([
    '* LIST (\\HasNoChildren \\Subscribed) "/" "INBOX"',
    '* STATUS "INBOX" (MESSAGES 1 UNSEEN 1)',
    '* LIST (\\NonExistent \\HasNoChildren \\Subscribed) "/" "gone"',
  ]);
});

test('STATUS=SIZE: the sum of what RFC822.SIZE says', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const [one, two] = [message('one'), message('two', 'x'.repeat(100_000))];
  for (const bytes of [one, two]) await client.ok('APPEND INBOX', bytes);
  const size = one.length + two.length;
  expect(texts(await client.ok('STATUS INBOX (SIZE)'))).toEqual([`* STATUS "INBOX" (SIZE ${size})`]);
  await client.ok('SELECT INBOX');
  await client.ok('STORE 1 +FLAGS (\\Deleted)');
  await client.ok('EXPUNGE');
  expect(texts(await client.ok('STATUS INBOX (SIZE)'))).toEqual([`* STATUS "INBOX" (SIZE ${two.length})`]);
});

test('CREATE-SPECIAL-USE: a use that is taken, or that there is none of, is refused and nothing is made', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (const use of ['\\Sent', '\\All', '\\Flagged', '\\Sent \\Drafts', '\\Nonsense']) {
    const refused = await client.command(`CREATE Other (USE (${use}))`);
    expect(refused, use).toMatchObject({ status: 'NO', text: expect.stringMatching(/^\[USEATTR\]/) });
  }
  expect(texts(await client.ok('LIST "" Other'))).toEqual([]);
  await client.ok('CREATE Plain (USE ())');
  await client.ok('CREATE "Sent Items" (USE (\\Sent))');
  expect(await client.command('CREATE "Sent Messages" (USE (\\Trash))')).toMatchObject({ status: 'NO' });
  for (const wrong of ['(USE)', '(NONSENSE (\\Sent))', '()x', '(USE (Sent))']) {
    expect((await client.command(`CREATE Wrong ${wrong}`)).status, wrong).toBe('BAD');
  }
});

test('XLIST: the special folders as Outlook 2013 knows them', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const lines = texts(await client.ok('XLIST "" *'));
  expect(lines).toContain('* XLIST (\\HasNoChildren \\Inbox) "/" "INBOX"');
  expect(lines).toContain('* XLIST (\\HasNoChildren \\Sent) "/" "Sent"');
  expect(lines).toContain('* XLIST (\\HasNoChildren \\Spam) "/" "Junk"');
});

test('F175: the names that mail programs have for special folders lead to the one there is', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (const name of ['Sent Items', 'Sent Messages', 'Verzonden items', 'Gesendet', 'sent']) {
    await client.ok(`CREATE "${name}"`);
    await client.ok(`APPEND "${name}"`, message(name));
    await client.ok(`SUBSCRIBE "${name}"`);
    expect(texts(await client.ok(`LIST "" "${name}"`))).toEqual([`* LIST (\\HasNoChildren) "/" "${name}"`]);
  }
  await client.ok('CREATE "Deleted Items"');
  expect(texts(await client.ok('STATUS "Gesendet" (MESSAGES)'))).toEqual(['* STATUS "Gesendet" (MESSAGES 5)']);
  expect(texts(await client.ok('SELECT Sent'))).toContain('* 5 EXISTS');
  await client.ok('MOVE 1 "Deleted Messages"');
  expect(texts(await client.ok('STATUS Trash (MESSAGES)'))).toEqual(['* STATUS "Trash" (MESSAGES 1)']);
  const listed = texts(await client.ok('LIST "" *'));
  expect(listed.filter((line) => /Sent|Deleted|Verzonden|Gesendet/.test(line))).toEqual([
    '* LIST (\\HasNoChildren \\Sent) "/" "Sent"',
  ]);
  expect(texts(await client.ok('LIST "" "Sent Items" RETURN (SPECIAL-USE)'))).toEqual([
    '* LIST (\\HasNoChildren) "/" "Sent" ("OLDNAME" ("Sent Items"))',
  ]);
});

test('F175: a mailbox that has such a name is itself, and so is one that people name', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await imap.store.mail(imap.anna.id).createMailbox('Sent Items');
  await client.ok('APPEND "Sent Items"', message('here'));
  expect(texts(await client.ok('STATUS Sent (MESSAGES)'))).toEqual(['* STATUS "Sent" (MESSAGES 0)']);
  for (const name of ['Reclame', 'Concept', 'Projects/Sent']) {
    await client.ok(`CREATE ${name}`);
    expect(texts(await client.ok(`LIST "" ${name}`))).toEqual([`* LIST (\\HasNoChildren) "/" "${name}"`]);
    await client.ok(`DELETE ${name}`);
  }
  expect((await client.command('DELETE "Verzonden items"')).status).toBe('NO');
});

test('LIST: a reply that is kept is told as long as the names stay, and no longer', async () => {
  await using imap = await startImap();
  const [client, other] = [await imap.login(), await imap.login()];
  const names = async () => texts(await client.ok('LIST "" *')).map((text) => text.split('"/" ')[1]);
  /** What is told the first time, and when it may be kept. */
  const same = async () => {
    const first = await names();
    for (let time = 0; time < 3; time++) expect(await names()).toEqual(first);
    return first;
  };
  // Nothing is no question, also where no answer is kept yet.
  await client.ok('STATUS Sent (MESSAGES)');
  expect((await client.command('LIST')).status).toBe('BAD');
  const before = await same();
  expect(before).toContain('"INBOX"');
  // New mail changes no name, whoever brings it.
  await client.ok('APPEND Sent', message('one'));
  await other.ok('APPEND INBOX', message('two'));
  expect(await same()).toEqual(before);
  await client.ok('CREATE Work/Deep');
  expect(await same()).toHaveLength(before.length + 2);
  await other.ok('RENAME Work/Deep Work/Deeper');
  expect(await same()).toContain('"Work/Deeper"');
  expect(await names()).not.toContain('"Work/Deep"');
  await other.ok('DELETE Work/Deeper');
  expect(await same()).not.toContain('"Work/Deeper"');
  // Other words are another question.
  expect(texts(await client.ok('LIST "" %'))).toContain('* LIST (\\HasNoChildren) "/" "INBOX"');
  expect(texts(await client.ok('LIST "" Sen%'))).toEqual(['* LIST (\\HasNoChildren \\Sent) "/" "Sent"']);
  expect(texts(await client.ok('LIST "" * RETURN (SUBSCRIBED)')).join()).toContain('\\Subscribed');
  // And in another encoding it is another answer.
  await client.ok('CREATE "K&APY-ln"');
  expect((await same()).join()).toContain('&APY-');
  await client.ok('ENABLE UTF8=ACCEPT');
  expect((await same()).join()).not.toContain('&APY-');
  expect(texts(await other.ok('LIST "" *')).join()).toContain('&APY-');
});
