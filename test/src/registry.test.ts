// The text format of the metrics page, as Prometheus reads it.
import { expect, test } from 'vitest';
import { Family, textFormat } from '#src/observe/registry.ts';

test('counters of several threads are added up by their labels', () => {
  const threads = [1, 2].map((amount) => {
    const family = new Family('counter', 'taken_total', 'Taken', ['a', 'b']);
    family.add(amount, 'x', 'y');
    if (amount === 2) family.add(5, 'x', 'z');
    return family.snapshot();
  });
  expect(textFormat(threads)).toBe(
    '# HELP taken_total Taken\n# TYPE taken_total counter\ntaken_total{a="x",b="y"} 3\ntaken_total{a="x",b="z"} 5\n',
  );
});

test('a gauge can be set, go down, and stand without labels', () => {
  const family = new Family('gauge', 'open', 'Open', []);
  family.set(4);
  family.add(-1);
  expect(textFormat([family.snapshot()])).toContain('\nopen 3\n');
});

test('the buckets of a histogram are cumulative, and a value on a bound is in its bucket', () => {
  const family = new Family('histogram', 'seconds', 'Time', ['verb'], [0.1, 1]);
  for (const value of [0.05, 0.1, 0.5, 2, 3]) family.observe(value, 'GET');
  const lines = textFormat([family.snapshot()]).split('\n').slice(2);
  expect(lines).toEqual([
    'seconds_bucket{verb="GET",le="0.1"} 2',
    'seconds_bucket{verb="GET",le="1"} 3',
    'seconds_bucket{verb="GET",le="+Inf"} 5',
    'seconds_sum{verb="GET"} 5.65',
    'seconds_count{verb="GET"} 5',
    '',
  ]);
});

test('a label value is escaped', () => {
  const family = new Family('counter', 'x', 'X', ['name']);
  family.add(1, 'a"b\\c\nd');
  expect(textFormat([family.snapshot()])).toContain('x{name="a\\"b\\\\c\\nd"} 1');
});

test('a snapshot is not changed by what is counted later', () => {
  const family = new Family('counter', 'x', 'X', []);
  family.add(1);
  const snapshot = family.snapshot();
  family.add(1);
  expect(structuredClone(snapshot).series).toEqual([{ labels: [''], values: [1] }]);
});
