// What sessions tell each other, over sockets: STORE, EXPUNGE, COPY, MOVE, IDLE, and when each reply is allowed.
import { expect, test } from 'vitest';
import { KEPT_MAILBOXES } from '#protocols/imap/limits.ts';
import { Flag } from '#storage/ports.ts';
import { type ImapServer, message, startImap } from '#test/support/imap-server.ts';
import { overrideMail } from '#test/support/override.ts';
import { between, pick, seeded } from '#test/support/random.ts';
import type { ImapWire } from '#test/support/wire.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);

/** Two sessions of anna with INBOX selected and this many messages in it. */
async function two(imap: ImapServer, messages: number): Promise<[ImapWire, ImapWire]> {
  const [one, other] = [await imap.login(), await imap.login()];
  for (let count = 1; count <= messages; count++) await one.ok('APPEND INBOX', message(`${count}`));
  await one.ok('SELECT INBOX');
  await other.ok('SELECT INBOX');
  return [one, other];
}

test('STORE replaces, adds and removes, and tells the flags that are then there', async () => {
  await using imap = await startImap();
  const [client] = await two(imap, 2);
  expect(texts(await client.ok('STORE 1:2 FLAGS (\\Seen)'))).toEqual([
    '* 1 FETCH (FLAGS (\\Seen \\Recent))',
    '* 2 FETCH (FLAGS (\\Seen \\Recent))',
  ]);
  expect(texts(await client.ok('STORE 2 +FLAGS \\Flagged \\Draft'))).toEqual([
    '* 2 FETCH (FLAGS (\\Flagged \\Seen \\Draft \\Recent))',
  ]);
  expect(texts(await client.ok('STORE 2 -FLAGS (\\Seen)'))).toEqual(['* 2 FETCH (FLAGS (\\Flagged \\Draft \\Recent))']);
  expect(texts(await client.ok('STORE 2 FLAGS ()'))).toEqual(['* 2 FETCH (FLAGS (\\Recent))']);
  expect(texts(await client.ok('STORE 1 +FLAGS.SILENT (\\Answered)'))).toEqual([]);
  expect(texts(await client.ok('FETCH 1:2 FLAGS'))).toEqual([
    '* 1 FETCH (FLAGS (\\Answered \\Seen \\Recent))',
    '* 2 FETCH (FLAGS (\\Recent))',
  ]);
  expect((await client.command('STORE 1 NONSENSE (\\Seen)')).status).toBe('BAD');
  expect((await client.command('STORE 1 +FLAGS (\\Nonsense)')).status).toBe('BAD');
  expect(texts(await client.ok('UID STORE 99 +FLAGS (\\Seen)'))).toEqual([]);
});

test('what a session changes is told to all of its thread without the change log being read', async () => {
  let reads = 0;
  await using imap = await startImap({
    wrap: (store) =>
      overrideMail(store, (mail) => ({
        changes: (...args) => {
          reads++;
          return mail.changes(...args);
        },
      })),
  });
  const [one, other] = await two(imap, 5);
  reads = 0;
  await one.ok('STORE 2,4 +FLAGS (\\Flagged \\Deleted)');
  expect(texts(await other.ok('NOOP'))).toEqual([
    '* 2 FETCH (UID 2 FLAGS (\\Flagged \\Deleted))',
    '* 4 FETCH (UID 4 FLAGS (\\Flagged \\Deleted))',
  ]);
  expect(texts(await one.ok('EXPUNGE'))).toEqual(['* 4 EXPUNGE', '* 2 EXPUNGE', '* 3 RECENT']);
  expect(texts(await other.ok('APPEND INBOX (\\Draft)', message('new')))).toEqual([
    '* 4 EXPUNGE',
    '* 2 EXPUNGE',
    '* 4 EXISTS',
    '* 1 RECENT',
  ]);
  expect(texts(await one.ok('NOOP'))).toEqual(['* 4 EXISTS', '* 3 RECENT']);
  expect(texts(await one.ok('FETCH 4 (UID FLAGS)'))).toEqual(['* 4 FETCH (UID 6 FLAGS (\\Draft))']);
  expect(reads).toBe(0);
  // Keywords have numbers that only the store knows.
  await one.ok('STORE 1 +FLAGS (Work)');
  expect(reads).toBe(1);
});

