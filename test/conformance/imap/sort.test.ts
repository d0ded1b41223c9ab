// RFC 5256 (SORT and THREAD), RFC 5957 (SORT=DISPLAY) and RFC 5267 3 (ESORT), MUST by MUST, over a socket.
import { expect, test } from 'vitest';
import { type ImapServer, startImap } from '#test/support/imap-server.ts';
import { between, pick, type Random, seeded } from '#test/support/random.ts';
import type { ImapWire } from '#test/support/wire.ts';

const texts = (result: { untagged: readonly { text: string }[] }) => result.untagged.map(({ text }) => text);

interface Fields {
  readonly subject?: string;
  readonly from?: string;
  readonly to?: string;
  readonly cc?: string;
  readonly date?: string;
  readonly id?: string;
  readonly references?: string;
  readonly inReplyTo?: string;
  readonly body?: string;
}

function text(fields: Fields): Buffer {
  const lines = [
    ...(fields.from === undefined ? [] : [`From: ${fields.from}`]),
    ...(fields.to === undefined ? [] : [`To: ${fields.to}`]),
    ...(fields.cc === undefined ? [] : [`Cc: ${fields.cc}`]),
    ...(fields.subject === undefined ? [] : [`Subject: ${fields.subject}`]),
    ...(fields.date === undefined ? [] : [`Date: ${fields.date}`]),
    ...(fields.id === undefined ? [] : [`Message-ID: ${fields.id}`]),
    ...(fields.references === undefined ? [] : [`References: ${fields.references}`]),
    ...(fields.inReplyTo === undefined ? [] : [`In-Reply-To: ${fields.inReplyTo}`]),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${fields.body ?? 'x'}\r\n`, 'utf8');
}

/** A session with these messages, in this order, received a minute apart. */
async function mailbox(imap: ImapServer, messages: readonly Fields[], received?: readonly string[]): Promise<ImapWire> {
  const client = await imap.login();
  for (const [at, fields] of messages.entries()) {
    const minute = String(at % 60).padStart(2, '0');
    await client.ok(
      `APPEND INBOX "${received?.[at] ?? `01-Jan-2020 ${String(10 + Math.floor(at / 60))}:${minute}:00 +0000`}"`,
      text(fields),
    );
  }
  await client.ok('SELECT INBOX');
  return client;
}

const sorted = async (client: ImapWire, criteria: string, keys = 'ALL') =>
  texts(await client.ok(`SORT (${criteria}) UTF-8 ${keys}`))[0];

test('RFC 5256 3: each criterion, reversed or not; equal ones stay in the order of the mailbox', async () => {
  await using imap = await startImap();
  const client = await mailbox(
    imap,
    [
      {
        from: 'Zoe <bob@x.org>',
        to: 'b@x.org',
        cc: 'z@x.org',
        subject: 'Re: beta',
        date: 'Tue, 2 Jan 2001 00:00:00 +0000',
        body: 'longest of them all',
      },
      {
        from: 'Ann <ann@y.org>',
        to: 'a@x.org',
        subject: 'alpha',
        date: 'Mon, 1 Jan 2001 20:00:00 -0800',
        body: 'long',
      },
      {
        from: 'Carl <BOB@z.org>',
        to: 'c@x.org',
        cc: 'a@x.org',
        subject: '[list] Beta (fwd)',
        date: 'Mon, 1 Jan 2001 00:00:00 +0000',
      },
      { subject: 'Älpha', date: 'garbage', body: 'longer' },
    ],
    [
      '03-Jan-2020 00:00:00 +0000',
      '02-Jan-2020 00:00:00 +0000',
      '02-Jan-2020 02:00:00 +0200',
      '01-Jan-2001 10:00:00 +0000',
    ],
  );
  expect(await sorted(client, 'ARRIVAL')).toBe('* SORT 4 2 3 1');
  expect(await sorted(client, 'REVERSE ARRIVAL')).toBe('* SORT 1 2 3 4');
  // 2.2: adjusted by zone to UTC; a Date that can't be read is INTERNALDATE.
  expect(await sorted(client, 'DATE')).toBe('* SORT 3 4 1 2');
  expect(await sorted(client, 'REVERSE DATE')).toBe('* SORT 2 1 4 3');
  expect(await sorted(client, 'SIZE')).toBe('* SORT 4 2 3 1');
  // 2.1: base subjects, case ignored; REVERSE does not reverse equal ones.
  expect(await sorted(client, 'SUBJECT')).toBe('* SORT 2 4 1 3');
  expect(await sorted(client, 'REVERSE SUBJECT')).toBe('* SORT 1 3 4 2');
  expect(await sorted(client, 'SUBJECT DATE')).toBe('* SORT 2 4 3 1');
  // addr-mailbox of the first address; none sorts before any.
  expect(await sorted(client, 'FROM')).toBe('* SORT 4 2 1 3');
  expect(await sorted(client, 'TO')).toBe('* SORT 4 2 1 3');
  expect(await sorted(client, 'CC')).toBe('* SORT 2 4 3 1');
  // RFC 5957 4: the name as it is shown.
  expect(await sorted(client, 'DISPLAYFROM')).toBe('* SORT 4 2 3 1');
  expect(await sorted(client, 'REVERSE DISPLAYTO')).toBe('* SORT 3 1 2 4');
  // Keys choose; UIDs are told by UID SORT; nothing found is told.
  expect(await sorted(client, 'DATE', 'SUBJECT beta')).toBe('* SORT 3 1');
  await client.ok('STORE 1 +FLAGS.SILENT (\\Deleted)');
  await client.ok('EXPUNGE');
  expect(texts(await client.ok('UID SORT (DATE) US-ASCII ALL'))).toEqual(['* SORT 3 4 2']);
  expect(await sorted(client, 'SUBJECT', 'FLAGGED')).toBe('* SORT');
});

test('RFC 5256 5: what is not in the grammar is refused; an unknown charset by name', async () => {
  await using imap = await startImap();
  const client = await mailbox(imap, [{}]);
  for (const wrong of [
    'SORT',
    'SORT () UTF-8 ALL',
    'SORT (NONSENSE) UTF-8 ALL',
    'SORT (REVERSE) UTF-8 ALL',
    'SORT (DATE) UTF-8',
    'SORT DATE UTF-8 ALL',
    'THREAD REFERENCES UTF-8',
    'THREAD NONSENSE UTF-8 ALL',
    'THREAD',
    'UID THREAD REFS',
  ]) {
    expect([wrong, (await client.command(wrong)).status]).toEqual([wrong, 'BAD']);
  }
  expect((await client.command('SORT (DATE) X-NO SUBJECT x')).text).toMatch(/^\[BADCHARSET/);
  expect(texts(await client.ok('sort (reverse date) "us-ascii" all'))).toEqual(['* SORT 1']);
});

test('RFC 5267 3: RETURN of SORT: first and last of the order, ranges only where they rise', async () => {
  await using imap = await startImap();
  const client = await mailbox(
    imap,
    ['c', 'a', 'b', 'd', 'e', 'f'].map((subject) => ({ subject })),
  );
  const found = async (options: string, keys = 'ALL') =>
    texts(await client.ok(`UID SORT RETURN (${options}) (SUBJECT) UTF-8 ${keys}`))[0]?.replace(/^.*"\) /, '');
  expect(await found('')).toBe('UID ALL 2:3,1,4:6');
  expect(await found('MIN MAX COUNT')).toBe('UID MIN 2 MAX 6 COUNT 6');
  expect(await found('PARTIAL 2:4')).toBe('UID PARTIAL (2:4 3,1,4)');
  expect(await found('ALL', 'FLAGGED')).toBe('UID');
  await client.ok('UID SORT RETURN (SAVE) (SUBJECT) UTF-8 UID 3:5');
  expect(texts(await client.ok('FETCH $ UID')).map((line) => line.split(' ')[1])).toEqual(['3', '4', '5']);
  // RFC 7162 3.1.9, 3.1.10
  await client.ok('ENABLE CONDSTORE');
  expect(await found('ALL', 'MODSEQ 1')).toMatch(/^UID ALL 2:3,1,4:6 MODSEQ \d+$/);
  expect(await sorted(client, 'SUBJECT', 'MODSEQ 1')).toMatch(/^\* SORT 2 3 1 4 5 6 \(MODSEQ \d+\)$/);
});

test('SORT of what has come, gone and changed since the last one', async () => {
  await using imap = await startImap();
  const client = await mailbox(
    imap,
    ['c', 'a', 'b', 'd'].map((subject) => ({ subject })),
  );
  expect(await sorted(client, 'SUBJECT')).toBe('* SORT 2 3 1 4');
  await client.ok('APPEND INBOX', text({ subject: 'bb' }));
  await client.ok('APPEND INBOX', text({ subject: 'A' }));
  expect(await sorted(client, 'SUBJECT')).toBe('* SORT 2 6 3 5 1 4');
  await client.ok('STORE 2:3 +FLAGS.SILENT (\\Deleted)');
  await client.ok('EXPUNGE');
  expect(await sorted(client, 'SUBJECT')).toBe('* SORT 4 3 1 2');
});

test('RFC 5256 3, ORDEREDSUBJECT: by base subject, then by date; threads by their first date', async () => {
  await using imap = await startImap();
  const at = (day: number) => `${day} Jan 2001 00:00:00 +0000`;
  const client = await mailbox(imap, [
    { subject: 'one', date: at(5) },
    { subject: 'Re: two', date: at(4) },
    { subject: 'two', date: at(3) },
    { subject: 'Re: one', date: at(6) },
    { subject: 'three', date: at(9) },
    { subject: 're: ONE', date: at(7) },
  ]);
  expect(texts(await client.ok('THREAD ORDEREDSUBJECT UTF-8 ALL'))).toEqual(['* THREAD (3 2)(1 (4)(6))(5)']);
  expect(texts(await client.ok('UID THREAD ORDEREDSUBJECT UTF-8 SUBJECT t'))).toEqual(['* THREAD (3 2)(5)']);
  expect(texts(await client.ok('THREAD ORDEREDSUBJECT US-ASCII FLAGGED'))).toEqual(['* THREAD']);
});

test('RFC 5256 3, REFERENCES: each rule by itself', async () => {
  await using imap = await startImap();
  const thread = async (messages: readonly Fields[], keys = 'ALL') => {
    const client = await mailbox(imap, messages);
    const line = texts(await client.ok(`THREAD REFERENCES UTF-8 ${keys}`))[0];
    await client.ok('STORE 1:* +FLAGS.SILENT (\\Deleted)');
    await client.ok('EXPUNGE');
    return line;
  };
  // References, and In-Reply-To only where it has none that is valid.
  expect(
    await thread([
      { id: '<a@x>' },
      { id: '<b@x>', references: '<a@x>' },
      { inReplyTo: '<b@x> <a@x>', references: 'nonsense' },
    ]),
  ).toBe('* THREAD (1 2 3)');
  expect(await thread([{ id: '<a@x>' }, { id: '<b@x>' }, { references: '<a@x>', inReplyTo: '<b@x>' }])).toBe(
    '* THREAD (1 3)(2)',
  );
  // Quotes do not make another id; case does.
  expect(await thread([{ id: '<"01KF8"@x.com>' }, { references: '<01KF8@x.com>' }])).toBe('* THREAD (1 2)');
  expect(await thread([{ id: '<a@x>' }, { references: '<A@x>' }])).toBe('* THREAD (1)(2)');
  // Duplicates: the first has the id.
  expect(await thread([{ id: '<a@x>' }, { id: '<a@x>' }, { references: '<a@x>' }])).toBe('* THREAD (1 3)(2)');
  // Dummies: siblings of a parent that is not there; a single one takes its place.
  expect(await thread([{ references: '<no@x>' }, { references: '<no@x>' }])).toBe('* THREAD ((1)(2))');
  expect(await thread([{ id: '<a@x>', references: '<r@x> <no@x>' }, { references: '<a@x>' }])).toBe('* THREAD (1 2)');
  expect(await thread([{ id: '<a@x>' }, { references: '<a@x> <gone@x>' }, { references: '<a@x> <gone@x>' }])).toBe(
    '* THREAD (1 (2)(3))',
  );
  // No loops.
  expect(
    await thread([
      { id: '<a@x>', references: '<b@x>' },
      { id: '<b@x>', references: '<a@x>' },
    ]),
  ).toBe('* THREAD (2 1)');
  expect(await thread([{ id: '<a@x>', references: '<a@x>' }])).toBe('* THREAD (1)');
  // A truncated References does not change links that are there; the last one is the parent.
  expect(
    await thread([
      { id: '<a@x>' },
      { id: '<b@x>', references: '<a@x>' },
      { id: '<c@x>', references: '<b@x>' },
      { references: '<a@x> <c@x>' },
    ]),
  ).toBe('* THREAD (1 2 3 4)');
  // The same base subject: replies go below, others beside each other.
  expect(await thread([{ subject: 'Re: hello' }, { subject: 'hello' }])).toBe('* THREAD (2 1)');
  expect(await thread([{ subject: 'hello' }, { subject: 'HELLO' }])).toBe('* THREAD ((1)(2))');
  expect(await thread([{ subject: 'Re: hello' }, { subject: 'Fwd: hello' }, { subject: 'hello (fwd)' }])).toBe(
    '* THREAD ((1)(2)(3))',
  );
  expect(await thread([{ subject: 'Re:' }, { subject: '' }, {}])).toBe('* THREAD (1)(2)(3)');
  // Siblings by date, not by number; only what is found is threaded.
  expect(
    await thread([
      { id: '<a@x>', date: '1 Jan 2001 00:00:00 +0000' },
      { references: '<a@x>', date: '3 Jan 2001 00:00:00 +0000' },
      { references: '<a@x>', date: '2 Jan 2001 00:00:00 +0000' },
    ]),
  ).toBe('* THREAD (1 (3)(2))');
  expect(
    await thread(
      [{ id: '<a@x>' }, { id: '<b@x>', references: '<a@x>', body: 'y' }, { references: '<a@x> <b@x>' }],
      'NOT BODY y',
    ),
  ).toBe('* THREAD (1 3)');
  expect(await thread([{}], 'FLAGGED')).toBe('* THREAD');
});

// ------------------------------------------------------------------------------------- REFERENCES, written once more

interface Container {
  /** null: a dummy. */
  message: number | null;
  parent: Container | null;
  children: Container[];
}

interface Message {
  readonly id: string;
  readonly references: readonly string[];
  readonly subject: string;
  readonly reply: boolean;
  readonly date: number;
}

/** RFC 5256 3 with objects, as it is told there, without any thought of speed. */
function naive(messages: readonly Message[]): string {
  const all = new Map<string, Container>();
  const mine: Container[] = [];
  const of = (id: string) => {
    const known = all.get(id) ?? { message: null, parent: null, children: [] };
    all.set(id, known);
    return known;
  };
  for (const [at, { id }] of messages.entries()) {
    const unique = id === '' || all.has(id) ? `unique ${at}` : id;
    const container = of(unique);
    container.message = at;
    mine.push(container);
  }
  const isBelow = (node: Container | null, above: Container): boolean =>
    node !== null && (node === above || isBelow(node.parent, above));
  const link = (parent: Container, child: Container) => {
    if (isBelow(parent, child)) return;
    child.parent = parent;
    parent.children.push(child);
  };
  for (const [at, { references }] of messages.entries()) {
    const names = references.map(of);
    for (const [index, child] of names.entries()) {
      const parent = names[index - 1];
      if (parent !== undefined && child.parent === null) link(parent, child);
    }
    const own = mine[at] as Container;
    if (own.parent !== null) own.parent.children = own.parent.children.filter((child) => child !== own);
    own.parent = null;
    const last = names.at(-1);
    if (last !== undefined) link(last, own);
  }
  let roots = [...mine, ...all.values()].filter(
    (node, at, nodes) => node.parent === null && nodes.indexOf(node) === at,
  );
  const prune = (nodes: Container[], isRoot: boolean): Container[] =>
    nodes.flatMap((node) => {
      node.children = prune(node.children, false);
      if (node.message !== null) return [node];
      if (node.children.length === 0) return [];
      return isRoot && node.children.length > 1 ? [node] : node.children;
    });
  roots = prune(roots, true);
  const first = (node: Container): number => node.message ?? first(node.children[0] as Container);
  const byDate = (a: Container, b: Container) =>
    (messages[first(a)]?.date ?? 0) - (messages[first(b)]?.date ?? 0) || first(a) - first(b);
  for (const root of roots) if (root.message === null) root.children.sort(byDate);
  roots.sort(byDate);
  const subject = (node: Container) => messages[first(node)]?.subject ?? '';
  const isReply = (node: Container) => node.message !== null && (messages[node.message]?.reply ?? false);
  const table = new Map<string, Container>();
  for (const root of roots) {
    if (subject(root) === '') continue;
    const known = table.get(subject(root));
    if (known === undefined) table.set(subject(root), root);
    else if (known.message !== null && (root.message === null || (isReply(known) && !isReply(root))))
      table.set(subject(root), root);
  }
  const made: Container[] = [];
  const gone = new Set<Container>();
  for (const root of roots) {
    const known = table.get(subject(root));
    if (gone.has(root) || subject(root) === '' || known === undefined || known === root) continue;
    gone.add(root);
    if (known.message === null && root.message === null) known.children.push(...root.children);
    else if (known.message === null || (isReply(root) && !isReply(known))) known.children.push(root);
    else {
      const dummy = { message: null, parent: null, children: [known, root] };
      gone.add(known);
      made.push(dummy);
      table.set(subject(root), dummy);
    }
  }
  const order = (nodes: Container[]): Container[] => {
    for (const node of nodes) order(node.children);
    return nodes.sort(byDate);
  };
  const write = (node: Container): string => {
    const own = node.message === null ? '' : String(node.message + 1);
    const below = node.children.map(write);
    if (below.length === 1) return `${own}${own === '' ? '' : ' '}${below[0]}`;
    return `${own}${own !== '' && below.length > 0 ? ' ' : ''}${below.map((child) => `(${child})`).join('')}`;
  };
  const threads = order([...roots, ...made].filter((root) => !gone.has(root))).map((root) => `(${write(root)})`);
  return `* THREAD${threads.length === 0 ? '' : ` ${threads.join('')}`}`;
}

function some(random: Random): Message[] {
  return Array.from({ length: between(random, 1, 14) }, () => ({
    id: random() < 0.1 ? '' : `<${between(random, 1, 9)}@x>`,
    references: Array.from(
      { length: random() < 0.3 ? 0 : between(random, 1, 4) },
      () => `<${between(random, 1, 12)}@x>`,
    ),
    subject: pick(random, ['', 'A', 'A', 'B', 'C']),
    reply: random() < 0.4,
    date: between(random, 1, 6),
  }));
}

test('RFC 5256 3, REFERENCES: 60 random mailboxes are threaded as by the rules one by one', async () => {
  await using imap = await startImap();
  const random = seeded(20_261_128);
  const client = await imap.login();
  for (let round = 0; round < 60; round++) {
    const messages = some(random);
    const box = `t${round}`;
    await client.ok(`CREATE ${box}`);
    for (const { id, references, subject, reply, date } of messages) {
      const fields = {
        ...(id === '' ? {} : { id }),
        ...(references.length === 0 ? {} : { references: references.join(' ') }),
        subject: `${reply ? 'Re: ' : ''}${subject}`,
        date: `${date} Jan 2001 00:00:00 +0000`,
      };
      await client.ok(`APPEND ${box}`, text(fields));
    }
    await client.ok(`SELECT ${box}`);
    const [line] = texts(await client.ok('THREAD REFERENCES UTF-8 ALL'));
    expect([messages, line]).toEqual([messages, naive(messages)]);
  }
});

test('a chain of 800 replies and 200 answers to one message are threaded and told', async () => {
  await using imap = await startImap();
  const client = await imap.login();
  const mail = imap.store.mail(imap.anna.id);
  const inbox = await mail.mailboxByPath('INBOX');
  const append = async (fields: Fields) => {
    await using staging = imap.store.stage({ maxBytes: 10_000 });
    await staging.write(text(fields));
    await using staged = await staging.finish();
    await mail.append(inbox?.id ?? 0, [{ staged }]);
  };
  for (let at = 0; at < 800; at++)
    await append({ id: `<${at}@x>`, references: `<${at - 1}@x>`, date: '1 Jan 2001 00:00:00 +0000' });
  for (let at = 0; at < 200; at++) await append({ references: '<799@x>', date: '1 Jan 2001 00:00:00 +0000' });
  await client.ok('SELECT INBOX');
  const [line] = texts(await client.ok('THREAD REFERENCES UTF-8 ALL'));
  expect(line).toMatch(/^\* THREAD \(1 2 3 .* 799 800 \(801\)\(802\).*\(1000\)\)$/);
});
