import { defineConfig } from '@playwright/test';
import { browserOptions } from '../support/browser.ts';

export default defineConfig({
  testDir: '.',
  testMatch: '*.bench.ts',
  outputDir: '../test-results',
  workers: 1,
  timeout: 300_000,
  reporter: 'line',
  use: { ...browserOptions(), baseURL: process.env.BENCH_URL ?? '' },
});
