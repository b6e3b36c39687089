// The example of a Leptos application: the tab as one of its routes, in its own bundle. The server
// renders each route; in the browser the router changes between them without a load.

import type { Page, Request } from '@playwright/test';
import { basic } from '../support/form.ts';
import { LeptosPage, LeptosShell } from '../support/leptos-shell.ts';
import { expect, test as base } from '../support/test.ts';

const EMAIL = '/settings/email';

const test = base.extend<{ shell: LeptosShell; start: LeptosPage; tab: LeptosPage }>({
  // Only the product's practice servers are used.
  changesNothing: true,

  // Closes the pages first: a page that is still loading would report the stopped server as an error.
  shell: async ({ product, inbox, context }, use, info) => {
    await inbox.clear();
    const shell = await LeptosShell.start(product, info.outputPath('shell.db'));
    await use(shell);
    await context.close();
    await shell.stop();
  },

  /** The start page, loaded. */
  start: async ({ shell, page }, use) => {
    const start = await shell.open(page, '/');
    await start.mark();
    await use(start);
  },

  /** The tab, to which the router has led from the start page. */
  tab: async ({ start }, use) => {
    await start.follow('Email');
    await start.shows('Email');
    await use(start);
  },
});

function displayName(tab: LeptosPage) {
  return tab.field(tab.basic, 'Display Name');
}

/** Types a change and waits until it counts. */
async function change(tab: LeptosPage): Promise<void> {
  await displayName(tab).pressSequentially('typed');
  await expect(tab.save).toBeVisible();
}

/** Expects the change that was typed before the route was left. */
async function expectChange(tab: LeptosPage): Promise<void> {
  await tab.shows('Email');
  await expect(displayName(tab)).toHaveValue('typed');
  await expect(tab.page.getByText('1 change not saved')).toBeVisible();
  await expect(tab.page).toHaveTitle('• Email · PPM Administrator');
  await tab.expectMarked();
}

test('the server renders the route of the tab, and the browser brings it to life', async ({ shell, page, axe }) => {
  const tab = await shell.open(page, EMAIL);
  const answer = await page.request.get(`${shell.url}${EMAIL}`);
  expect(await answer.text()).toContain('Basic SMTP Settings');
  expect(answer.headers()['content-security-policy']).toContain("default-src 'none'");
  await tab.mark();
  await change(tab);
  await axe();
  await tab.follow('Projects');
  await tab.shows('Projects');
  await tab.expectMarked();
});

test('no route is loaded from the server when a link leads to it', async ({ shell, start, context }) => {
  const documents: string[] = [];
  context.on('request', (request) => {
    if (request.isNavigationRequest()) documents.push(request.url());
  });
  for (const name of ['Email', 'Projects', 'Email', 'Start'] as const) {
    await start.follow(name);
    await start.shows(name);
  }
  await start.expectMarked();
  expect(documents).toEqual([]);
  await expect(start.page).toHaveURL(`${shell.url}/`);
});

test('settings are saved and a test message is sent on a route to which a link led', async ({ tab, product, inbox }) => {
  await tab.saveBasic(product.mail);
  await tab.deliverTest();
  await inbox.waitFor({ to: 'grace@practice.example' });
  await tab.follow('Start');
  await tab.shows('Start');
  await tab.follow('Email');
  await expect(tab.outcome(/accepted the message/)).toBeVisible();
  await expect(tab.field(tab.basic, 'SMTP Server')).toHaveValue('localhost');
  await tab.expectMarked();
});

const WAYS: { name: string; to: 'Start' | 'Projects'; leave: (tab: LeptosPage) => Promise<unknown>; back: (tab: LeptosPage) => Promise<unknown> }[] = [
  { name: 'a link', to: 'Projects', leave: (tab) => tab.follow('Projects'), back: (tab) => tab.follow('Email') },
  { name: 'the back button', to: 'Start', leave: ({ page }) => page.goBack(), back: ({ page }) => page.goForward() },
  { name: 'a link and the back button', to: 'Projects', leave: (tab) => tab.follow('Projects'), back: ({ page }) => page.goBack() },
];

