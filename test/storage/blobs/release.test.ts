// Memory that is given back before a garbage collection, and memory that others still look at.
import { expect, test } from 'vitest';
import { release } from '#storage/blobs/release.ts';

test('a large buffer that is all of its memory is freed', () => {
  const bytes = new Uint8Array(64 * 1024);
  release(bytes);
  expect(bytes.length).toBe(0);
  expect(bytes.buffer.byteLength).toBe(0);
});

test('a part of something larger, a small buffer and shared memory are left alone', () => {
  const whole = new Uint8Array(64 * 1024).fill(7);
  for (const part of [whole.subarray(1), whole.subarray(0, -1)]) release(part);
  expect(whole.every((byte) => byte === 7)).toBe(true);
  const small = Buffer.from('a small one');
  release(small);
  expect(small.toString()).toBe('a small one');
  const pool = new Uint8Array(Buffer.from('in the pool').buffer);
  const before = pool.length;
  release(pool);
  expect(pool.length).toBe(before);
  const shared = new Uint8Array(new SharedArrayBuffer(64 * 1024));
  release(shared);
  expect(shared.length).toBe(64 * 1024);
});