test('what a session changes makes no list of mailboxes be read again, and every counter is right', async () => {
  const read: string[] = [];
  await using imap = await startImap({
    wrap: (store) =>
      overrideMail(store, (mail) => ({
        mailboxes: () => {
          read.push('all');
          return mail.mailboxes();
        },
        mailbox: (mailbox) => {
          read.push('one');
          return mail.mailbox(mailbox);
        },
      })),
  });
  const [client] = await two(imap, 2);
  const list = texts(await client.ok('LIST "" *'));
  const status = async (name: string) => texts(await client.ok(`STATUS ${name} (MESSAGES UNSEEN UIDNEXT)`))[0];
  expect(await status('Sent')).toBe('* STATUS "Sent" (MESSAGES 0 UNSEEN 0 UIDNEXT 1)');
  read.length = 0;
  await client.ok('APPEND INBOX', message('3'));
  await client.ok('STORE 1 +FLAGS (\\Seen \\Deleted)');
  expect(texts(await client.ok('LIST "" *'))).toEqual(list);
  expect(await status('Sent')).toBe('* STATUS "Sent" (MESSAGES 0 UNSEEN 0 UIDNEXT 1)');
  expect(read).toEqual([]);
  expect(await status('INBOX')).toBe('* STATUS "INBOX" (MESSAGES 3 UNSEEN 2 UIDNEXT 4)');
  expect(await status('INBOX')).toBe('* STATUS "INBOX" (MESSAGES 3 UNSEEN 2 UIDNEXT 4)');
  expect(read).toEqual(['one']);
  await client.ok('EXPUNGE');
  await client.ok('APPEND Sent (\\Seen)', message('4'));
  expect(texts(await client.ok('LIST "" (INBOX Sent) RETURN (STATUS (MESSAGES UNSEEN UIDNEXT))'))).toEqual([
    expect.stringContaining('INBOX'),
    '* STATUS "INBOX" (MESSAGES 2 UNSEEN 2 UIDNEXT 4)',
    expect.stringContaining('Sent'),
    '* STATUS "Sent" (MESSAGES 1 UNSEEN 0 UIDNEXT 2)',
  ]);
  await client.ok('CREATE other');
  await client.ok('RENAME other another');
  expect(texts(await client.ok('LIST "" *')).length).toBe(list.length + 1);
  expect(await status('another')).toContain('MESSAGES 0');
  await client.ok('DELETE another');
  expect(texts(await client.ok('LIST "" *'))).toEqual(list);
});

test('a new keyword is told in FLAGS before a message shows it, to every session', async () => {
  await using imap = await startImap();
  const [one, other] = await two(imap, 1);
  const [flags, permanent, fetch] = texts(await one.ok('STORE 1 +FLAGS (Work)'));
  expect(flags).toBe('* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft Work)');
  expect(permanent).toContain('[PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft Work \\*)]');
  expect(fetch).toBe('* 1 FETCH (FLAGS (\\Recent Work))');
  expect(texts(await other.ok('NOOP'))).toEqual([flags, permanent, '* 1 FETCH (UID 1 FLAGS (Work))']);
  // The spelling is the one first used.
  expect(texts(await other.ok('STORE 1 +FLAGS (WORK)'))).toEqual(['* 1 FETCH (FLAGS (Work))']);
  expect(texts(await other.ok('SEARCH KEYWORD wOrK'))).toEqual(['* SEARCH 1']);
});

test('flags that others change are told once, also after a silent STORE to the same message', async () => {
  await using imap = await startImap();
  const [one, other] = await two(imap, 2);
  await other.ok('STORE 1 +FLAGS (\\Flagged)');
  expect(texts(await one.ok('STORE 1 +FLAGS.SILENT (\\Seen)'))).toEqual([
    '* 1 FETCH (UID 1 FLAGS (\\Flagged \\Seen \\Recent))',
  ]);
  expect(texts(await one.ok('NOOP'))).toEqual([]);
  await other.ok('STORE 2 +FLAGS (\\Flagged)');
  expect(texts(await one.ok('STORE 1:2 +FLAGS (\\Draft)'))).toEqual([
    '* 1 FETCH (FLAGS (\\Flagged \\Seen \\Draft \\Recent))',
    '* 2 FETCH (FLAGS (\\Flagged \\Draft \\Recent))',
  ]);
  expect(texts(await one.ok('NOOP'))).toEqual([]);
  expect(texts(await other.ok('CHECK'))).toEqual([
    '* 1 FETCH (UID 1 FLAGS (\\Flagged \\Seen \\Draft))',
    '* 2 FETCH (UID 2 FLAGS (\\Flagged \\Draft))',
  ]);
});

