// The store's half of an import: what is added, what is there already, what is left out and why.

import { describe, expect, it } from 'vitest';
import { deliverAll, type ImportReport } from '#src/transfer/deliver.ts';
import type { TransferPiece } from '#src/transfer/pieces.ts';
import { Flag, type MailAccount, type Store } from '#storage/ports.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { openSqlStore } from '#test/support/sql-store.ts';

interface Rig extends AsyncDisposable {
  readonly store: Store;
  readonly mail: MailAccount;
  deliver(
    pieces: readonly TransferPiece[],
    options?: { into?: readonly string[]; maxBytes?: number },
  ): Promise<ImportReport>;
}

async function rig(quota: number | null = null): Promise<Rig> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const store = stack.use(await openSqlStore(folder.path));
  await store.directory.addDomain('x.test');
  const { id } = await store.directory.addAccount({ address: 'anna@x.test', passwordHash: 'x', quota });
  const mail = store.mail(id);
  const open = stack.move();
  return {
    store,
    mail,
    deliver(pieces, { into = [], maxBytes = 10_000_000 } = {}) {
      async function* sent() {
        yield* pieces;
      }
      return deliverAll({ store, mail, maxBytes, into, progress: () => {} }, sent());
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

const folder = (path: string, special: 'sent' | '' = ''): TransferPiece => ({
  kind: 'folder',
  path: path.split('/'),
  special,
});

function message(text: string, more: Partial<Extract<TransferPiece, { kind: 'message' }>> = {}): TransferPiece[] {
  const head = {
    kind: 'message',
    where: 'here',
    flags: 0,
    keywords: [],
    received: null,
    fileDate: null,
    ...more,
  } as const;
  return [head, Buffer.from(text), { kind: 'end' }];
}

async function listed(mail: MailAccount, path: string) {
  const mailbox = await mail.mailboxByPath(path);
  const rows = [];
  for await (const page of mail.listing(
    mailbox?.id ?? 0,
    [[1, 2 ** 32 - 1]],
    ['flags', 'keywords', 'received', 'receivedOffset'],
  ))
    rows.push(...page);
  return rows;
}

const ONE = 'Subject: one\r\nDate: Wed, 1 Jan 2020 10:00:00 +0200\r\n\r\none\r\n';
const DATE = { seconds: Date.UTC(2020, 0, 1, 8) / 1000, offsetMinutes: 120 };

describe('an import', () => {
  it('keeps flags, keywords and dates, and takes a missing date from the message, then from its file', async () => {
    await using r = await rig();
    const report = await r.deliver([
      folder('INBOX'),
      ...message(ONE, {
        flags: Flag.seen | Flag.flagged,
        keywords: ['work'],
        received: { seconds: 1000, offsetMinutes: -60 },
      }),
      ...message(`X: 2\r\n${ONE}`),
      ...message('Subject: no date\r\n\r\n', { fileDate: 2000 }),
    ]);
    expect(report).toEqual({ added: 3, duplicates: 0, skipped: 0, withoutKeywords: 0, problems: [] });
    const rows = await listed(r.mail, 'INBOX');
    expect(rows.map((row) => [row.flags, row.received, row.receivedOffset])).toEqual([
      [Flag.seen | Flag.flagged, 1000, -60],
      [0, DATE.seconds, DATE.offsetMinutes],
      [0, 2000, 0],
    ]);
    expect([...(await r.mail.keywords()).values()]).toContain('work');
  });

  it('repeated adds nothing, but a source that has a message twice gets it twice', async () => {
    await using r = await rig();
    const pieces = [folder('INBOX'), ...message(ONE), ...message(ONE), ...message('Subject: two\r\n\r\n')];
    expect(await r.deliver(pieces)).toMatchObject({ added: 3, duplicates: 0 });
    expect(await r.deliver(pieces)).toMatchObject({ added: 0, duplicates: 3 });
    expect(await r.deliver([...pieces, ...message(ONE)])).toMatchObject({ added: 1, duplicates: 3 });
    expect(await r.deliver([folder('Other'), ...message(ONE)])).toMatchObject({ added: 1, duplicates: 0 });
  });

  it('puts a folder with a purpose where the account has it, and makes the others', async () => {
    await using r = await rig();
    await r.deliver([folder('Verstuurd', 'sent'), ...message(ONE), folder('Verstuurd/2019', 'sent'), folder('Werk/A')]);
    expect(await listed(r.mail, 'Sent')).toHaveLength(1);
    const paths = (await r.mail.mailboxes()).map(({ path }) => path);
    for (const path of ['Sent/2019', 'Werk', 'Werk/A']) expect(paths).toContain(path);
    expect(paths).not.toContain('Verstuurd');
  });

  it('goes below one folder where that is asked', async () => {
    await using r = await rig();
    await r.deliver([folder('INBOX'), ...message(ONE), folder('Verstuurd', 'sent')], { into: ['Old', '2019'] });
    const paths = (await r.mail.mailboxes()).map(({ path }) => path);
    for (const path of ['Old/2019/INBOX', 'Old/2019/Verstuurd']) expect(paths).toContain(path);
    expect(await listed(r.mail, 'INBOX')).toEqual([]);
  });

  it('leaves out what is too large and folders that can not be, names them, and goes on', async () => {
    await using r = await rig();
    const report = await r.deliver(
      [
        { kind: 'problem', where: 'notes.txt', reason: 'this is no mail file' },
        folder('INBOX'),
        ...message(`Subject: large\r\n\r\n${'x'.repeat(2000)}`, { where: 'large.eml' }),
        folder(`a${'/b'.repeat(200)}`),
        ...message(ONE, { where: 'deep.eml' }),
        folder('Works'),
        ...message(ONE),
      ],
      { maxBytes: 1000 },
    );
    expect(report).toMatchObject({ added: 1, skipped: 4 });
    expect(report.problems.map(({ where }) => where.slice(0, 9))).toEqual([
      'notes.txt',
      'large.eml',
      'folder "a',
      'deep.eml',
    ]);
    expect(report.problems[1]?.reason).toBe('it is larger than [limits] message_size');
  });

  it('leaves out keywords that an account can not have', async () => {
    await using r = await rig();
    const pieces = [folder('INBOX'), ...message(ONE, { keywords: ['grün'] }), ...message('Subject: 2\r\n\r\n')];
    expect(await r.deliver(pieces)).toMatchObject({ added: 2, skipped: 0, withoutKeywords: 1 });
    expect(await listed(r.mail, 'INBOX')).toHaveLength(2);
  });

  it('turns a slash in a name into an underscore', async () => {
    await using r = await rig();
    await r.deliver([{ kind: 'folder', path: ['AC/DC'], special: '' }, ...message(ONE)]);
    expect(await listed(r.mail, 'AC_DC')).toHaveLength(1);
  });

  it('stops where the account is full, and what came before stays', async () => {
    await using r = await rig(300_000);
    const many = Array.from({ length: 100 }, (_, i) => message(`Subject: ${i}\r\n\r\n${'x'.repeat(10_000)}`)).flat();
    await expect(r.deliver([folder('INBOX'), ...many])).rejects.toThrow(
      /the account is full; \d+ messages were imported/,
    );
  });

  it('that ends within a message adds nothing of it', async () => {
    await using r = await rig();
    const pieces = [folder('INBOX'), ...message(ONE), ...message('Subject: two\r\n\r\n').slice(0, 2)];
    await expect(r.deliver(pieces)).rejects.toThrow('the import ended within a message');
    expect(await listed(r.mail, 'INBOX')).toEqual([]);
  });
});
