// Mailboxes that others share, over sockets: where they are found, whose \Seen is told, and what happens when they are no
// longer shared (F138, F142, F147).

import { ImapFlow } from 'imapflow';
import { expect, test } from 'vitest';
import { StoreError } from '#storage/errors.ts';
import { ALL_RIGHTS } from '#storage/sharing/rights.ts';
import { type ImapServer, message, PASSWORD, startImap } from '#test/support/imap-server.ts';
import { between, pick, seeded } from '#test/support/random.ts';
import type { ImapResult, ImapWire } from '#test/support/wire.ts';

const texts = (result: ImapResult) => result.untagged.map(({ text }) => text);
const PREFIX = 'Other Users/anna@example.test';

/** anna's Projects with some messages, shared with bert and carl, who are both logged in. */
async function shared(imap: ImapServer, rights = 'lrswipkxtea', messages = 3) {
  const { passwordHash } = { passwordHash: (await imap.store.directory.login('bert@example.test'))?.hash ?? '' };
  await imap.store.directory.addAccount({ address: 'carl@example.test', passwordHash, quota: null });
  const anna = await imap.login();
  await anna.ok('CREATE Projects');
  for (let n = 1; n <= messages; n++) await anna.ok('APPEND Projects', message(`message ${n}`));
  for (const name of ['bert', 'carl']) await anna.ok(`SETACL Projects ${name}@example.test ${rights}`);
  const login = async (name: string): Promise<ImapWire> => {
    const client = await imap.connect();
    await client.login(`${name}@example.test`, PASSWORD);
    return client;
  };
  return { anna, bert: await login('bert'), carl: await login('carl'), login };
}

test('LIST-MYRIGHTS: what others share is listed in its namespace, by level and with all that LIST can say', async () => {
  await using imap = await startImap();
  const { anna, bert } = await shared(imap, 'lrs');
  const office = await imap.store.directory.addAccount({
    address: 'office@example.test',
    passwordHash: null,
    quota: null,
  });
  const inbox = (await imap.store.mail(office.id).mailboxByPath('INBOX'))?.id ?? 0;
  await imap.store.sharing.setAcl(office.id, inbox, 'bert@example.test', { action: 'set', rights: 3 });
  await anna.ok('CREATE Projects/Deep/Deeper');
  await anna.ok('SETACL Projects/Deep bert@example.test ""');
  const list = async (text: string) =>
    texts(await bert.ok(text)).filter((line) => /Other Users|Shared|MYRIGHTS|STATUS/.test(line));
  expect(texts(await bert.ok('NAMESPACE'))).toEqual([
    '* NAMESPACE (("" "/")) (("Other Users/" "/")) (("Shared/" "/"))',
  ]);
  expect(await list('LIST "" *')).toEqual([
    `* LIST (\\HasChildren) "/" "${PREFIX}/Projects"`,
    `* LIST (\\HasNoChildren) "/" "${PREFIX}/Projects/Deep/Deeper"`,
    '* LIST (\\HasNoChildren) "/" "Shared/office@example.test/INBOX"',
  ]);
  expect(await list('LIST "" %')).toEqual([
    '* LIST (\\NonExistent \\Noselect \\HasChildren) "/" "Other Users"',
    '* LIST (\\NonExistent \\Noselect \\HasChildren) "/" "Shared"',
  ]);
  expect(await list('LIST "Other Users/" %')).toEqual([
    `* LIST (\\NonExistent \\Noselect \\HasChildren) "/" "${PREFIX}"`,
  ]);
  expect(await list(`LIST "" "${PREFIX}/%/%"`)).toEqual([
    `* LIST (\\NonExistent \\Noselect \\HasChildren) "/" "${PREFIX}/Projects/Deep"`,
  ]);
  expect(await list('LIST "" "Shared/*" RETURN (MYRIGHTS STATUS (MESSAGES))')).toEqual([
    '* LIST (\\HasNoChildren) "/" "Shared/office@example.test/INBOX"',
    '* STATUS "Shared/office@example.test/INBOX" (MESSAGES 0)',
    '* MYRIGHTS "Shared/office@example.test/INBOX" lr',
  ]);
  await bert.ok(`SUBSCRIBE "${PREFIX}/Projects"`);
  expect(await list('LSUB "" *')).toEqual([`* LSUB () "/" "${PREFIX}/Projects"`]);
  expect(await list('LIST (SUBSCRIBED) "" *')).toEqual([
    `* LIST (\\HasChildren \\Subscribed) "/" "${PREFIX}/Projects"`,
  ]);
  // The subscription follows the mailbox, and is the subscriber's alone.
  await anna.ok('RENAME Projects Plans');
  expect(await list('LSUB "" "Other Users/*"')).toEqual([`* LSUB () "/" "${PREFIX}/Plans"`]);
  expect(texts(await anna.ok('LSUB "" Plans'))).toEqual([]);
  await anna.ok('DELETEACL Plans bert@example.test');
  expect(await list('LSUB "" *')).toEqual([]);
  await bert.ok(`UNSUBSCRIBE "${PREFIX}/Plans"`);
  expect((await bert.command('CREATE "Shared/mine"')).text).toMatch(/^\[CANNOT\]/);
  expect((await bert.command('CREATE "Other Users"')).text).toMatch(/^\[CANNOT\]/);
});

