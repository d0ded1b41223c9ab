// The tests that `npm test` runs first: everything but the third-party clients, which need Debian packages, and what is
// measured alone afterwards.
import { defineConfig } from 'vitest/config';
import { ALONE } from './vitest.alone.config.ts';
import { PATIENCE } from './vitest.patience.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/clients/**', ...ALONE],
    ...PATIENCE,
    pool: 'forks',
    // Two at once: most of a test is waiting, and the tests make no assertion about time.
    maxWorkers: 2,
  },
});
