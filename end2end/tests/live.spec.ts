// Live progress of a test message: one event stream for all pages of a browser, and polling as the
// fallback.

import type { BrowserContext, Page, Request } from '@playwright/test';
import { test as embedded } from '../support/embedded.ts';
import { Form } from '../support/form.ts';
import { SteppedSmtpServer } from '../support/stepped-smtp-server.ts';
import { expect, test as base } from '../support/test.ts';

const EVENTS = '**/api/email/events';
const RUN = '**/api/email/run';

const test = base.extend<{ slow: SteppedSmtpServer; prepare: (page: Page) => Promise<Form> }>({
  flags: ({}, use) => use(['--smtp-reply-seconds', '200', '--smtp-total-seconds', '200']),

  slow: async ({}, use) => {
    const slow = await SteppedSmtpServer.start();
    await use(slow);
    await slow.stop();
  },

  /** Signs in and saves settings for the stepped mail server. */
  prepare: async ({ signIn, slow }, use) => {
    await use(async (page) => {
      const form = await signIn(page);
      await form.fill(form.basic, slow.settings);
      await form.saved();
      return form;
    });
  },
});

/** Locates the row of a step. */
function row(page: Page, name: string) {
  const steps = page.getByRole('list', { name: 'Steps of the test message', exact: true });
  return steps.getByRole('listitem').filter({ has: page.getByText(name, { exact: true }) });
}

/** Blocks polling, so that only the stream reports progress. */
async function blockPolling(context: BrowserContext): Promise<void> {
  await context.route(RUN, (route) => route.abort('aborted'));
}

/** Tracks the open event streams of a browser context. */
class Streams {
  readonly #open = new Set<Request>();

