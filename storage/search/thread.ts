// The search thread: it keeps the indexes and answers searches, so that no server's event loop waits for either.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { SqlMailAccount } from '../account/mail-account.ts';
import { type FromBackground, forwardingLog, type ToBackground } from '../background/host.ts';
import { joinStore } from '../background/member.ts';
import { accountFolder } from '../engines/sqlite/layout.ts';
import type { AccountId } from '../ports.ts';
import type { SearchData } from './host.ts';
import { epochOf, Indexer } from './indexer.ts';
import { Indexes } from './indexes.ts';
import { lookInto } from './look.ts';
import type { FindRequest, LookRequest } from './remote.ts';

/** Files of accounts that this thread keeps open at most: it goes from one to the next. */
const HANDLES = 4;
/** How long one looks into messages before other searches get their turn, ms. */
const SLICE = 10;
/** How often the accounts are looked at, ms; oftener where the wait is set shorter. */
const LOOK_EVERY = 2_000;

// Imported anywhere else (a test reads every module), it does nothing.
if (parentPort !== null && workerData?.kind === 'posthuis-search') runSearch(parentPort, workerData);

function runSearch(port: MessagePort, data: SearchData): void {
  const post = (message: FromBackground) => port.postMessage(message);
  const log = forwardingLog(post);
  const member = joinStore(data, {
    log,
    handles: HANDLES,
    maintenance: { hold: (name) => member.control.ask('hold', name), grown: () => undefined },
    fatal: (error) => post({ kind: 'fatal', message: error.message }),
  });
  const { control, engine, layout, blobs } = member;
  const stop = new AbortController();
  const { signal } = stop;
  // Nothing is written by way of these accounts.
  const parts = { engine, blobs, now: Date.now, quota: () => Promise.resolve(null), retention: 0 };
  const mail = (id: AccountId) => new SqlMailAccount(id, parts);
  const indexes = new Indexes((id) => {
    const folder = accountFolder(layout, id);
    return existsSync(folder) ? join(folder, 'search.db') : null;
  }, log);
  const { quiet } = data;
  const indexer = new Indexer({
    ...{ engine, mail, quiet, log, signal },
    has: (id) => indexes.has(id),
    use: (id, work) => indexes.use(id, work),
    discard: (id) => indexes.discard(id),
  });

  const dropped = new Set<string>();
  control.handle('find', async ({ ticket, account, queries }: FindRequest) => {
    const turn = async () => {
      await setImmediate();
      if (dropped.delete(ticket)) throw new Error('nobody waits for this search any more');
    };
    const epoch = await engine.read({ kind: 'account', id: account }, () => epochOf(account));
    return await indexes.use(account, (index) => (index.state.epoch === epoch ? index.find(queries, turn) : null));
  });
  control.handle('drop', (ticket: string) => {
    dropped.add(ticket);
    // One that has been answered meanwhile is not remembered for ever.
    setTimeout(() => dropped.delete(ticket), 60_000).unref();
  });
  control.handle('look', ({ account, mailbox, query }: LookRequest) => {
    let until = performance.now() + SLICE;
    const turn = () => {
      if (performance.now() < until) return undefined;
      return setImmediate().then(() => {
        until = performance.now() + SLICE;
      });
    };
    return lookInto(mail(account), mailbox, query, turn);
  });
  const passes = (async () => {
    while (!signal.aborted) {
      await indexer.pass();
      await sleep(Math.min(LOOK_EVERY, Math.max(10, quiet)), undefined, { signal }).catch((error) => {
        if (!signal.aborted) throw error;
      });
    }
  })();
  passes.catch((error) => post({ kind: 'fatal', message: `the search thread failed: ${error}` }));
  port.on('message', async (message: ToBackground) => {
    if (message.kind !== 'close') return;
    stop.abort();
    await Promise.allSettled([passes]);
    await indexes.close();
    await engine.close();
    control.close();
    port.close();
  });
  control.become('search');
  post({ kind: 'ready' });
}
