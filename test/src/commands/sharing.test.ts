// group, share and shared accounts, each command beside a store as it is run there.

import { afterEach, beforeEach, expect, it } from 'vitest';
import type { StoreCommand } from '#src/commands/command.ts';
import { UsageError } from '#src/commands/command.ts';
import { readCommandLine } from '#src/commands/command-line.ts';
import { loadCommand } from '#src/commands/table.ts';
import type { Host } from '#src/control/host.ts';
import { localWire } from '#src/control/wire.ts';
import { type TemporaryFolder, temporaryFolder } from '#test/support/folder.ts';
import { NO_SYNC, openSqlStore, type SqlStore } from '#test/support/sql-store.ts';

let folder: TemporaryFolder;
let store: SqlStore;

interface Ran {
  readonly status: number;
  readonly out: string;
  readonly error: string;
}

async function run(...argv: string[]): Promise<Ran> {
  const lines: string[] = [];
  const terminal = {
    out: (line: string) => void lines.push(line),
    note: () => undefined,
    input: (async function* () {})(),
  };
  try {
    const line = readCommandLine(argv);
    if (line.kind !== 'run') throw new Error('help was asked for');
    const command = (await loadCommand(line.entry)) as StoreCommand<unknown, unknown>;
    const attempt = await command.prepare(line.invocation, terminal);
    const host = { store } as unknown as Host;
    // What crosses the control socket is JSON.
    const result = await command.run(host, JSON.parse(JSON.stringify(attempt.args)), localWire(() => undefined).store);
    return { status: attempt.show(JSON.parse(JSON.stringify(result))) ?? 0, out: lines.join('\n'), error: '' };
  } catch (error) {
    return { status: error instanceof UsageError ? 2 : 1, out: '', error: (error as Error).message };
  }
}
const words = (text: string) => run(...text.split(' '));
const listed = async (text: string) => JSON.parse((await words(`${text} --json`)).out) as unknown;

beforeEach(async () => {
  folder = await temporaryFolder();
  store = await openSqlStore(folder.path, { sync: NO_SYNC });
  for (const command of ['domain add x.test', 'account add anna@x.test', 'account add office@x.test --shared'])
    expect(await words(command)).toMatchObject({ status: 0, error: '' });
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

it('makes an account that nobody logs in to', async () => {
  expect(await listed('account list')).toEqual([
    expect.objectContaining({ address: 'anna@x.test', shared: false }),
    expect.objectContaining({ address: 'office@x.test', shared: true }),
  ]);
  expect((await words('account password office@x.test')).error).toMatch(/nobody logs in/);
  expect((await words('account add y@x.test --shared --password-stdin')).status).toBe(2);
});

it('makes groups, shares mailboxes with them, lists that and takes it back', async () => {
  expect((await words('group add sales@x.test')).out).toBe('group sales@x.test added');
  expect((await words('group member add sales@x.test anna@x.test')).status).toBe(0);
  expect(await listed('group list')).toEqual([{ name: 'sales@x.test', members: ['anna@x.test'] }]);
  expect((await run('share', 'set', 'office@x.test', '*', 'group:sales@x.test', 'lrswipkxte')).status).toBe(0);
  expect((await words('share set office@x.test INBOX anna@x.test lra')).status).toBe(0);
  expect((await run('share', 'set', 'office@x.test', 'Junk', '--', '-anna@x.test', 's')).status).toBe(0);
  const shares = (await listed('share list office@x.test')) as { mailbox: string }[];
  expect(shares).toHaveLength(10);
  expect(shares).toContainEqual({ mailbox: '*', identifier: 'group:sales@x.test', rights: 'lrswipkxte' });
  expect(shares.filter(({ mailbox }) => mailbox === 'INBOX')).toEqual([
    { mailbox: 'INBOX', identifier: 'anna@x.test', rights: 'lra' },
    { mailbox: 'INBOX', identifier: 'group:sales@x.test', rights: 'lrswipkxte' },
  ]);
  expect(shares).toContainEqual({ mailbox: 'Junk', identifier: '-anna@x.test', rights: 's' });
  expect((await run('share', 'remove', 'office@x.test', '*', 'group:sales@x.test')).status).toBe(0);
  expect(await listed('share list office@x.test')).toHaveLength(2);
  expect((await words('group member remove sales@x.test anna@x.test')).status).toBe(0);
  expect((await words('group remove sales@x.test')).status).toBe(0);
});

it('refuses what is not there and what is none', async () => {
  for (const [command, said] of [
    ['group add x@nowhere.test', /not a domain/],
    ['group remove none@x.test', /no group/],
    ['group member add none@x.test anna@x.test', /no group/],
    ['share set nobody@x.test INBOX anna@x.test lr', /no account nobody/],
    ['share set office@x.test Nowhere anna@x.test lr', /no mailbox Nowhere/],
    ['share set office@x.test INBOX nobody@x.test lr', /no account nobody/],
  ] as const) {
    const ran = await words(command);
    expect([command, ran.status, said.test(ran.error)]).toEqual([command, 1, true]);
  }
  expect((await words('share set office@x.test INBOX anna@x.test lrq')).status).toBe(2);
  expect((await words('group member')).status).toBe(2);
});