  constructor(context: BrowserContext) {
    const isStream = (request: Request) => request.url().endsWith('/api/email/events');
    context.on('request', (request) => isStream(request) && this.#open.add(request));
    context.on('requestfinished', (request) => this.#open.delete(request));
    context.on('requestfailed', (request) => this.#open.delete(request));
  }

  get pages(): Page[] {
    return [...this.#open].map((request) => request.frame().page()).filter((page) => !page.isClosed());
  }
}

/** Sets a page's visibility state to hidden or visible. */
async function hide(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (hidden ? 'hidden' : 'visible') });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, isHidden);
}

test('steps are shown one by one without polling', async ({ page, context, prepare, slow, axe }) => {
  test.slow();
  const form = await prepare(page);
  await blockPolling(context);
  await form.sendTest.click();
  await expect(row(page, 'Connection')).toContainText('done');
  await expect(row(page, 'Greeting')).toContainText('running');
  await expect(row(page, 'Sender')).toContainText('waiting');
  slow.answer(2);
  await expect(row(page, 'Greeting')).toContainText('done');
  await expect(row(page, 'Sender')).not.toContainText('done');
  await axe();
  slow.answer();
  await expect(row(page, 'Sender')).toContainText('done');
  await expect(row(page, 'Recipient')).not.toContainText('done');
  slow.goOn();
  await expect(form.outcome(/accepted the message/)).toBeVisible();
});

test('a reload during delivery shows the steps so far', async ({ page, context, prepare, slow }) => {
  const form = await prepare(page);
  await blockPolling(context);
  await form.sendTest.click();
  slow.answer(2);
  await expect(row(page, 'Greeting')).toContainText('done');
  await page.reload();
  await expect(row(page, 'Greeting')).toContainText('done');
  await expect(row(page, 'Sender')).not.toContainText('done');
  slow.goOn();
  await expect(form.outcome(/accepted the message/)).toBeVisible();
});

test('a second tab shares the stream, and takes it over when the first is closed', async ({ page, context, prepare, slow }) => {
  const streams = new Streams(context);
  const form = await prepare(page);
  await blockPolling(context);
  await expect.poll(() => streams.pages).toEqual([page]);
  const second = await context.newPage();
  await second.goto('/settings/email');
  await expect(new Form(second).sendTest).toBeEnabled();

  await form.sendTest.click();
  slow.answer(2);
  await expect(row(second, 'Greeting')).toContainText('done');
  await expect(second.getByRole('button', { name: 'Sending…', exact: true })).toBeVisible();
  expect(streams.pages).toEqual([page]);

  await page.close();
  await expect.poll(() => streams.pages).toEqual([second]);
  slow.goOn();
  await expect(new Form(second).outcome(/accepted the message/)).toBeVisible();
});

test('a hidden page closes its stream, and catches up when it is visible again', async ({ page, context, prepare, slow }) => {
  const streams = new Streams(context);
  const form = await prepare(page);
  await blockPolling(context);
  await form.sendTest.click();
  await expect(row(page, 'Greeting')).toContainText('running');
  await hide(page, true);
  await expect.poll(() => streams.pages).toEqual([]);
  slow.answer(2);
  await hide(page, false);
  await expect.poll(() => streams.pages).toEqual([page]);
  await expect(row(page, 'Greeting')).toContainText('done');
  slow.goOn();
  await expect(form.outcome(/accepted the message/)).toBeVisible();
});

test('without a stream the page polls', async ({ page, context, prepare, slow }) => {
  await context.route(EVENTS, (route) => route.abort('aborted'));
  const form = await prepare(page);
  await form.sendTest.click();
  slow.answer(2);
  await expect(row(page, 'Greeting')).toContainText('done');
  slow.goOn();
  await expect(form.outcome(/accepted the message/)).toBeVisible();
});

test('without Web Locks, as on plain http, each tab reads its own stream', async ({ page, context, prepare, slow }) => {
  await context.addInitScript(() => Object.defineProperty(Navigator.prototype, 'locks', { get: () => undefined }));
  const streams = new Streams(context);
  const form = await prepare(page);
  await blockPolling(context);
  const second = await context.newPage();
  await second.goto('/settings/email');
  await expect.poll(() => streams.pages).toHaveLength(2);
  await form.sendTest.click();
  slow.goOn();
  await expect(new Form(second).outcome(/accepted the message/)).toBeVisible();
});

test('the outcome is announced once, and not again after a reload', async ({ page, prepare, slow }) => {
  const form = await prepare(page);
  const announcements = () =>
    page.evaluate(() => (globalThis as unknown as { announced: string[] }).announced);
  const listen = () =>
    page.evaluate(() => {
      const announced: string[] = [];
      Object.assign(globalThis, { announced });
      new MutationObserver((changes) => {
        // Only changes in a live region are announced, and the region comes anew with the deferred chunk.
        const inRegion = changes.filter(({ target }) => (target as Element).closest?.('#test-outcome[role=status]'));
        const added = inRegion.flatMap(({ addedNodes }) => [...addedNodes]);
        announced.push(...added.map((node) => node.textContent ?? '').filter(Boolean));
      }).observe(document.body, { childList: true, subtree: true });
    });
  const headings = async () => (await announcements()).filter((text) => /accepted the message/.test(text));

  await listen();
  await form.sendTest.click();
  slow.answer(2);
  await expect(row(page, 'Greeting')).toContainText('done');
  expect(await announcements(), 'no step is announced').toEqual([]);
  slow.goOn();
  await expect(form.outcome(/accepted the message/)).toBeVisible();
  expect(await headings()).toHaveLength(1);

  await page.reload();
  await listen();
  await expect(form.sendTest).toBeEnabled();
  await expect(form.outcome(/accepted the message/)).toBeVisible();
  expect(await headings()).toEqual([]);
  await form.sendTest.click();
  await expect.poll(headings).toHaveLength(1);
  await expect(page.getByRole('button', { name: 'Send Test Email', exact: true })).toBeVisible();
  expect(await headings()).toHaveLength(1);
});

test('the running step is animated only without reduced motion', async ({ page, prepare }) => {
  const form = await prepare(page);
  await form.sendTest.click();
  const sign = row(page, 'Greeting').locator('.sign');
  await expect(sign).toHaveText('›');
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await expect(sign).toHaveCSS('animation-name', 'none');
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  await expect(sign).toHaveCSS('animation-name', 'under-way');
});

embedded('an element on another site receives progress by a stream, with its token', async ({ page, context, shell, product }) => {
  await context.route('**/bearer/api/email/run', (route) => route.abort('aborted'));
  const streams = new Streams(context);
  await page.goto(`${shell.url}/plain/`);
  const form = new Form(page);
  await form.saveBasic(product.mail);
  await expect.poll(() => streams.pages).toHaveLength(1);
  await form.deliverTest();
});

embedded('elements of one page share a stream, and the last one keeps it when the others are removed', async ({ page, context, shell, product }) => {
  await context.route('**/bearer/api/email/run', (route) => route.abort('aborted'));
  const streams = new Streams(context);
  await page.goto(`${shell.url}/three/`);
  const flows = page.getByLabel('OAuth Flow', { exact: true });
  await expect(flows).toHaveCount(3);
  const waiting = () => page.evaluate(async () => (await navigator.locks.query()).pending?.length);
  await expect.poll(waiting).toBe(2);
  await expect.poll(() => streams.pages).toHaveLength(1);
  await page.evaluate(() => [...document.querySelectorAll('ppm-email-settings')].slice(0, -1).forEach((element) => element.remove()));
  await expect(flows).toHaveCount(1);
  const form = new Form(page);
  await form.saveBasic(product.mail);
  await form.deliverTest();
});
