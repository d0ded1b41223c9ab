// What a port says of its own last write is what the change log says, whoever else writes at the same time.
import { expect, test } from 'vitest';
import { createStoreShared } from '#storage/open.ts';
import { type Cursor, Flag, type MailAccount, type Placement, type Store } from '#storage/ports.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { between, pick, type Random, seeded } from '#test/support/random.ts';
import { openQuietStore } from '#test/support/store.ts';

/** A mailbox in memory, as a session keeps it. */
class Follower {
  readonly rows = new Map<number, Placement>();
  readonly mail: MailAccount;
  readonly mailbox: number;
  /** How often nothing had to be read. */
  own = 0;
  #cursor: Cursor;

  constructor(mail: MailAccount, mailbox: number, cursor: Cursor) {
    this.mail = mail;
    this.mailbox = mailbox;
    this.#cursor = cursor;
  }

  async follow(): Promise<void> {
    const own = this.mail.ownChange(this.#cursor);
    if (own === null) return await this.#read();
    this.own++;
    this.#cursor = own.cursor;
    if (own.mailbox !== this.mailbox) return;
    if (own.kind === 'add') for (const placement of own.placements) this.rows.set(placement.uid, placement);
    else
      for (const [first, last] of own.uids) {
        for (let uid = first; uid <= last; uid++) {
          const row = this.rows.get(uid);
          if (own.kind === 'remove') this.rows.delete(uid);
          else if (row !== undefined) {
            const flags = (row.flags & own.run.keep) | own.run.set;
            if (flags !== row.flags) this.rows.set(uid, { ...row, flags, modseq: own.modseq });
          }
        }
      }
  }

  /** By the log, all of which is read again. */
  async #read(): Promise<void> {
    this.#cursor = (await this.mail.changes('mail', this.#cursor, 1_000)).cursor;
    this.rows.clear();
    for (const row of await this.stored()) this.rows.set(row.uid, row);
  }

  async stored(): Promise<Placement[]> {
    const rows: Placement[] = [];
    for await (const page of this.mail.placements(this.mailbox, [[1, 0xffff_ffff]])) rows.push(...page);
    return rows;
  }
}

/** One write of any kind. */
async function write(store: Store, mail: MailAccount, mailboxes: readonly number[], random: Random): Promise<void> {
  const mailbox = pick(random, [mailboxes[0] ?? 0, ...mailboxes]);
  const first = between(random, 1, 40);
  const uids = pick(random, [
    [[first, first]],
    [[first, first + 5]],
    [
      [first, first + 1],
      [first + 4, first + 9],
    ],
  ] as [number, number][][]);
  const flags = pick(random, [Flag.seen, Flag.flagged, Flag.deleted, Flag.seen | Flag.deleted]);
  const keywords = pick(random, [[], [], [], ['later']]);
  switch (between(random, 0, 7)) {
    case 0:
    case 1: {
      const entries = await Promise.all(
        Array.from({ length: between(random, 1, 2) }, async () => {
          await using staging = store.stage({ maxBytes: 10_000 });
          await staging.write(Buffer.from(`Subject: ${first}\r\n\r\n${'x'.repeat(first)}\r\n`));
          return { staged: await staging.finish(), flags, keywords };
        }),
      );
      await mail.append(mailbox, entries);
      for (const { staged } of entries) await staged[Symbol.asyncDispose]();
      return;
    }
    case 2:
      await mail.expunge(mailbox, uids, { onlyDeleted: true });
      return;
    case 3:
      await mail.copy(mailbox, uids, pick(random, mailboxes));
      return;
    case 4:
      await mail.noteSent([`${first}@example.test`]);
      return;
    default:
      await mail.setFlags(mailbox, uids, { action: pick(random, ['add', 'remove', 'replace']), flags, keywords });
  }
}

