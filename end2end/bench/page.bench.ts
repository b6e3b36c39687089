// Measures the tab in a browser with four-fold CPU throttling: load and hydration time, the latency
// from keystroke to paint, and DOM mutations per keystroke. Keystrokes are compared with a plain
// input on an empty page.

import { test, type BrowserContext, type CDPSession, type Page } from '@playwright/test';
import { given, ROUNDS, write } from './output.ts';

const SLOWDOWN = 4;
const KEYS = 30;

async function signIn(context: BrowserContext): Promise<void> {
  const page = await context.newPage();
  await page.goto('/sign-in');
  await page.getByLabel('Email', { exact: true }).fill(given('BENCH_EMAIL'));
  await page.getByLabel('Password', { exact: true }).fill(given('BENCH_PASSWORD'));
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.waitForURL('**/settings/email');
  await page.close();
}

/** Opens a page without cache and with a throttled CPU. */
async function slowPage(context: BrowserContext): Promise<{ page: Page; cdp: CDPSession }> {
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  await cdp.send('Network.enable');
  await cdp.send('Network.setCacheDisabled', { cacheDisabled: true });
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: SLOWDOWN });
  return { page, cdp };
}

interface Load {
  bytes: number;
  requests: number;
  firstPaint: number;
  hydrated: number;
}

async function load(context: BrowserContext): Promise<Load> {
  const { page, cdp } = await slowPage(context);
  let bytes = 0;
  let requests = 0;
  cdp.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
  cdp.on('Network.requestWillBeSent', ({ request }) => (requests += request.url.startsWith('data:') ? 0 : 1));
  await page.goto('/settings/email');
  await page.waitForFunction(() => performance.getEntriesByName('hydrated').length > 0);
  const times = await page.evaluate(() => ({
    firstPaint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN,
    hydrated: performance.getEntriesByName('hydrated')[0]?.startTime ?? NaN,
  }));
  await page.close();
  return { bytes, requests, ...times };
}

interface Keys {
  /** From keydown to paint, in milliseconds. */
  toPaint: number[];
  /** From keydown to the end of the scripts that it runs, in milliseconds. */
  script: number[];
  /** DOM mutations. */
  mutations: number[];
}

/** Types into an input and measures each keystroke. */
async function type(page: Page, label: string): Promise<Keys> {
  const input = page.getByLabel(label, { exact: true }).first();
  await input.press('a'); // The first keystroke also shows Save and Cancel.
  await page.evaluate(() => {
    const seen: { toPaint: number[]; script: number[]; mutations: number[] } = { toPaint: [], script: [], mutations: [] };
    let mutations = 0;
    new MutationObserver((records) => (mutations += records.length)).observe(document, {
      attributes: true,
      characterData: true,
      childList: true,
      subtree: true,
    });
    let begun = 0;
    addEventListener('keydown', () => (begun = performance.now()), { capture: true });
    addEventListener('input', () => {
      // After all listeners and the effects that they trigger.
      const after = new MessageChannel();
      after.port1.onmessage = () => seen.script.push(performance.now() - begun);
      queueMicrotask(() => after.port2.postMessage(0));
      requestAnimationFrame(() => {
        const painted = new MessageChannel();
        painted.port1.onmessage = () => {
          seen.toPaint.push(performance.now() - begun);
          seen.mutations.push(mutations);
          mutations = 0;
        };
        painted.port2.postMessage(0);
      });
    });
    Object.assign(window, { seen });
  });
  for (let key = 1; key <= KEYS; key++) {
    await input.press('b');
    await page.waitForFunction((key) => (window as unknown as { seen: Keys }).seen.toPaint.length === key, key);
  }
  return page.evaluate(() => (window as unknown as { seen: Keys }).seen);
}

test('page load and keystroke cost', async ({ browser, context }) => {
  await signIn(context);
  const loads: Load[] = [];
  const tab: Keys[] = [];
  const plain: Keys[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    loads.push(await load(context));
    const { page } = await slowPage(context);
    await page.goto('/settings/email');
    await page.waitForFunction(() => performance.getEntriesByName('hydrated').length > 0);
    tab.push(await type(page, 'Display Name'));
    await page.close({ runBeforeUnload: false });
    const { page: empty } = await slowPage(context);
    await empty.setContent('<label>Display Name <input></label>');
    plain.push(await type(empty, 'Display Name'));
    await empty.close();
  }
  await write('page', {
    bytes: loads.map(({ bytes }) => bytes),
    requests: loads.map(({ requests }) => requests),
    first_paint: loads.map(({ firstPaint }) => firstPaint),
    hydrated: loads.map(({ hydrated }) => hydrated),
    to_paint: tab.flatMap(({ toPaint }) => toPaint),
    to_paint_plain: plain.flatMap(({ toPaint }) => toPaint),
    script: tab.flatMap(({ script }) => script),
    script_plain: plain.flatMap(({ script }) => script),
    mutations: tab.flatMap(({ mutations }) => mutations),
    browser: browser.version(),
  });
});