for (const { name, to, leave, back } of WAYS) {
  test(`a change that is not saved is kept when the tab is left by ${name}`, async ({ tab }) => {
    await change(tab);
    await leave(tab);
    await tab.shows(to);
    await expect(tab.page).toHaveTitle(`${to} · PPM Administrator`);
    await back(tab);
    await expectChange(tab);
  });
}

test('a change that is not saved is kept when the tab is left by the forward button', async ({ tab }) => {
  await tab.follow('Projects');
  await tab.shows('Projects');
  await tab.page.goBack();
  await tab.shows('Email');
  await change(tab);
  await tab.page.goForward();
  await tab.shows('Projects');
  await tab.follow('Email');
  await expectChange(tab);
});

test('a typed secret is kept, too, and saved after the return', async ({ tab, product, inbox }) => {
  await tab.fill(tab.basic, basic(product.mail));
  await tab.follow('Projects');
  await tab.shows('Projects');
  await tab.follow('Email');
  await tab.saved();
  await tab.deliverTest();
  await inbox.waitFor({ to: 'grace@practice.example' });
});

/** Reloads, and stays on the page when the browser asks. */
async function reloadAndStay(page: Page): Promise<void> {
  const asked = page.waitForEvent('dialog');
  const reloaded = page.evaluate(() => location.reload()).catch(() => {}); // Rejects when the user stays.
  const dialog = await asked;
  expect(dialog.type()).toBe('beforeunload');
  await dialog.dismiss();
  await reloaded;
}

test('a reload asks first while there are changes, on the route of the tab and on any other', async ({ tab }) => {
  await change(tab);
  await reloadAndStay(tab.page);
  await tab.follow('Projects');
  await tab.shows('Projects');
  await reloadAndStay(tab.page);
  await tab.follow('Email');
  await expectChange(tab);
  await reloadAndStay(tab.page);
});

test('nothing is asked or kept once the changes are discarded', async ({ tab }) => {
  const asked: string[] = [];
  tab.page.on('dialog', async (dialog) => {
    asked.push(dialog.type());
    await dialog.accept();
  });
  await change(tab);
  await tab.follow('Start');
  await tab.shows('Start');
  await tab.follow('Email');
  await expectChange(tab);
  await tab.cancel.click();
  await tab.follow('Start');
  await tab.shows('Start');
  await tab.page.reload();
  await tab.follow('Email');
  await tab.shows('Email');
  await expect(displayName(tab)).toHaveValue('');
  await expect(tab.save).toBeHidden();
  expect(asked).toEqual([]);
});

test('what another administrator saved meanwhile is named after the return, and a save merges both', async ({ shell, tab, browser, product }) => {
  const sender = tab.field(tab.basic, 'Default Sender Email');
  await tab.saveBasic(product.mail, { 'Display Name': 'PPM' });
  await displayName(tab).press('End');
  await change(tab);
  await tab.follow('Start');
  await tab.shows('Start');

  const other = await browser.newContext();
  const page = await other.newPage();
  await shell.signIn(page, 'ada');
  await page.goto(`${shell.url}${EMAIL}`);
  const theirs = new LeptosPage(page);
  await theirs.fill(theirs.basic, { 'Default Sender Email': 'other@practice.example' });
  await theirs.saved();
  await other.close();

  await tab.follow('Email');
  await tab.shows('Email');
  await expect(displayName(tab)).toHaveValue('PPMtyped');
  await expect(tab.page.getByRole('region', { name: 'Unsaved changes' })).toContainText('Ada Okafor saved');
  await tab.save.click();
  await expect(sender).toHaveValue('other@practice.example');
  await expect(displayName(tab)).toHaveValue('PPMtyped');
});

test('what one user typed is not shown to the next on the same page', async ({ shell, tab, page }) => {
  await change(tab);
  await tab.follow('Start');
  await tab.shows('Start');
  await shell.signIn(page, 'ada');
  await tab.follow('Email');
  await tab.shows('Email');
  await expect(displayName(tab)).toHaveValue('');
  await expect(tab.save).toBeHidden();
  await tab.expectMarked();
});

