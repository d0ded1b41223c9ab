// What V8 is told about its memory.
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { collectStart } from '#config/heap.ts';

test('what a start leaves and nobody holds is collected', async () => {
  const left = new WeakRef({ text: 'left' });
  const held = { text: 'held' };
  const seen = new WeakRef(held);
  // A weak reference holds until the turn in which it was made or read has ended.
  await turn();
  collectStart();
  expect(left.deref()).toBeUndefined();
  expect(seen.deref()).toBe(held);
});