test('no EXPUNGE is told during FETCH, STORE and SEARCH by number; during their UID forms it is', async () => {
  await using imap = await startImap();
  const [one, other] = await two(imap, 4);
  await other.ok('STORE 1 +FLAGS.SILENT (\\Deleted)');
  await one.ok('NOOP');
  await other.ok('EXPUNGE');
  expect(texts(await one.ok('FETCH 2:4 UID'))).toEqual(['* 2 FETCH (UID 2)', '* 3 FETCH (UID 3)', '* 4 FETCH (UID 4)']);
  expect(texts(await one.ok('STORE 3 +FLAGS (\\Seen)'))).toEqual(['* 3 FETCH (FLAGS (\\Seen \\Recent))']);
  expect(texts(await one.ok('SEARCH ALL'))).toEqual(['* SEARCH 1 2 3 4']);
  expect(texts(await one.ok('UID FETCH 3 UID'))).toEqual(['* 3 FETCH (UID 3)', '* 1 EXPUNGE', '* 3 RECENT']);
  expect(texts(await one.ok('SEARCH ALL'))).toEqual(['* SEARCH 1 2 3']);
});

test('new messages are told with EXISTS while expunges wait, and numbers stay what they were', async () => {
  await using imap = await startImap();
  const [one, other] = await two(imap, 3);
  await other.ok('STORE 2 +FLAGS.SILENT (\\Deleted)');
  await one.ok('NOOP');
  await other.ok('EXPUNGE');
  await other.ok('APPEND INBOX', message('new'));
  expect(texts(await one.ok('SEARCH ALL'))).toEqual(['* SEARCH 1 2 3', '* 4 EXISTS', expect.stringMatching(/RECENT$/)]);
  expect(texts(await one.ok('FETCH 4 UID'))).toEqual(['* 4 FETCH (UID 4)']);
  expect(texts(await one.ok('NOOP'))).toEqual(['* 2 EXPUNGE', '* 2 RECENT']);
  expect(texts(await one.ok('FETCH 3 UID'))).toEqual(['* 3 FETCH (UID 4)']);
});

test('a STORE to what another session has expunged changes the flags that this one shows', async () => {
  await using imap = await startImap();
  const [one, other] = await two(imap, 2);
  await other.ok('STORE 1 +FLAGS.SILENT (\\Deleted)');
  await other.ok('EXPUNGE');
  expect(texts(await one.ok('STORE 1:2 +FLAGS (\\Seen)'))).toEqual([
    '* 1 FETCH (FLAGS (\\Deleted \\Seen \\Recent))',
    '* 2 FETCH (FLAGS (\\Seen \\Recent))',
  ]);
  expect(texts(await one.ok('NOOP'))).toEqual(['* 1 EXPUNGE', '* 1 RECENT']);
});

test('EXPUNGE tells numbers that are right one after the other, and no EXISTS', async () => {
  await using imap = await startImap();
  const [one, other] = await two(imap, 6);
  await one.ok('STORE 1,3:4,6 +FLAGS.SILENT (\\Deleted)');
  const uids = [1, 2, 3, 4, 5, 6];
  const expunged = texts(await one.ok('EXPUNGE'));
  expect(expunged.pop()).toBe('* 2 RECENT');
  for (const text of expunged) {
    const seq = Number(/^\* (\d+) EXPUNGE$/.exec(text)?.[1]);
    uids.splice(seq - 1, 1);
  }
  expect(uids).toEqual([2, 5]);
  expect(texts(await one.ok('EXPUNGE'))).toEqual([]);
  expect(texts(await other.ok('NOOP')).filter((text) => text.endsWith('EXISTS'))).toEqual([]);
  expect(texts(await other.ok('UID SEARCH ALL'))).toEqual(['* SEARCH 2 5']);
});

test('CLOSE expunges and tells nothing of it; UNSELECT and SELECT of another do not expunge', async () => {
  await using imap = await startImap();
  const [one, other] = await two(imap, 3);
  await one.ok('STORE 1 +FLAGS.SILENT (\\Deleted)');
  await one.ok('SELECT Sent');
  await one.ok('SELECT INBOX');
  expect(texts(await one.ok('CLOSE'))).toEqual([]);
  expect((await one.command('NOOP')).status).toBe('OK');
  expect((await one.command('FETCH 1 UID')).status).toBe('BAD');
  expect(texts(await other.ok('NOOP'))).toEqual(['* 1 EXPUNGE']);
});

