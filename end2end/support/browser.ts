// Selects the Chromium that the tests drive: Playwright's if it is installed, else Debian's.

import { existsSync } from 'node:fs';
import { chromium, type LaunchOptions } from '@playwright/test';

// The headless shell, which needs two thirds of the full browser's processor time.
const DEBIAN = '/usr/bin/chromium-headless-shell';
const QUIET = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Returns Playwright's `use` options for the browser on this machine. */
export function browserOptions(): { browserName: 'chromium'; launchOptions: LaunchOptions } {
  const isRoot = process.getuid?.() === 0;
  const args = isRoot ? ['--no-sandbox', ...QUIET] : QUIET;
  const own = existsSync(chromium.executablePath());
  return {
    browserName: 'chromium',
    launchOptions: own ? { args } : { args, executablePath: DEBIAN },
  };
}
