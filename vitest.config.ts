import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { useOwnTemporaryFolder } from './test/support/temporary.ts';

useOwnTemporaryFolder();

/** Needs no server: starts in a moment. */
const plain = ['test/unit/**/*.test.ts', 'test/types/**/*.test.ts', 'test/law.test.ts'];

export default defineConfig({
  test: {
    reporters: [['default', { summary: false }], './test/support/reporter.ts'],
    pool: 'forks',
    maxWorkers: Math.min(4, Math.max(2, availableParallelism())),
    allowOnly: false,
    teardownTimeout: 30_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'plain',
          include: plain,
          setupFiles: ['test/support/leaks.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'servers',
          include: ['test/**/*.test.ts'],
          exclude: plain,
          globalSetup: ['test/support/global.ts'],
          setupFiles: ['test/support/leaks.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