test('COPY and MOVE of messages that are not there answer OK, and copy those that are', async () => {
  await using imap = await startImap();
  const [one, other] = await two(imap, 3);
  expect(await one.command('UID COPY 99 Archive')).toMatchObject({ status: 'OK', text: 'UID COPY completed' });
  expect(await one.command('UID MOVE 99:100 Archive')).toMatchObject({ status: 'OK', text: 'UID MOVE completed' });
  await other.ok('STORE 1 +FLAGS.SILENT (\\Deleted)');
  await other.ok('EXPUNGE');
  expect(await one.command('COPY 1 Archive')).toMatchObject({ status: 'OK' });
  expect(texts(await one.ok('STATUS Archive (MESSAGES)'))).toEqual(['* STATUS "Archive" (MESSAGES 0)']);
  // The same message twice in a mailbox is what was asked for.
  await one.ok('UID COPY 2 Archive');
  await one.ok('UID COPY 2 Archive');
  expect(texts(await one.ok('STATUS Archive (MESSAGES)'))).toEqual(['* STATUS "Archive" (MESSAGES 2)']);
  expect(await one.command('COPY 1 nowhere')).toMatchObject({ status: 'NO', text: '[TRYCREATE] No such mailbox' });
});

test('COPY keeps flags, keywords and the date', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  await client.ok('APPEND INBOX (\\Seen \\Flagged Work) " 1-Feb-2020 10:00:00 +0530"', message('one'));
  await client.ok('SELECT INBOX');
  await client.ok('COPY 1 Archive');
  await client.ok('SELECT Archive');
  expect(texts(await client.ok('FETCH 1 (FLAGS INTERNALDATE)'))).toEqual([
    '* 1 FETCH (FLAGS (\\Flagged \\Seen \\Recent Work) INTERNALDATE " 1-Feb-2020 10:00:00 +0530")',
  ]);
});

test('everything a session does not know yet is told when it selects again', async () => {
  await using imap = await startImap();
  const [one, other] = await two(imap, 2);
  await other.ok('STORE 1 +FLAGS.SILENT (\\Deleted)');
  await other.ok('EXPUNGE');
  await other.ok('APPEND INBOX', message('new'));
  const lines = texts(await one.ok('SELECT INBOX'));
  expect(lines).toContain('* 2 EXISTS');
  expect(lines.filter((text) => text.includes('EXPUNGE'))).toEqual([]);
  expect(texts(await one.ok('FETCH 1:* UID'))).toEqual(['* 1 FETCH (UID 2)', '* 2 FETCH (UID 3)']);
});

test('many sessions that change the same mailbox at random all end with what is there', async () => {
  await using imap = await startImap();
  const clients = [await imap.login(), await imap.login(), await imap.login(), await imap.login()];
  for (const client of clients) await client.ok('SELECT INBOX');
  const counts = clients.map(() => 0);
  const uidLists: (number | null)[][] = clients.map(() => []);
  const learn = (at: number, lines: readonly string[]) => {
    const list = uidLists[at] ?? [];
    for (const line of lines) {
      const [, number, kind, rest = ''] = /^\* (\d+) (\S+)(.*)$/.exec(line) ?? [];
      const seq = Number(number);
      if (kind === 'EXISTS') {
        expect(seq).toBeGreaterThanOrEqual(list.length);
        while (list.length < seq) list.push(null);
      } else if (kind === 'EXPUNGE') {
        expect(seq).toBeLessThanOrEqual(list.length);
        list.splice(seq - 1, 1);
      } else if (kind === 'FETCH') {
        expect(seq).toBeLessThanOrEqual(list.length);
        const uid = Number(/UID (\d+)/.exec(rest)?.[1] ?? 0);
        if (uid > 0) {
          expect(list[seq - 1] ?? uid).toBe(uid);
          list[seq - 1] = uid;
        }
      }
      counts[at] = list.length;
    }
  };
  let state = 12_345;
  const random = (most: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % most;
  };
  for (let round = 0; round < 400; round++) {
    await Promise.all(
      clients.map(async (client, at) => {
        const size = counts[at] ?? 0;
        const seq = size === 0 ? 0 : random(size) + 1;
        const choice = random(8);
        if (choice < 2 || size === 0) learn(at, texts(await client.ok('APPEND INBOX', message(`${round}`))));
        else if (choice === 2) learn(at, texts(await client.ok(`STORE ${seq} +FLAGS (\\Deleted)`)));
        else if (choice === 3) learn(at, texts(await client.ok('EXPUNGE')));
        else if (choice === 4) learn(at, texts(await client.ok(`FETCH ${seq}:* (UID FLAGS)`)));
        else if (choice === 5) learn(at, texts(await client.ok(`UID STORE 1:* -FLAGS.SILENT (\\Deleted)`)));
        else if (choice === 6) learn(at, texts(await client.ok(`STORE ${seq} +FLAGS.SILENT (k${random(3)})`)));
        else learn(at, texts(await client.ok('NOOP')));
      }),
    );
  }
  for (const [at, client] of clients.entries()) {
    learn(at, texts(await client.ok('NOOP')));
    learn(at, texts(await client.ok('FETCH 1:* (UID FLAGS)')));
  }
  const placements = [];
  const inbox = await imap.store.mail(imap.anna.id).mailboxByPath('INBOX');
  for await (const page of imap.store.mail(imap.anna.id).placements(inbox?.id ?? 0, [[1, 4_294_967_295]])) {
    placements.push(...page.map(({ uid }) => uid));
  }
  for (const list of uidLists) expect(list).toEqual(placements);
});

