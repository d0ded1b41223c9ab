// Sets of UIDs as pages of a listing leave them.
import { expect, test } from 'vitest';
import { after } from '#storage/account/uid-sets.ts';
import type { UidSet } from '#storage/ports.ts';

test('what is left of a set after a UID begins behind it, within a range, between two, before and after all', () => {
  const uids: UidSet = [
    [2, 4],
    [7, 7],
    [9, 20],
  ];
  expect(after([], 5)).toEqual([]);
  expect(after(uids, 0)).toEqual(uids);
  expect(after(uids, 1)).toEqual(uids);
  const asIs = (from: number) => uids.slice(from);
  expect(after(uids, 2)).toEqual([[3, 4], ...asIs(1)]);
  for (const uid of [4, 5, 6]) expect(after(uids, uid)).toEqual(asIs(1));
  for (const uid of [7, 8]) expect(after(uids, uid)).toEqual(asIs(2));
  expect(after(uids, 19)).toEqual([[20, 20]]);
  expect(after(uids, 20)).toEqual([]);
  expect(uids[0]).toEqual([2, 4]);
});
