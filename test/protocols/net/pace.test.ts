// What keeps long work from holding the event loop.
import { expect, test } from 'vitest';
import { Pace } from '#protocols/net/pace.ts';

test('a peer that reads as fast as we write does not keep everybody else waiting', async () => {
  let drained = 0;
  const connection = {
    congested: true,
    async drain() {
      drained++;
    },
  };
  let turned = false;
  setImmediate(() => {
    turned = true;
  });
  const pace = new Pace(connection);
  // Ends by itself if the event loop never turns.
  for (const end = performance.now() + 60_000; !turned && performance.now() < end; ) await pace.rest();
  expect(turned).toBe(true);
  expect(drained).toBeGreaterThan(0);
});
