// How long a test may wait, for all of its runs: as long as a machine many times slower than ours may need. What passes
// is no slower for it; it only bounds what hangs.
export const PATIENCE = {
  testTimeout: 300_000,
  hookTimeout: 120_000,
  expect: { poll: { timeout: 60_000 } },
};
