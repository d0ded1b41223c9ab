// The tests that measure the server's memory: with nothing beside them on the same cores, so that it is the server that
// is measured. `npm test` runs them after all others.
import { defineConfig } from 'vitest/config';
import { PATIENCE } from './vitest.patience.ts';

export const ALONE = ['test/end-to-end/memory.test.ts', 'test/end-to-end/uploads.test.ts'];

export default defineConfig({
  test: { include: ALONE, ...PATIENCE, fileParallelism: false, pool: 'forks' },
});
