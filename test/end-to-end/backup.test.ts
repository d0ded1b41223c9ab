// Backup while twenty clients work, and restore under the running server: of everything and of one account, each twice
// from the same backup. Nothing that any client had seen may be given to other content, and a client that was there before
// ends with what a new one sees.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PASSWORD } from '#test/support/clients.ts';
import { type TemporaryFolder, temporaryFolder } from '#test/support/folder.ts';
import { inspect } from '#test/support/inspect.ts';
import { Installation, type Running } from '#test/support/installation.ts';
import { disagreements, type Found, Ledger } from '#test/support/ledger.ts';
import { ImapWire, WireClosed } from '#test/support/wire.ts';
import { type Ports, Workload } from '#test/support/workload.ts';

const accounts = ['anna', 'bert', 'carl', 'dora'].map((name) => ({
  name,
  address: `${name}@example.test`,
  password: PASSWORD,
}));
const ledger = new Ledger();
const workload = new Workload({ ledger, accounts, seed: 7 });
let folder: TemporaryFolder;
let installation: Installation;
let server: Running;
let ports: Ports;

beforeAll(async () => {
  folder = await temporaryFolder();
  installation = new Installation({ folder: folder.path, threads: 2, listen: { smtp: 0, submission: 0, imap: 0 } });
  await installation.populate(
    accounts.map(({ name }) => name),
    PASSWORD,
  );
  server = await installation.serve();
  ports = { smtp: server.port('smtp'), submission: server.port('submission'), imap: server.port('imap') };
});

afterAll(async () => {
  await server.stop();
  await folder[Symbol.asyncDispose]();
});

/** All clients work until so many more changes were acknowledged. */
async function work(changes: number): Promise<void> {
  const enough = workload.acknowledged + changes;
  await workload.run(ports, () => workload.acknowledged >= enough);
}

/** Everything there is, in agreement with the ledger, which goes on from there. */
async function look(): Promise<Found[]> {
  const { found, wrong } = await inspect(ports.imap, accounts, ledger);
  expect(wrong).toEqual([]);
  expect(disagreements(ledger, found, () => true)).toEqual([]);
  const verified = await installation.run(['verify']);
  expect(verified, verified.stdout).toMatchObject({ status: 0 });
  return found;
}

/** From now on what was found is what must stay; what was seen before still counts. */
function settle(found: readonly Found[]): void {
  for (const { place, validity, uid, token } of found) {
    ledger.sightings.push({ at: { connection: 'look', bytes: 0 }, place, validity, uid, token });
  }
  ledger.settle(found);
  ledger.arrived.clear();
  ledger.attempts = [];
}

function contents(found: readonly Found[], account = ''): string[] {
  return found
    .filter(({ place }) => place.startsWith(account))
    .map(({ place, token }) => `${place} ${token}`)
    .sort();
}

async function uids(client: ImapWire): Promise<string[]> {
  const { untagged } = await client.ok('UID FETCH 1:* (UID)');
  return untagged.map(({ text }) => text).filter((text) => text.includes('FETCH'));
}

test('a backup made under load is whole, and restoring it twice gives nothing seen to other content', async () => {
  const backup = join(folder.path, 'backup');
  let before = new Set<number>();
  let begun = 0;
  const enough = { before: 80, after: 200 };
  const working = work(enough.after);
  const backingUp = (async () => {
    while (workload.acknowledged < enough.before) await new Promise((resolve) => setTimeout(resolve, 5));
    before = new Set(ledger.attempts.filter(({ acknowledged }) => acknowledged !== null).map(({ id }) => id));
    await installation.ok(['backup', backup]);
    begun = ledger.attempts.length;
  })();
  await Promise.all([working, backingUp]);
  await look();

  // What was acknowledged before the backup began is in it; what was begun before it ended may be.
  const all = ledger.attempts;
  ledger.attempts = all
    .slice(0, begun)
    .map((attempt) => (before.has(attempt.id) ? attempt : { ...attempt, acknowledged: null }));
  const old = await ImapWire.open(ports.imap);
  await old.login('bert', PASSWORD);
  await old.ok('SELECT INBOX');
  await uids(old);

  await installation.ok(['restore', backup]);
  const restored = await look();
  expect(restored.length).toBeGreaterThan(20);
  try {
    await old.ok('NOOP');
    const fresh = await ImapWire.open(ports.imap);
    await fresh.login('bert', PASSWORD);
    await fresh.ok('SELECT INBOX');
    expect(await uids(old)).toEqual(await uids(fresh));
    fresh.wire.destroy();
  } catch (error) {
    if (!(error instanceof WireClosed)) throw error; // it may also have been told to come again
  }
  old.wire.destroy();

  settle(restored);
  await work(60);
  await look();

  settle(restored);
  await installation.ok(['restore', backup]);
  const again = await look();
  expect(contents(again)).toEqual(contents(restored));
  settle(again);
  await work(60);
  settle(await look());

  for (const round of [1, 2]) {
    const rest = (await look()).filter(({ place }) => !place.startsWith('anna/'));
    await installation.ok(['restore', backup, 'anna@example.test']);
    const { found } = await inspect(ports.imap, accounts, ledger);
    expect(contents(found, 'anna/'), `round ${round}`).toEqual(contents(restored, 'anna/'));
    expect(contents(found.filter(({ place }) => !place.startsWith('anna/')))).toEqual(contents(rest));
    settle(found);
    await look();
    await work(40);
    settle(await look());
  }
});