test('what happened to a mailbox while nobody had it selected is there when it is selected again', async () => {
  await using imap = await startImap();
  const [one, other] = await two(imap, 4);
  for (const client of [one, other]) await client.ok('LOGOUT');
  // Not by IMAP: no session of this thread sees it happen.
  const mail = imap.store.mail(imap.anna.id);
  const inbox = await mail.mailboxByPath('INBOX');
  const id = inbox?.id ?? 0;
  await mail.expunge(id, [[2, 2]], { onlyDeleted: false });
  await mail.setFlags(id, [[3, 3]], { action: 'add', flags: Flag.flagged, keywords: ['Work'] });
  await mail.copy(id, [[1, 1]], id);
  const again = await imap.login();
  expect(texts(await again.ok('SELECT INBOX'))).toContain('* 4 EXISTS');
  expect(texts(await again.ok('FETCH 1:* (UID FLAGS)')).map((text) => text.replace(' \\Recent', ''))).toEqual([
    '* 1 FETCH (UID 1 FLAGS ())',
    '* 2 FETCH (UID 3 FLAGS (\\Flagged Work))',
    '* 3 FETCH (UID 4 FLAGS ())',
    '* 4 FETCH (UID 5 FLAGS (\\Recent))',
  ]);
});

test('a mailbox that was left does not keep a deleted one alive, and more of them than are kept can be selected', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  for (let number = 0; number <= KEPT_MAILBOXES; number++) {
    await client.ok(`CREATE box${number}`);
    await client.ok(`APPEND box${number}`, message(`${number}`));
    await client.ok(`SELECT box${number}`);
  }
  await client.ok('DELETE box1');
  await client.ok('CREATE box1');
  expect(texts(await client.ok('SELECT box1'))).toContain('* 0 EXISTS');
  for (const number of [0, KEPT_MAILBOXES]) {
    expect(texts(await client.ok(`SELECT box${number}`))).toContain('* 1 EXISTS');
  }
});

test('what sessions have in memory is what the store has, through random changes of flags by all of them', async () => {
  await using imap = await startImap();
  const random = seeded(20_262);
  const sessions = await two(imap, 40);
  const account = imap.store.mail(imap.anna.id);
  const id = (await account.mailboxByPath('INBOX'))?.id ?? 0;
  for (let round = 0; round < 120; round++) {
    // The third is no session.
    const client = sessions[between(random, 0, 2)];
    const from = between(random, 1, 30);
    const what = `${pick(random, ['+', '+', '-', '-', ''])}FLAGS${pick(random, ['', '.SILENT'])}`;
    const flags = pick(random, ['\\Seen', '\\Flagged \\Draft', '\\Answered', '\\Seen', 'Work', '']);
    await (client === undefined
      ? account.setFlags(id, [[from, from + 9]], { action: 'add', flags: between(random, 0, 7), keywords: [] })
      : client.ok(`STORE ${from}:${Math.min(from + between(random, 0, 9), 36)} ${what} (${flags})`));
    if (round === 60) {
      await sessions[0].ok('STORE 3,7:9 +FLAGS.SILENT (\\Deleted)');
      await sessions[0].ok('EXPUNGE');
    }
    if (round % 10 !== 0) continue;
    const stored = [];
    for await (const page of account.placements(id, [[1, 99]])) {
      for (const { uid, flags, modseq } of page) stored.push(`${uid} ${modseq} ${(flags & Flag.seen) !== 0}`);
    }
    for (const session of sessions) {
      await session.ok('NOOP');
      const told = texts(await session.ok('UID FETCH 1:* (MODSEQ FLAGS)')).flatMap((text) => {
        const [, uid, modseq, list = ''] = /UID (\d+) MODSEQ \((\d+)\) FLAGS \(([^)]*)\)/.exec(text) ?? [];
        return uid === undefined ? [] : [`${uid} ${modseq} ${list.includes('\\Seen')}`];
      });
      expect(told).toEqual(stored);
    }
  }
});
