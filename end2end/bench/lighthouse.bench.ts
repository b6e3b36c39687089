// Runs Lighthouse on the tab of a signed-in administrator, with an empty cache, as on a phone and as
// on a desktop. The browser is a separate one: Lighthouse needs its debugging port, and the session's
// cookie in its default context.

import { chromium, test } from '@playwright/test';
import lighthouse, { desktopConfig, type Flags, type Result } from 'lighthouse';
import { browserOptions } from '../support/browser.ts';
import { freePort } from '../support/free-port.ts';
import { given, ROUNDS, write } from './output.ts';

const TAB = `${given('BENCH_URL')}/settings/email`;
const CATEGORIES = ['performance', 'accessibility', 'best-practices', 'seo'] as const;
/** How long Lighthouse waits for the network to become idle, which the event stream of the tab prevents. */
const IDLE_WITHIN_MS = 10_000;
/** The metrics of the performance score. */
const METRICS = {
  fcp: 'first-contentful-paint',
  lcp: 'largest-contentful-paint',
  tbt: 'total-blocking-time',
  cls: 'cumulative-layout-shift',
} as const;

type Figures = Record<(typeof CATEGORIES)[number] | keyof typeof METRICS, number>;

/** Returns the scores, 0 to 100, and the metrics in milliseconds (`cls` has no unit). */
function figures({ categories, audits }: Result): Figures {
  const scores = CATEGORIES.map((name) => [name, (categories[name]?.score ?? NaN) * 100]);
  const metrics = Object.entries(METRICS).map(([name, audit]) => [name, audits[audit]?.numericValue ?? NaN]);
  return Object.fromEntries([...scores, ...metrics]) as Figures;
}

test('the scores of Lighthouse', async () => {
  test.setTimeout(900_000);
  const port = await freePort();
  const { launchOptions } = browserOptions();
  const args = [...launchOptions.args!, `--remote-debugging-port=${port}`];
  const context = await chromium.launchPersistentContext('', { ...launchOptions, args });
  const form = { email: given('BENCH_EMAIL'), password: given('BENCH_PASSWORD') };
  const headers = { 'sec-fetch-site': 'same-origin' };
  await context.request.post(`${given('BENCH_URL')}/sign-in`, { form, headers });

  const rounds: Record<'mobile' | 'desktop', Figures[]> = { mobile: [], desktop: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const device of ['mobile', 'desktop'] as const) {
      const flags: Flags = { port, onlyCategories: [...CATEGORIES], logLevel: 'error', maxWaitForLoad: IDLE_WITHIN_MS };
      const run = await lighthouse(TAB, flags, device === 'desktop' ? desktopConfig : undefined);
      const { lhr } = run!;
      if (lhr.runtimeError) throw new Error(lhr.runtimeError.message);
      if (lhr.finalDisplayedUrl !== TAB) throw new Error(`Lighthouse saw ${lhr.finalDisplayedUrl}`);
      rounds[device].push(figures(lhr));
    }
  }
  await context.close();
  await write('lighthouse', rounds);
});
