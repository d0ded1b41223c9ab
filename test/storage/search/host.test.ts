// When the search thread is started: when there may be something to index, and not for what the server writes for itself.
import pino from 'pino';
import { expect, test, vi } from 'vitest';
import { readBoots } from '#storage/engines/sqlite/boots.ts';
import { layoutOf } from '#storage/engines/sqlite/layout.ts';
import { slotOf } from '#storage/engines/sqlite/shared.ts';
import { createStoreShared, openStore } from '#storage/open.ts';
import { SearchHost } from '#storage/search/host.ts';
import { temporaryFolder } from '#test/support/folder.ts';

test('mail that came starts the search thread, a write to the directory or the queue does not', async () => {
  await using folder = await temporaryFolder();
  const shared = createStoreShared();
  const log = pino({ level: 'silent' });
  const fatal = (error: Error) => {
    throw error;
  };
  const main = { ...{ data: folder.path, shared, log, fatal }, ...{ main: true, handles: 10, retentionDays: 14 } };
  await using _store = await openStore(main);
  const boots = readBoots(layoutOf(folder.path));
  const generations = new Int32Array(shared.generations);
  vi.useFakeTimers();
  try {
    const host = new SearchHost({ data: folder.path, shared, boots, quiet: 1_000 }, log, fatal);
    for (const kind of ['directory', 'queue'] as const) Atomics.add(generations, slotOf({ kind }), 1);
    vi.advanceTimersByTime(10_000);
    expect(host.running).toBe(false);
    Atomics.add(generations, slotOf({ kind: 'account', id: 'abcdefghijklmnop' }), 1);
    vi.advanceTimersByTime(10_000);
    expect(host.running).toBe(true);
    vi.useRealTimers();
    await host.close();
  } finally {
    vi.useRealTimers();
  }
});
