// Why: which Chromium the tests drive. Playwright's own where it is installed, else Debian's.

import { existsSync } from 'node:fs';
import { chromium, type LaunchOptions } from '@playwright/test';

// Chromium without windows, which needs two thirds of the processor time that the whole browser does.
const DEBIAN = '/usr/bin/chromium-headless-shell';
const QUIET = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Playwright's `use` entries for the browser found on this machine. */
export function browserOptions(): { browserName: 'chromium'; launchOptions: LaunchOptions } {
  const isRoot = process.getuid?.() === 0;
  const args = isRoot ? ['--no-sandbox', ...QUIET] : QUIET;
  const own = existsSync(chromium.executablePath());
  return {
    browserName: 'chromium',
    launchOptions: own ? { args } : { args, executablePath: DEBIAN },
  };
}
