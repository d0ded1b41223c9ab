// Damaged messages through what rewrites them, from a fixed seed: a footer only replaces texts, in order and inside the
// message; a message in seven bits has seven bits, and is as many bytes as it says.
import { isAscii } from 'node:buffer';
import { expect, test } from 'vitest';
import { addFooter } from '#src/outbound/footer/footer.ts';
import { toSevenBit } from '#src/outbound/seven-bit.ts';
import type { messageContent } from '#storage/blobs/content.ts';
import type { QueuedMessage } from '#storage/ports.ts';
import { temporaryFolder } from '#test/support/folder.ts';
import { composed, mutated } from '#test/support/mime-mutations.ts';
import { seeded } from '#test/support/random.ts';
import { NO_SYNC, openSqlStore } from '#test/support/sql-store.ts';

const MESSAGES = 1_500;

test('damaged messages get a footer or none, and go in seven bits or not at all', async () => {
  await using folder = await temporaryFolder();
  await using store = await openSqlStore(folder.path, { sync: NO_SYNC });
  const random = seeded(6_152);
  const stage = (bounds: { maxBytes: number }) => store.stage(bounds);
  const counts = { footed: 0, converted: 0, refused: 0 };
  for (let n = 0; n < MESSAGES; n++) {
    const bytes = Buffer.from(mutated(random, composed(random)));
    await using staging = stage({ maxBytes: bytes.length });
    await staging.write(bytes);
    await using staged = await staging.finish();

    const footed = await addFooter(staged, { text: 'Größe', html: '' }, null);
    if (typeof footed !== 'string') {
      counts.footed++;
      let last = 0;
      for (const { start, end } of footed.edits) {
        expect(start).toBeGreaterThanOrEqual(last);
        expect(end).toBeGreaterThanOrEqual(start);
        last = end;
      }
      expect(last).toBeLessThanOrEqual(bytes.length);
    }

    const content = {
      ...{ size: bytes.length, prefixLength: 0 },
      read: async function* () {
        yield bytes;
      },
    } as unknown as ReturnType<typeof messageContent>;
    const message = { owner: 'anna', sender: 'a@b.test' } as QueuedMessage;
    await using converted = await toSevenBit({ stage, signingKeys: store.signingKeys, now: () => 0 }, message, content);
    if (converted === null) counts.refused++;
    else {
      counts.converted++;
      const out = Buffer.concat(await Array.fromAsync(converted.content()));
      expect([isAscii(out), out.length]).toEqual([true, converted.size]);
    }
  }
  expect(Math.min(...Object.values(counts))).toBeGreaterThan(20);
});
