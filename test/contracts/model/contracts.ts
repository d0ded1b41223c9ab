// The model test: random operations, five imitation clients that sync at random moments, a log that is cut at random.
// In the end the store equals the reference, and every client has what the store has.
import { describe, expect, test } from 'vitest';
import { seeded } from '#test/support/random.ts';
import type { SqlStore } from '#test/support/sql-store.ts';
import { freshAccount, mailboxAt, message, sequence, stage } from '../fixture.ts';
import {
  ActiveSyncClient,
  type Client,
  ImapClient,
  JmapClient,
  NameClient,
  SecondReader,
  Snapshot,
} from './clients.ts';
import { Operations } from './operations.ts';
import { Reference } from './reference.ts';

const SEEDS = [1, 2, 3, 4];
const READER = 'secondreader0001';

export function modelContracts(store: () => SqlStore, operations: number): void {
  describe('the model', () => {
    test.each(SEEDS)('random operations and five clients end equal, seed %i', async (seed) => {
      const pages = seed % 2 === 0 ? 1 : 7;
      await runModel(store(), { seed, operations: operations / SEEDS.length, pages });
    });
  });
}

/** Some without a Message-ID, and some that share two, their bodies and headers equal or not. */
function someMessages(): string[] {
  const random = seeded(99);
  const long = sequence(1, 3).map(() => Array.from({ length: 200 }, () => random()).join('\r\n'));
  const sharing = ['<a@example.test>', '<b@example.test>'].flatMap((id) => [
    ...long.map((body) => message({ id, body })),
    message({ id, subject: 'another', body: long[0] ?? '' }),
    message({ id, body: 'short' }),
  ]);
  return [...sequence(1, 4).map((n) => message({ body: 'text '.repeat(n) })), ...sharing];
}

interface Run {
  readonly seed: number;
  readonly operations: number;
  /** Rows of a page of the clients. */
  readonly pages: number;
}

async function runModel(store: SqlStore, { seed, operations, pages }: Run): Promise<void> {
  const random = seeded(seed);
  const account = await freshAccount(store);
  const reference = new Reference();
  for (const mailbox of await account.mailboxes()) {
    const { id, path } = mailbox;
    reference.boxes.set(id, { id, system: true, path, uidnext: 1, rows: new Map() });
  }
  const bodies = await Promise.all(someMessages().map((text) => stage(store, text)));
  const readers = [READER, 'thirdreader00001'];
  const work = new Operations({ store, account, reference, random, bodies, readers });
  const snapshot = new Snapshot(account);
  const clients: Client[] = [
    new ImapClient(snapshot),
    new ActiveSyncClient(snapshot, pages),
    new JmapClient(snapshot, pages),
    new NameClient(snapshot, pages, (await mailboxAt(account, 'INBOX')).id),
    new SecondReader(snapshot, pages, READER),
  ];
  for (let step = 1; step <= operations; step += 1) {
    const name = await work.step().catch((error) => {
      throw new Error(`seed ${seed}, operation ${step}: ${error.message}`, { cause: error });
    });
    for (const client of clients) {
      if (random() < 0.06) await client.sync(random, random() < 0.1);
    }
    if (step % 200 === 0) expect([step, name, await reference.compare(account)]).toEqual([step, name, []]);
    if (step % 200 === 0) expect([step, await reference.compareContents(account)]).toEqual([step, []]);
    if (step % 1_000 === 0) await compareClients(clients, random);
  }
  expect([await reference.compare(account), await reference.compareContents(account)]).toEqual([[], []]);
  await compareClients(clients, random);
  for (const body of bodies) await body[Symbol.asyncDispose]();
}

/** After a sync to the end each client has what the store has. */
async function compareClients(clients: readonly Client[], random: () => number): Promise<void> {
  for (const client of clients) {
    // Answers get lost also in the last sync, so it may take some.
    for (let round = 0; round < 5; round += 1) await client.sync(random, true);
    expect([client.kind, client.view()]).toEqual([client.kind, await client.truth()]);
  }
}
