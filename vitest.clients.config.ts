// The tests that drive Debian's mail clients against the real server; `.ci/run` installs the packages first.
import { defineConfig } from 'vitest/config';
import { PATIENCE } from './vitest.patience.ts';

export default defineConfig({
  test: {
    include: ['test/clients/**/*.test.ts'],
    ...PATIENCE,
    // Each runs several clients, one after the other.
    testTimeout: 900_000,
    fileParallelism: false,
    pool: 'forks',
  },
});