test('whoever writes, alone or at the same time, a mailbox that follows own changes is what is stored', async () => {
  await using folder = await temporaryFolder();
  const shared = createStoreShared();
  await using first = await openQuietStore(folder.path, { shared });
  await using second = await openQuietStore(folder.path, { shared, main: false });
  await first.directory.addDomain('example.test');
  const { id } = await first.directory.addAccount({ address: 'anna@example.test', passwordHash: '$x$', quota: null });
  const random = seeded(20_261_122);
  // Two sessions of one thread share one port, and something else on it has one of its own.
  const [mail, beside] = [first.mail(id), first.mail(id)];
  const mailboxes = (await mail.mailboxes()).slice(0, 2).map((mailbox) => mailbox.id);
  const follower = new Follower(mail, mailboxes[0] ?? 0, await mail.cursor('mail'));
  const others = [
    { store: first, mail: beside },
    { store: second, mail: second.mail(id) },
    { store: first, mail },
  ];
  for (let step = 0; step < 250; step++) {
    const writes = [write(first, mail, mailboxes, random)];
    if (between(random, 0, 3) === 0) {
      const other = pick(random, others);
      writes.push(write(other.store, other.mail, mailboxes, random));
    }
    await Promise.all(writes);
    if (between(random, 0, 5) === 0) continue;
    await follower.follow();
    expect([...follower.rows.values()]).toEqual(await follower.stored());
  }
  expect(follower.own).toBeGreaterThan(50);
});

/** Two ports to the same new account, and its INBOX. */
async function twoPorts(store: Store) {
  const { directory } = store;
  await directory.addDomain('example.test');
  const { id } = await directory.addAccount({ address: 'anna@example.test', passwordHash: '$x$', quota: null });
  const mail = store.mail(id);
  return { mail, other: store.mail(id), inbox: (await mail.mailboxByPath('INBOX'))?.id ?? 0 };
}

test('an own change is told once, and not when anything else was committed', async () => {
  await using folder = await temporaryFolder();
  await using store = await openQuietStore(folder.path, {});
  const { mail, other, inbox } = await twoPorts(store);
  await using staging = store.stage({ maxBytes: 1_000 });
  await staging.write(Buffer.from('Subject: x\r\n\r\nx\r\n'));
  await using staged = await staging.finish();
  const before = await mail.cursor('mail');
  await mail.append(inbox, [{ staged, flags: Flag.flagged }]);
  const after = await mail.cursor('mail');
  const placement = { uid: 1, size: staged.size, flags: Flag.flagged, keywords: '' };
  expect(other.ownChange(before)).toBeNull();
  expect(mail.ownChange(before)).toMatchObject({ kind: 'add', mailbox: inbox, cursor: after, placements: [placement] });
  expect(mail.ownChange(before)).toBeNull();
  await mail.setFlags(inbox, [[1, 1]], { action: 'add', flags: Flag.seen, keywords: [] });
  await other.setFlags(inbox, [[1, 1]], { action: 'remove', flags: Flag.seen, keywords: [] });
  expect(mail.ownChange(after)).toBeNull();
  await mail.setFlags(inbox, [[1, 1]], { action: 'add', flags: Flag.seen, keywords: [] });
  expect(mail.ownChange(after)).toBeNull();
});

test('a write that changes nothing does not stand for what somebody else commits meanwhile', async () => {
  await using folder = await temporaryFolder();
  await using store = await openQuietStore(folder.path, {});
  const { mail, other, inbox } = await twoPorts(store);
  for (let count = 0; count < 2; count++) {
    await using staging = store.stage({ maxBytes: 1_000 });
    await staging.write(Buffer.from('Subject: x\r\n\r\nx\r\n'));
    await using staged = await staging.finish();
    await mail.append(inbox, [{ staged, flags: Flag.seen }]);
  }
  const cursor = await mail.cursor('mail');
  // The other is first, and is committed while this one waits for its turn: one commit more, and it is not this one's.
  const [expunged, unchanged] = await Promise.all([
    other.expunge(inbox, [[2, 2]], { onlyDeleted: false }),
    mail.setFlags(inbox, [[1, 1]], { action: 'add', flags: Flag.seen, keywords: [] }),
  ]);
  expect(unchanged.modseq).toBe(expunged.modseq);
  expect(mail.ownChange(cursor)).toBeNull();
});