test('what was called like a namespace before stays usable', async () => {
  await using imap = await startImap();
  const { bert } = await shared(imap);
  await imap.store.mail(imap.bert.id).createMailbox('Shared/Old');
  await bert.ok('CREATE Shared/New');
  await bert.ok('APPEND Shared/Old', message('x'));
  expect(texts(await bert.ok('LIST "" Shared/*'))).toHaveLength(2);
  await bert.ok('SUBSCRIBE Shared/Old');
  await bert.ok('DELETE Shared/New');
});

test('a new mailbox has the list of its parent, and a deleted one has none', async () => {
  await using imap = await startImap();
  const { anna, bert, carl } = await shared(imap, 'lrk');
  await bert.ok(`CREATE "${PREFIX}/Projects/A/B"`);
  expect(texts(await carl.ok(`MYRIGHTS "${PREFIX}/Projects/A/B"`))).toEqual([
    `* MYRIGHTS "${PREFIX}/Projects/A/B" lrkc`,
  ]);
  expect(texts(await carl.ok(`MYRIGHTS "${PREFIX}/Projects/A"`))).toHaveLength(1);
  await anna.ok('DELETE Projects/A/B');
  const { others } = await imap.store.sharing.access(imap.bert.id);
  expect(others[0]?.rights.size).toBe(2);
});

