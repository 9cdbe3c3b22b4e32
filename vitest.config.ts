import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'tools/**/*.test.ts'],
    globalSetup: 'test/controlplane/build.ts',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    // CI's machine is shared: a test that needs its second try is shown as such, and is to be mended.
    retry: process.env['CI'] === 'true' ? 1 : 0,
  },
});