test('Ctrl+S saves once after the tab was left several times', async ({ tab, product, context }) => {
  for (let visit = 0; visit < 3; visit += 1) {
    await tab.follow('Start');
    await tab.shows('Start');
    await tab.follow('Email');
    await tab.shows('Email');
  }
  const saves: string[] = [];
  context.on('request', (request) => {
    if (request.url().endsWith('/api/email/save')) saves.push(request.url());
  });
  await tab.fill(tab.basic, basic(product.mail));
  await tab.page.keyboard.press('Control+s');
  await expect(tab.page.getByText('Saved.', { exact: true })).toBeVisible();
  expect(saves).toHaveLength(1);
});

test('a visit of the tab leaves no listener, no channel and no event stream behind', async ({ shell, page, context }) => {
  await page.addInitScript(() => {
    const left = { listeners: 0, channels: 0 };
    Object.assign(window, { left });
    for (const target of [window, document]) {
      const { addEventListener, removeEventListener } = target;
      target.addEventListener = (...args: Parameters<typeof addEventListener>) => {
        left.listeners += 1;
        addEventListener.apply(target, args);
      };
      target.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
        left.listeners -= 1;
        removeEventListener.apply(target, args);
      };
    }
    const { BroadcastChannel: Channel } = window;
    window.BroadcastChannel = class extends Channel {
      constructor(name: string) {
        super(name);
        left.channels += 1;
      }

      override close() {
        left.channels -= 1;
        super.close();
      }
    };
  });
  const streams = new Set<Request>();
  const ended = (request: Request) => streams.delete(request);
  context.on('request', (request) => request.url().endsWith('/api/email/events') && streams.add(request));
  context.on('requestfinished', ended);
  context.on('requestfailed', ended);

  const start = await shell.open(page, '/');
  await start.follow('Projects');
  await start.shows('Projects');
  const left = () => page.evaluate(() => (window as unknown as { left: object }).left);
  const before = JSON.stringify(await left());
  for (let visit = 0; visit < 3; visit += 1) {
    await start.follow('Email');
    await start.shows('Email');
    await expect.poll(() => streams.size, 'one stream').toBe(1);
    await start.follow('Projects');
    await start.shows('Projects');
    await expect.poll(() => streams.size, 'no stream').toBe(0);
  }
  expect(JSON.stringify(await left())).toBe(before);
});

test('leaving before the settings have come does no harm', async ({ start, context }) => {
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await context.route('**/api/email/load', async (route) => {
    await held;
    await route.continue();
  });
  const asked = start.page.waitForRequest('**/api/email/load');
  await start.follow('Email');
  await asked;
  await start.follow('Start');
  await start.shows('Start');
  const answered = start.page.waitForResponse('**/api/email/load');
  release();
  await answered;
  await start.follow('Email');
  await start.shows('Email');
  await change(start);
  await start.expectMarked();
});

test('a save during which the tab is left is not lost', async ({ tab, product, context }) => {
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await context.route('**/api/email/save', async (route) => {
    await held;
    await route.continue();
  });
  await tab.fill(tab.basic, basic(product.mail));
  const asked = tab.page.waitForRequest('**/api/email/save');
  await tab.save.click();
  await asked;
  await tab.follow('Start');
  await tab.shows('Start');
  const answered = tab.page.waitForResponse('**/api/email/save');
  release();
  await answered;
  await tab.follow('Email');
  await tab.shows('Email');
  await expect(tab.field(tab.basic, 'SMTP Server')).toHaveValue('localhost');
  await tab.cancel.click();
  await expect(tab.field(tab.basic, 'SMTP Server')).toHaveValue('localhost');
});

test('a session that has ended is named on the route to which a link leads', async ({ start, context, consoleErrors }) => {
  await context.clearCookies();
  consoleErrors.expectStatus(401, /api\/email\/load/);
  await start.follow('Email');
  await expect(start.page.getByRole('alert')).toContainText('Your session has ended');
  await start.expectMarked();
});