test('each reader has a \\Seen of his own, and is not told of that of others', async () => {
  await using imap = await startImap();
  const { anna, bert, carl } = await shared(imap);
  for (const [client, path] of [
    [anna, 'Projects'],
    [bert, `"${PREFIX}/Projects"`],
    [carl, `"${PREFIX}/Projects"`],
  ] as const)
    await client.ok(`SELECT ${path}`);
  const seen = async (client: ImapWire) => texts(await client.ok('SEARCH SEEN'));
  await bert.ok('FETCH 1 BODY[]');
  await carl.ok('STORE 2:3 +FLAGS.SILENT (\\Seen)');
  await anna.ok('STORE 3 +FLAGS.SILENT (\\Seen)');
  expect([await seen(anna), await seen(bert), await seen(carl)]).toEqual([
    ['* SEARCH 3'],
    ['* SEARCH 1'],
    ['* SEARCH 2 3'],
  ]);
  for (const client of [anna, bert, carl]) expect(texts(await client.ok('NOOP'))).toEqual([]);
  expect(texts(await bert.ok(`STATUS "${PREFIX}/Projects" (UNSEEN)`))).toEqual([
    `* STATUS "${PREFIX}/Projects" (UNSEEN 2)`,
  ]);
  expect(texts(await carl.ok(`STATUS "${PREFIX}/Projects" (UNSEEN)`))).toEqual([
    `* STATUS "${PREFIX}/Projects" (UNSEEN 1)`,
  ]);
  expect(texts(await anna.ok('STATUS Projects (UNSEEN)'))).toEqual(['* STATUS "Projects" (UNSEEN 2)']);
  // What they have in common is told to all.
  await bert.ok('STORE 1 +FLAGS.SILENT (\\Flagged)');
  expect(texts(await carl.ok('NOOP'))).toEqual([expect.stringMatching(/^\* 1 FETCH \(UID 1 FLAGS \(\\Flagged/)]);
  expect(texts(await anna.ok('NOOP'))).toEqual([expect.stringMatching(/^\* 1 FETCH \(UID 1 FLAGS \(\\Flagged/)]);
  // A second session of the same reader is told.
  const again = await imap.login('bert');
  await again.ok(`SELECT "${PREFIX}/Projects"`);
  expect(await seen(again)).toEqual(['* SEARCH 1']);
  await bert.ok('STORE 1 -FLAGS.SILENT (\\Seen)');
  expect(texts(await again.ok('NOOP'))).toEqual(['* 1 FETCH (UID 1 FLAGS (\\Flagged))']);
  await bert.ok('UID COPY 1:3 INBOX');
  await bert.ok(`MOVE 2 "${PREFIX}/Projects"`);
});

test('mod-sequences are exact for each reader, also when he comes back', async () => {
  await using imap = await startImap();
  const { anna, bert, carl, login } = await shared(imap);
  const path = `"${PREFIX}/Projects"`;
  await bert.ok('ENABLE QRESYNC');
  const first = texts(await bert.ok(`SELECT ${path}`)).join('\n');
  const [, validity] = /UIDVALIDITY (\d+)/.exec(first) ?? [];
  const known = Number(/HIGHESTMODSEQ (\d+)/.exec(first)?.[1]);
  await bert.ok('LOGOUT');
  await carl.ok(`SELECT ${path}`);
  await carl.ok('STORE 1:3 +FLAGS.SILENT (\\Seen)');
  const back = async (since: number) => {
    const client = await login('bert');
    await client.ok('ENABLE QRESYNC');
    const lines = texts(await client.ok(`SELECT ${path} (QRESYNC (${validity} ${since}))`));
    const highest = Number(/HIGHESTMODSEQ (\d+)/.exec(lines.join('\n'))?.[1]);
    return { client, told: lines.filter((line) => /FETCH|VANISHED/.test(line)), highest };
  };
  // What others have seen is no change.
  const second = await back(known);
  expect([second.told, second.highest]).toEqual([[], known]);
  const told = texts(await second.client.ok('STORE 2 +FLAGS (\\Seen)')).join();
  const changed = Number(/MODSEQ \((\d+)\)/.exec(told)?.[1]);
  expect(changed).toBeGreaterThan(known);
  expect(texts(await second.client.ok(`STATUS ${path} (HIGHESTMODSEQ)`))).toEqual([
    `* STATUS ${path} (HIGHESTMODSEQ ${changed})`,
  ]);
  expect((await second.client.ok(`STORE 2 (UNCHANGEDSINCE ${known}) +FLAGS (\\Flagged)`)).text).toMatch(
    /^\[MODIFIED 2\]/,
  );
  await second.client.ok(`STORE 1 (UNCHANGEDSINCE ${known}) +FLAGS.SILENT (\\Answered)`);
  await anna.ok('SELECT Projects');
  await anna.ok('STORE 3 +FLAGS (\\Deleted)');
  await anna.ok('EXPUNGE');
  const third = await back(known);
  expect(third.told).toEqual([
    '* VANISHED (EARLIER) 3',
    expect.stringMatching(/^\* 1 FETCH \(UID 1 MODSEQ \(\d+\) FLAGS \(\\Answered\)\)$/),
    `* 2 FETCH (UID 2 MODSEQ (${changed}) FLAGS (\\Seen))`,
  ]);
  expect((await back(third.highest)).told).toEqual([]);
});

test('COPY and MOVE between accounts bring the messages with their flags, or nothing', async () => {
  await using imap = await startImap();
  const { anna, bert } = await shared(imap, 'lrswite', 120);
  const path = `"${PREFIX}/Projects"`;
  await bert.ok(`SELECT ${path}`);
  await bert.ok('STORE 1:2 FLAGS.SILENT (\\Seen \\Flagged work)');
  const copied = await bert.ok('COPY 1:120 INBOX');
  expect(copied.text).toMatch(/^\[COPYUID \d+ 1:120 1:120\]/);
  await bert.ok('MOVE 2:3 INBOX');
  expect(texts(await bert.ok('SEARCH ALL'))[0]?.split(' ')).toHaveLength(2 + 118);
  await bert.ok('SELECT INBOX');
  const flags = texts(await bert.ok('FETCH 1:3,121:122 (FLAGS BODY[HEADER.FIELDS (SUBJECT)])'));
  expect(flags.map((line) => /FLAGS \((.*?)\)/.exec(line)?.[1]?.replace('\\Recent ', ''))).toEqual([
    '\\Flagged \\Seen work',
    '\\Flagged \\Seen work',
    expect.any(String),
    '\\Flagged \\Seen work',
    expect.any(String),
  ]);
  await imap.store.directory.setQuota(imap.anna.id, 15_000);
  await bert.ok('SELECT INBOX');
  const before = texts(await anna.ok('STATUS Projects (MESSAGES)'));
  expect((await bert.command(`MOVE 1:122 ${path}`)).text).toMatch(/^\[OVERQUOTA\]/);
  expect(texts(await anna.ok('STATUS Projects (MESSAGES)'))).toEqual(before);
  expect(texts(await bert.ok('STATUS INBOX (MESSAGES)'))).toEqual(['* STATUS "INBOX" (MESSAGES 122)']);
});

test("COPY and MOVE between accounts bring notes along: the client's own, and those for all where he may make them", async () => {
  await using imap = await startImap();
  const { anna, bert } = await shared(imap, 'lrswite', 2);
  await anna.ok('SELECT Projects');
  await anna.ok('STORE 1:2 ANNOTATION (/comment (value.priv "of anna" value.shared "of all"))');
  await bert.ok(`SELECT "${PREFIX}/Projects"`);
  await bert.ok('STORE 1 ANNOTATION (/comment (value.priv "of bert"))');
  await bert.ok('COPY 1:2 INBOX');
  await bert.ok('MOVE 1 Archive');
  const noted = async (path: string) => {
    await bert.ok(`SELECT ${path}`);
    return texts(await bert.ok('FETCH 1:* ANNOTATION (/comment value)')).map((line) =>
      line.slice(line.indexOf('value')),
    );
  };
  expect(await noted('INBOX')).toEqual([
    'value.priv "of bert" value.shared "of all")))',
    'value.priv NIL value.shared "of all")))',
  ]);
  expect(await noted('Archive')).toEqual(['value.priv "of bert" value.shared "of all")))']);
  // Back again: without the right n his note for all stays behind.
  await bert.ok('STORE 1 ANNOTATION (/comment (value.shared "by bert"))');
  await bert.ok(`COPY 1 "${PREFIX}/Projects"`);
  expect((await noted(`"${PREFIX}/Projects"`)).at(-1)).toBe('value.priv "of bert" value.shared NIL)))');
});

test('MULTISEARCH, NOTIFY and CATENATE reach what is shared', async () => {
  await using imap = await startImap();
  const { anna, bert } = await shared(imap, 'lrs');
  const found = texts(await bert.ok(`ESEARCH IN (mailboxes "${PREFIX}/Projects") SUBJECT "message 2"`));
  expect(found).toEqual([expect.stringContaining(`MAILBOX "${PREFIX}/Projects" UIDVALIDITY`)]);
  expect(texts(await bert.ok('ESEARCH IN (personal) SUBJECT "message 2"'))).toEqual([]);
  await bert.ok(`NOTIFY SET (subtree "Other Users" (MessageNew MessageExpunge MailboxName))`);
  await anna.ok('APPEND Projects', message('four'));
  expect((await bert.response()).text).toMatch(`* STATUS "${PREFIX}/Projects" (UIDNEXT 5 MESSAGES 4`);
  await anna.ok('DELETEACL Projects bert@example.test');
  expect((await bert.response()).text).toBe(`* LIST (\\NonExistent \\HasNoChildren) "/" "${PREFIX}/Projects"`);
});

test('a right that is taken away is gone at once: the session in the mailbox ends, also while it is in IDLE', async () => {
  await using imap = await startImap();
  const { anna, bert, carl } = await shared(imap);
  const path = `"${PREFIX}/Projects"`;
  await bert.ok(`SELECT ${path}`);
  await carl.ok(`SELECT ${path}`);
  await anna.ok('SETACL Projects bert@example.test -wst');
  expect((await bert.command('STORE 1 +FLAGS (\\Seen)')).text).toMatch(/^\[NOPERM\]/);
  carl.wire.send('i IDLE\r\n');
  expect((await carl.response()).text).toBe('+ idling');
  await anna.ok('SETACL Projects carl@example.test -r');
  expect((await carl.response()).text).toBe('* BYE The selected mailbox is no longer shared');
  await anna.ok('DELETEACL Projects bert@example.test');
  const refused = await bert.command('FETCH 1 BODY.PEEK[]');
  expect([refused.status, refused.text.slice(0, 8), texts(refused)]).toEqual([
    'NO',
    '[NOPERM]',
    ['* BYE The selected mailbox is no longer shared'],
  ]);
  const again = await imap.login('bert');
  expect(texts(await again.ok('LIST "" "Other Users*"'))).toEqual([]);
});

test('an account that can not be read takes only its own mailboxes with it', async () => {
  let broken = '';
  await using imap = await startImap({
    wrap: (store) => ({
      stage: (limits) => store.stage(limits),
      mail: (id) => {
        const mail = store.mail(id);
        const mailboxes = mail.mailboxes.bind(mail);
        mail.mailboxes = () => (id === broken ? Promise.reject(new StoreError('corrupt', 'damaged')) : mailboxes());
        return mail;
      },
    }),
  });
  const { anna, bert } = await shared(imap);
  const own = texts(await bert.ok('LIST "" *')).filter((line) => !line.includes('Other Users'));
  await anna.ok('APPEND Projects', message('last'));
  broken = imap.anna.id;
  expect(
    texts(await bert.ok('LIST "" * RETURN (SUBSCRIBED STATUS (MESSAGES))')).filter((line) => /LIST/.test(line)),
  ).toHaveLength(own.length);
  expect((await bert.command(`SELECT "${PREFIX}/Projects"`)).text).toMatch(/^\[UNAVAILABLE\]/);
  await bert.ok('SELECT INBOX');
  broken = '';
  await bert.ok(`SELECT "${PREFIX}/Projects"`);
});

test('imapflow finds a shared mailbox, reads it and marks it as seen', async () => {
  await using imap = await startImap();
  const { anna } = await shared(imap, 'lrs');
  const client = new ImapFlow({
    ...{ host: '127.0.0.1', port: imap.port, secure: false, doSTARTTLS: false, logger: false as const },
    auth: { user: 'bert@example.test', pass: PASSWORD },
  });
  await client.connect();
  const paths = (await client.list()).map(({ path }) => path);
  expect(paths).toContain(`${PREFIX}/Projects`);
  const lock = await client.getMailboxLock(`${PREFIX}/Projects`);
  expect(await client.messageFlagsAdd('1:2', ['\\Seen'])).toBe(true);
  expect(await client.search({ seen: true })).toEqual([1, 2]);
  lock.release();
  await client.logout();
  expect(texts(await anna.ok('STATUS Projects (UNSEEN)'))).toEqual(['* STATUS "Projects" (UNSEEN 3)']);
});

test('whatever the owner and two readers do, each sees what a fresh session of his own does', async () => {
  await using imap = await startImap();
  const { anna, bert, carl, login } = await shared(imap, 'lrswite', 8);
  const path = `"${PREFIX}/Projects"`;
  const random = seeded(11);
  const actors = [
    { name: 'anna', client: anna, path: 'Projects', flags: new Map<string, string>() },
    { name: 'bert', client: bert, path, flags: new Map<string, string>() },
    { name: 'carl', client: carl, path, flags: new Map<string, string>() },
  ];
  /** Keeps what a client would, by UID. */
  const learn = (flags: Map<string, string>, result: ImapResult) => {
    for (const { text } of result.untagged) {
      const [, uid, set] = /FETCH \(UID (\d+) (?:MODSEQ \(\d+\) )?FLAGS \((.*?)\)/.exec(text) ?? [];
      if (uid !== undefined && set !== undefined) flags.set(uid, plain(set));
      const gone = /^\* VANISHED (?:\(EARLIER\) )?([\d:,]+)/.exec(text)?.[1];
      for (const range of gone?.split(',') ?? []) {
        const [first = 0, last = first] = range.split(':').map(Number);
        for (let one = first; one <= last; one++) flags.delete(String(one));
      }
    }
  };
  const plain = (set: string) =>
    set
      .split(' ')
      .filter((flag) => flag !== '' && flag !== '\\Recent')
      .sort()
      .join(' ');
  for (const { client, path: place, flags } of actors) {
    await client.ok('ENABLE QRESYNC');
    await client.ok(`SELECT ${place}`);
    learn(flags, await client.ok('UID FETCH 1:* (FLAGS)'));
  }
  const act = async ({ client, path: place, flags }: (typeof actors)[number]) => {
    const uid = between(random, 1, 12);
    const set = `${uid}:${uid + between(random, 0, 3)}`;
    const command = pick(random, [
      `UID STORE ${set} +FLAGS (\\Seen)`,
      `UID STORE ${set} -FLAGS (\\Seen)`,
      `UID STORE ${set} FLAGS (\\Seen \\Flagged)`,
      `UID STORE ${uid} -FLAGS (\\Flagged)`,
      `UID COPY ${uid} ${place}`,
      ...(random() < 0.1 ? [`UID MOVE ${uid} ${place}`] : []),
      'NOOP',
    ]);
    learn(flags, await client.ok(command));
    // New messages are asked for, as a client does.
    if (random() < 0.3) learn(flags, await client.ok('UID FETCH 1:* (FLAGS)'));
  };
  for (let step = 0; step < 200; step++) {
    const actor = pick(random, actors);
    await act(actor);
    if (step % 20 !== 19) continue;
    // He goes away, and comes back to what others have done meanwhile.
    learn(actor.flags, await actor.client.ok('NOOP'));
    const status = texts(await actor.client.ok(`STATUS ${actor.path} (UIDVALIDITY HIGHESTMODSEQ)`)).join();
    const [, validity, highest] = /UIDVALIDITY (\d+) HIGHESTMODSEQ (\d+)/.exec(status) ?? [];
    await actor.client.ok('LOGOUT');
    for (const other of actors) if (other !== actor) for (let n = 0; n < 3; n++) await act(other);
    actor.client = await login(actor.name);
    await actor.client.ok('ENABLE QRESYNC');
    learn(actor.flags, await actor.client.ok(`SELECT ${actor.path} (QRESYNC (${validity} ${highest}))`));
  }
  for (const { name, client, path: place, flags } of actors) {
    learn(flags, await client.ok('NOOP'));
    const fresh = await login(name);
    await fresh.ok('ENABLE CONDSTORE');
    await fresh.ok(`SELECT ${place}`);
    const now = new Map<string, string>();
    learn(now, await fresh.ok('UID FETCH 1:* (FLAGS MODSEQ)'));
    const known = new Map([...now].map(([uid, set]) => [uid, flags.get(uid) ?? set]));
    expect([name, known]).toEqual([name, now]);
    expect(now.size).toBeGreaterThan(5);
    const unseen = [...now.values()].filter((set) => !set.includes('\\Seen')).length;
    expect(texts(await fresh.ok(`STATUS ${place} (UNSEEN)`)).at(-1)).toMatch(new RegExp(`UNSEEN ${unseen}\\)$`));
  }
});

test('a group has what is shared with it, and who leaves it has it no longer', async () => {
  await using imap = await startImap();
  const { sharing } = imap.store;
  await sharing.addGroup('sales@example.test');
  await sharing.addMember('sales@example.test', 'bert@example.test');
  const office = await imap.store.directory.addAccount({
    address: 'office@example.test',
    passwordHash: null,
    quota: null,
  });
  const mailboxes = await imap.store.mail(office.id).mailboxes();
  for (const id of [0, ...mailboxes.map((mailbox) => mailbox.id)])
    await sharing.setAcl(office.id, id, 'group:sales@example.test', { action: 'set', rights: ALL_RIGHTS });
  const bert = await imap.login('bert');
  const top = 'Shared/office@example.test';
  // Who may make mailboxes at the top of a shared account shares them with all who share it.
  await bert.ok(`CREATE ${top}/Orders`);
  await bert.ok(`APPEND ${top}/Orders`, message('order'));
  expect(texts(await bert.ok(`GETACL ${top}/Orders`))).toEqual([
    `* ACL "${top}/Orders" "group:sales@example.test" lrswipkxtenacd`,
  ]);
  await bert.ok(`SETACL ${top}/Orders anna@example.test lr`);
  const anna = await imap.login();
  await anna.ok(`SELECT ${top}/Orders`);
  await bert.ok(`SELECT ${top}/Orders`);
  await sharing.removeMember('sales@example.test', 'bert@example.test');
  expect((await bert.command('FETCH 1 FLAGS')).text).toMatch(/^\[NOPERM\]/);
  await anna.ok('FETCH 1 FLAGS');
  expect(texts(await anna.ok(`STATUS ${top}/Orders (UNSEEN)`))).toEqual([`* STATUS "${top}/Orders" (UNSEEN 1)`]);
});
