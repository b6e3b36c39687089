// Measures the tab in a browser with four-fold CPU throttling: load and hydration time, the longest
// task, the latency from keystroke to paint, and DOM mutations per keystroke. Hydration is compared
// with a bare Leptos page, keystrokes with a plain input on an empty page, and both with an earlier
// version of the tab if there is one.

import { test, type Browser, type BrowserContext, type CDPSession, type Page } from '@playwright/test';
import { given, ROUNDS, write } from './output.ts';

const SLOWDOWN = 4;
const KEYS = 30;
const COUNTER = given('BENCH_COUNTER');
const TAB = '/settings/email';
/** The address of an earlier version. */
const BEFORE = process.env.BENCH_BEFORE;

async function signIn(context: BrowserContext, origin: string): Promise<void> {
  const page = await context.newPage();
  await page.goto(`${origin}/sign-in`);
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

/** Waits until the tab is hydrated, its deferred chunk has loaded, and the browser is idle. */
async function atRest(page: Page): Promise<void> {
  await page.waitForFunction(() => performance.getEntriesByName('hydrated').length > 0);
  await page.waitForFunction(() => performance.getEntriesByType('resource').some(({ name }) => name.includes('-later.')));
  for (let turn = 0; turn < 3; turn++) {
    await page.evaluate(() => new Promise<void>((resolve) => requestIdleCallback(() => resolve())));
  }
}

/** Opens a page, and returns the time in milliseconds until it is hydrated. */
async function hydrate(page: Page, address: string): Promise<number> {
  await page.goto(address);
  await page.waitForFunction(() => performance.getEntriesByName('hydrated').length > 0);
  return page.evaluate(() => performance.getEntriesByName('hydrated')[0]!.startTime);
}

/** Files that are loaded before the tab is hydrated: the document, and those with a hash in their names. */
function isFirst({ url, isLater }: { url: string; isLater: boolean }): boolean {
  return !isLater && (url.endsWith(TAB) || url.includes('/pkg/'));
}

interface Load {
  /** Bytes of the first load: HTML, CSS, JavaScript and the first Wasm, with their headers. */
  firstBytes: number;
  bytes: number;
  requests: number;
  firstPaint: number;
  hydrated: number;
  longestTask: number;
}

async function load(context: BrowserContext, origin: string): Promise<Load> {
  const { page, cdp } = await slowPage(context);
  const urls = new Map<string, string>();
  let firstBytes = 0;
  let bytes = 0;
  cdp.on('Network.requestWillBeSent', ({ requestId, request: { url } }) => {
    if (!url.startsWith('data:')) urls.set(requestId, url);
  });
  cdp.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    const url = urls.get(requestId) ?? '';
    bytes += encodedDataLength;
    if (isFirst({ url, isLater: url.includes('-later.') })) firstBytes += encodedDataLength;
  });
  await page.addInitScript(() => {
    const tasks: number[] = [0];
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
      type: 'longtask',
      buffered: true,
    });
    Object.assign(window, { tasks });
  });
  const hydrated = await hydrate(page, `${origin}${TAB}`);
  await atRest(page);
  const { firstPaint, longestTask } = await page.evaluate(() => ({
    firstPaint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN,
    longestTask: Math.max(...(window as unknown as { tasks: number[] }).tasks),
  }));
  await page.close();
  return { firstBytes, bytes, requests: urls.size, firstPaint, hydrated, longestTask };
}

/** Loads the bare Leptos page, and returns the time in milliseconds until it is hydrated. */
async function loadCounter(context: BrowserContext): Promise<number> {
  const { page } = await slowPage(context);
  const hydrated = await hydrate(page, COUNTER);
  await page.close();
  return hydrated;
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
  await input.focus();
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

/** A version of the tab, signed in, with what has been measured of it. */
class Tab {
  readonly #loads: Load[] = [];
  readonly #keys: Keys[] = [];

  private constructor(
    readonly context: BrowserContext,
    readonly origin: string,
  ) {}

  static async at(browser: Browser, origin: string): Promise<Tab> {
    // Cookies do not tell ports apart, so that each version needs a context.
    const context = await browser.newContext();
    await signIn(context, origin);
    return new Tab(context, origin);
  }

  async measure(): Promise<void> {
    this.#loads.push(await load(this.context, this.origin));
    const { page } = await slowPage(this.context);
    await page.goto(`${this.origin}${TAB}`);
    await atRest(page);
    this.#keys.push(await type(page, 'Display Name'));
    await page.close({ runBeforeUnload: false });
  }

  figures(): object {
    return {
      first_bytes: this.#loads.map(({ firstBytes }) => firstBytes),
      bytes: this.#loads.map(({ bytes }) => bytes),
      requests: this.#loads.map(({ requests }) => requests),
      first_paint: this.#loads.map(({ firstPaint }) => firstPaint),
      hydrated: this.#loads.map(({ hydrated }) => hydrated),
      longest_task: this.#loads.map(({ longestTask }) => longestTask),
      mutations: this.#keys.flatMap(({ mutations }) => mutations.slice(1)),
      keys: keyFigures(this.#keys),
    };
  }
}

/** The first key makes the form dirty, which shows Save and Cancel. */
function keyFigures(rounds: Keys[]): object {
  return {
    first: rounds.map(({ script }) => script[0]),
    to_paint: rounds.flatMap(({ toPaint }) => toPaint.slice(1)),
    script: rounds.flatMap(({ script }) => script.slice(1)),
  };
}

test('page load and keystroke cost', async ({ browser, context, baseURL }) => {
  test.setTimeout(900_000);
  const tab = await Tab.at(browser, baseURL!);
  const before = BEFORE ? await Tab.at(browser, BEFORE) : null;
  const counter: number[] = [];
  const plain: Keys[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await tab.measure();
    await before?.measure();
    counter.push(await loadCounter(context));
    const { page: empty } = await slowPage(context);
    await empty.setContent('<label>Display Name <input></label>');
    plain.push(await type(empty, 'Display Name'));
    await empty.close();
  }
  await write('page', {
    tab: tab.figures(),
    before: before?.figures() ?? null,
    hydrated_counter: counter,
    plain: keyFigures(plain),
    browser: browser.version(),
  });
});
