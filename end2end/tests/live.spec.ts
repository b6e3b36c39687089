// A test message as it goes its way: its steps are seen as they happen, by one stream for all pages of
// a browser, and by asking where there is no stream.

import type { BrowserContext, Page, Request } from '@playwright/test';
import { test as embedded } from '../support/embedded.ts';
import { basic, Form } from '../support/form.ts';
import { Hesitant } from '../support/hesitant.ts';
import { expect, test as base } from '../support/test.ts';

const EVENTS = '**/api/email/events';
const RUN = '**/api/email/run';

const test = base.extend<{ slow: Hesitant; prepare: (page: Page) => Promise<Form> }>({
  flags: ({}, use) => use(['--smtp-reply-seconds', '200', '--smtp-total-seconds', '200']),

  slow: async ({}, use) => {
    const slow = await Hesitant.start();
    await use(slow);
    await slow.stop();
  },

  /** The tab of somebody signed in, with a mail server saved that is waited for. */
  prepare: async ({ signIn, slow }, use) => {
    await use(async (page) => {
      await signIn(page);
      const form = new Form(page);
      await form.fill(form.basic, slow.settings);
      await form.saved();
      return form;
    });
  },
});

/** A step of the ladder. */
function rung(page: Page, name: string) {
  const ladder = page.getByRole('list', { name: 'Steps of the test message', exact: true });
  return ladder.getByRole('listitem').filter({ has: page.getByText(name, { exact: true }) });
}

/** Lets nobody ask how a message is getting on, so that only a stream can tell. */
async function forbidAsking(context: BrowserContext): Promise<void> {
  await context.route(RUN, (route) => route.abort('aborted'));
}

/** The streams that pages of this browser read at the moment. */
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

/** Makes a page one that nobody sees, or one that somebody sees again. */
async function hide(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (hidden ? 'hidden' : 'visible') });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, isHidden);
}

test('the ladder grows step by step, without asking', async ({ page, context, prepare, slow, axe }) => {
  test.slow();
  const form = await prepare(page);
  await forbidAsking(context);
  await form.sendTest.click();
  await expect(rung(page, 'Connection')).toContainText('done');
  await expect(rung(page, 'Greeting')).toContainText('running');
  await expect(rung(page, 'Sender')).toContainText('waiting');
  slow.answer(2);
  await expect(rung(page, 'Greeting')).toContainText('done');
  await expect(rung(page, 'Sender')).not.toContainText('done');
  await axe();
  slow.answer();
  await expect(rung(page, 'Sender')).toContainText('done');
  await expect(rung(page, 'Recipient')).not.toContainText('done');
  slow.goOn();
  await expect(form.outcome(/accepted the message/)).toBeVisible();
});

test('a reload in the middle takes the ladder up where it was', async ({ page, context, prepare, slow }) => {
  const form = await prepare(page);
  await forbidAsking(context);
  await form.sendTest.click();
  slow.answer(2);
  await expect(rung(page, 'Greeting')).toContainText('done');
  await page.reload();
  await expect(rung(page, 'Greeting')).toContainText('done');
  await expect(rung(page, 'Sender')).not.toContainText('done');
  slow.goOn();
  await expect(form.outcome(/accepted the message/)).toBeVisible();
});

test('a second tab sees it by the one stream of the browser, and reads on when the first is closed', async ({ page, context, prepare, slow }) => {
  const streams = new Streams(context);
  const form = await prepare(page);
  await forbidAsking(context);
  await expect.poll(() => streams.pages).toEqual([page]);
  const second = await context.newPage();
  await second.goto('/settings/email');
  await expect(new Form(second).sendTest).toBeEnabled();

  await form.sendTest.click();
  slow.answer(2);
  await expect(rung(second, 'Greeting')).toContainText('done');
  await expect(second.getByRole('button', { name: 'Sending…', exact: true })).toBeVisible();
  expect(streams.pages).toEqual([page]);

  await page.close();
  await expect.poll(() => streams.pages).toEqual([second]);
  slow.goOn();
  await expect(new Form(second).outcome(/accepted the message/)).toBeVisible();
});

test('a page that is hidden reads no stream, and catches up when it is seen again', async ({ page, context, prepare, slow }) => {
  const streams = new Streams(context);
  const form = await prepare(page);
  await forbidAsking(context);
  await form.sendTest.click();
  await expect(rung(page, 'Greeting')).toContainText('running');
  await hide(page, true);
  await expect.poll(() => streams.pages).toEqual([]);
  slow.answer(2);
  await hide(page, false);
  await expect.poll(() => streams.pages).toEqual([page]);
  await expect(rung(page, 'Greeting')).toContainText('done');
  slow.goOn();
  await expect(form.outcome(/accepted the message/)).toBeVisible();
});

test('where there is no stream, the page asks', async ({ page, context, prepare, slow }) => {
  await context.route(EVENTS, (route) => route.abort('aborted'));
  const form = await prepare(page);
  await form.sendTest.click();
  slow.answer(2);
  await expect(rung(page, 'Greeting')).toContainText('done');
  slow.goOn();
  await expect(form.outcome(/accepted the message/)).toBeVisible();
});

test('where a browser knows no locks, as on plain http, each tab reads a stream of its own', async ({ page, context, prepare, slow }) => {
  await context.addInitScript(() => Object.defineProperty(Navigator.prototype, 'locks', { get: () => undefined }));
  const streams = new Streams(context);
  const form = await prepare(page);
  await forbidAsking(context);
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
      const region = document.getElementById('test-outcome')!;
      const announced: string[] = [];
      Object.assign(globalThis, { announced });
      new MutationObserver((changes) => {
        // What is added to a place that is no live region is not announced.
        if (region.getAttribute('role') !== 'status') return;
        const added = changes.flatMap(({ addedNodes }) => [...addedNodes]);
        announced.push(...added.map((node) => node.textContent ?? '').filter(Boolean));
      }).observe(region, { childList: true, subtree: true });
    });
  const headings = async () => (await announcements()).filter((text) => /accepted the message/.test(text));

  await listen();
  await form.sendTest.click();
  slow.answer(2);
  await expect(rung(page, 'Greeting')).toContainText('done');
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

test('what is under way moves only for those who like it', async ({ page, prepare }) => {
  const form = await prepare(page);
  await form.sendTest.click();
  const sign = rung(page, 'Greeting').locator('.sign');
  await expect(sign).toHaveText('›');
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await expect(sign).toHaveCSS('animation-name', 'none');
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  await expect(sign).toHaveCSS('animation-name', 'under-way');
});

embedded('an element on a page of another site hears of a message by a stream, with its token', async ({ page, context, shell, product }) => {
  await context.route('**/bearer/api/email/run', (route) => route.abort('aborted'));
  const streams = new Streams(context);
  await page.goto(`${shell.url}/plain/`);
  const form = new Form(page);
  await form.fill(form.basic, basic(product.mail));
  await form.saved();
  await expect.poll(() => streams.pages).toHaveLength(1);
  await form.sendTest.click();
  await expect(form.outcome(/accepted the message/)).toBeVisible();
});

embedded('elements of one page read one stream, and the last of them reads on when the others are gone', async ({ page, context, shell, product }) => {
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
  await form.fill(form.basic, basic(product.mail));
  await form.saved();
  await form.sendTest.click();
  await expect(form.outcome(/accepted the message/)).toBeVisible();
});
