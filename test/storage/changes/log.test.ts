// The runs of a set of changes, and the cursors that lead through the log.
import { expect, test } from 'vitest';
import { formatCursor, parseCursor } from '#storage/changes/cursor.ts';
import { joinRuns } from '#storage/changes/log.ts';
import { between, seeded } from '#test/support/random.ts';

test('joined runs are few, ascending and disjoint, and cover every run', () => {
  const random = seeded(3);
  for (let round = 0; round < 2_000; round += 1) {
    const runs = Array.from({ length: between(random, 0, 60) }, () => {
      const first = between(random, 1, 10_000);
      return [first, first + between(random, 0, 30)] as const;
    });
    const joined = joinRuns(runs, 16);
    expect(joined.length).toBeLessThanOrEqual(16);
    for (const [index, [first]] of joined.entries()) expect(first).toBeGreaterThan(joined[index - 1]?.[1] ?? 0);
    for (const [first, last] of runs) expect(joined.some((run) => run[0] <= first && run[1] >= last)).toBe(true);
  }
});

test('few runs are left as they are, but for those that touch', () => {
  expect(
    joinRuns(
      [
        [5, 6],
        [1, 2],
        [3, 3],
        [9, 9],
      ],
      16,
    ),
  ).toEqual([
    [1, 3],
    [5, 6],
    [9, 9],
  ]);
});

test('a cursor comes back as it was given', () => {
  for (const position of [
    { epoch: 1, modseq: 0, seq: null },
    { epoch: 7, modseq: 2 ** 52, seq: null },
    { epoch: 2, modseq: 123_456, seq: 5 },
  ]) {
    expect(parseCursor(formatCursor(position))).toEqual(position);
  }
});
