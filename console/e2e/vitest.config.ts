import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['e2e/**/*.test.ts'],
    // One browser and one server at a time: the machine may have two cores.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // As long as the browser itself waits for something to appear: the second that is usual is short on a busy machine.
    expect: { poll: { timeout: 30_000 } },
  },
});
