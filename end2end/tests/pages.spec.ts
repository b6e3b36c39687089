// The other pages: setup of the first administrator, time preferences, test messages, audit trail.

import { basic, Form, type Values } from '../support/form.ts';
import { ADA, expect, test } from '../support/test.ts';
import type { Locator, Page } from '@playwright/test';

/** Saves time preferences. */
async function prefer(page: Page, pattern: string, clock: string, zone: string): Promise<void> {
  await page.goto('/preferences/time');
  await page.getByLabel(pattern, { exact: true }).check();
  await page.getByLabel(clock, { exact: true }).check();
  await page.getByLabel('Time zone', { exact: true }).fill(zone);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByRole('status')).toContainText('Saved.');
}

const WRITTEN = /\d\d-[A-Z][a-z]{2}-\d{4} \d{1,2}:\d\d [AP]M UTC\+5:30/;

test('time preferences apply to the last test message and to the history', async ({ page, signIn, product }) => {
  const form = await signIn();
  await form.saveBasic(product.mail);
  await form.deliverTest();
  await expect(page.getByText(/^Last test: \d{4}-\d\d-\d\d \d\d:\d\d UTC, to .*\.$/)).toBeVisible();

  await prefer(page, 'DD-Mon-YYYY', '12 hours', 'kolkata');
  await page.getByRole('link', { name: 'Email', exact: true }).click();
  await expect(page.getByText(/^Last test: /)).toHaveText(WRITTEN);
  await page.getByRole('link', { name: 'Test messages' }).click();
  const entry = page.getByRole('list', { name: 'Test messages' }).getByRole('listitem').first();
  await expect(entry).toContainText(WRITTEN);
  await expect(entry).toContainText('Accepted');
  await expect(entry).toContainText(ADA.name);
});

test('time preferences apply to the notice of a conflict', async ({ page, signIn, context }) => {
  await signIn();
  await prefer(page, 'DD-Mon-YYYY', '12 hours', 'Asia/Kolkata');
  await page.goto('/settings/email');
  const other = await context.newPage();
  await other.goto('/settings/email');
  const [mine, theirs] = [new Form(page), new Form(other)];
  const values = { 'Display Name': 'PPM', 'SMTP Server': 'localhost', Port: '25' };
  await mine.fill(mine.basic, { 'Default Sender Email': 'mine@practice.example', ...values });
  await theirs.fill(theirs.basic, { 'Default Sender Email': 'theirs@practice.example', ...values });
  await theirs.saved();
  await mine.save.click();
  await expect(page.getByRole('alert')).toContainText(WRITTEN);
});

const DAYLIGHT_SAVING = [
  { zone: 'Europe/Berlin', before: '2026-03-29T00:59Z', day: 29, hours: ['01:59 UTC+1', '03:00 UTC+2'], twelve: ['1:59 AM UTC+1', '3:00 AM UTC+2'] },
  { zone: 'America/New_York', before: '2026-03-08T06:59Z', day: 8, hours: ['01:59 UTC-5', '03:00 UTC-4'], twelve: ['1:59 AM UTC-5', '3:00 AM UTC-4'] },
];
const PATTERNS: [string, (day: string) => string][] = [
  ['YYYY-MM-DD', (day) => `2026-03-${day}`],
  ['MM/DD/YYYY', (day) => `03/${day}/2026`],
  ['DD/MM/YYYY', (day) => `${day}/03/2026`],
  ['DD.MM.YYYY', (day) => `${day}.03.2026`],
  ['DD-Mon-YYYY', (day) => `${day}-Mar-2026`],
];

for (const { zone, before, day, hours, twelve } of DAYLIGHT_SAVING) {
  test(`every date pattern is correct before and after the daylight-saving change in ${zone}`, async ({ page, signIn, product }) => {
    const instant = Date.parse(before);
    product.storeRun(instant);
    product.storeRun(instant + 60_000);
    await signIn();
    for (const [pattern, date] of PATTERNS) {
      for (const [clock, times] of [['24 hours', hours], ['12 hours', twelve]] as const) {
        await prefer(page, pattern, clock, zone);
        await page.goto('/settings/email/history');
        const entries = page.getByRole('list', { name: 'Test messages' }).getByRole('listitem');
        const written = times.map((time) => `${date(String(day).padStart(2, '0'))} ${time}`).reverse();
        await expect(entries).toContainText(written);
      }
    }
  });
}

test('an unknown time zone is refused at its field, and the other choices are kept', async ({ page, signIn, consoleErrors, axe }) => {
  consoleErrors.expectStatus(422, /preferences/);
  await signIn();
  await page.goto('/preferences/time');
  await page.getByLabel('DD.MM.YYYY', { exact: true }).check();
  const zone = page.getByLabel('Time zone', { exact: true });
  await zone.fill('argentina/s');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByRole('alert')).toContainText('America/Argentina/Salta');
  await expect(zone).toHaveValue('argentina/s');
  await expect(zone).toBeFocused();
  await expect(page.getByLabel('DD.MM.YYYY', { exact: true })).toBeChecked();
  await axe();
  await page.goto('/preferences/time');
  await expect(zone).toHaveValue('UTC');
});

test('the history shows the last ten test messages, or that there are none', async ({ page, signIn, product }) => {
  await signIn();
  await page.getByRole('link', { name: 'Test messages' }).click();
  await expect(page.getByText('No test message has been sent yet.')).toBeVisible();
  for (let minute = 0; minute < 12; minute++) product.storeRun(Date.UTC(2026, 0, 2, 3, minute));
  await page.reload();
  const entries = page.getByRole('list', { name: 'Test messages' }).getByRole('listitem');
  await expect(entries).toHaveCount(10);
  await expect(entries.first()).toContainText('2026-01-02 03:11 UTC');
  await expect(entries.first()).toContainText('Grace Hopper');
});

/** Sends a test message with these settings, waits for this outcome, and opens the history. */
async function sendAndOpenHistory(page: Page, settings: Values, end: RegExp): Promise<void> {
  const form = new Form(page);
  await form.fill(form.basic, settings);
  await form.saved();
  await form.sendTest.click();
  await expect(form.outcome(end)).toBeVisible();
  await page.goto('/settings/email/history');
}

test('a failed test message expands to its steps and diagnosis', async ({ page, signIn, product }) => {
  await signIn();
  await sendAndOpenHistory(page, { ...basic(product.mail), Password: 'wrong' }, /^Sign-in failed/);
  await page.getByText(/^Sign-in failed/).first().click();
  await expect(page.getByRole('list', { name: 'Steps of the test message' })).toBeVisible();
  await expect(page.getByRole('heading', { name: /^Sign-in failed/ })).toBeVisible();
});

test('the history shows a message as text, and has no button that needs a script', async ({ page, signIn, product }) => {
  await signIn();
  await sendAndOpenHistory(page, { ...basic(product.mail), Password: 'wrong' }, /^Sign-in failed/);
  const messages = page.getByRole('list', { name: 'Test messages' });
  await messages.getByText(/^Sign-in failed/).first().click();
  await messages.getByText('As text', { exact: true }).click();
  await expect(messages.getByRole('textbox', { name: 'As text' })).toHaveValue(/^Sign-in: failed/m);
  await expect(messages.getByRole('button')).toHaveCount(0);
});

test('a closed entry of the history says whether saved or unsaved settings were tested', async ({ page, signIn, product }) => {
  const form = await signIn();
  await form.fill(form.basic, basic(product.mail));
  await page.getByRole('button', { name: 'Test these settings', exact: true }).click();
  await expect(form.outcome(/accepted the message/)).toBeVisible();
  await form.saved();
  await form.deliverTest();
  await page.goto('/settings/email/history');
  for (const tested of ['the saved settings.', 'the form as it was; nothing was saved.']) {
    await expect(page.getByText(new RegExp(`accepted the message\\. Tested ${tested}$`))).toBeVisible();
  }
});

test('in the history, an outcome is written in ink', async ({ page, signIn, product }) => {
  await signIn();
  await sendAndOpenHistory(page, basic(product.mail), /accepted the message/);
  const entry = page.getByRole('list', { name: 'Test messages' }).getByRole('listitem').first();
  await page.getByText('Accepted', { exact: true }).first().click();
  const colour = (text: Locator) => text.evaluate((element) => getComputedStyle(element).color);
  const ink = await colour(page.getByRole('heading', { level: 1 }));
  expect(await colour(page.getByRole('heading', { name: /accepted the message/ }))).toBe(ink);
  expect(await colour(entry.getByText('Server reply', { exact: true }).first().locator('xpath=following-sibling::dd'))).toBe(ink);
});

test("in the history, the server's reply is collapsed to one line", async ({ page, signIn, product }) => {
  await signIn();
  await sendAndOpenHistory(page, basic(product.mail), /accepted the message/);
  await page.getByText('Accepted', { exact: true }).first().click();
  const words = page.getByText('Server reply', { exact: true }).first();
  expect((await words.boundingBox())!.height).toBeLessThan(30);
});

test('the audit trail has a row for each action', async ({ page, signIn, product, consoleErrors }) => {
  consoleErrors.expectStatus(422, /sign-in/);
  await page.goto('/sign-in');
  await page.getByLabel('Email', { exact: true }).fill(ADA.email);
  await page.getByLabel('Password', { exact: true }).fill('not the password');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  const form = await signIn();
  await form.saveBasic(product.mail);
  await form.deliverTest();
  await prefer(page, 'DD/MM/YYYY', '24 hours', 'UTC');
  await product.add({ email: 'bob@practice.example', name: 'Bob' });
  await product.command(['admin', 'set-password', 'bob@practice.example', '--password-stdin'], 'yet another pass phrase\n');
  await product.command(['admin', 'remove', 'bob@practice.example']);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await signIn();
  await page.getByRole('link', { name: 'Audit trail' }).click();
  const rows = page.getByRole('table').getByRole('row');
  await expect(rows).toContainText([
    'What',
    'Signed in',
    'Signed out',
    'Removed an account',
    'Changed a password',
    'Added an account',
    'Saved time preferences',
    'Requested a test message',
    'Default Sender Email, Display Name, SMTP Server, Port, Username, Password',
    'Signed in',
    'Sign-in failed',
    'Added an account',
  ]);
});

test('an entry of the audit trail is one line on a wide screen, and opens to its origin', async ({ page, signIn, product, axe }) => {
  const form = await signIn();
  await form.saveBasic(product.mail);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.goto('/audit');
  const row = page.getByRole('row').filter({ hasText: 'Saved the Email settings' });
  expect((await row.boundingBox())!.height).toBeLessThan(40);
  const origin = row.getByText(/^from 127\.0\.0\.1 in session [\w-]{16}$/);
  await expect(origin).toBeHidden();
  await row.getByText('Saved the Email settings').click();
  await expect(origin).toBeVisible();
  await axe();
});

test('the audit trail is filtered by person and by day', async ({ page, signIn, product }) => {
  await product.add({ email: 'bob@practice.example', name: 'Bob' });
  await signIn(page, 'bob@practice.example');
  await signIn();
  await page.goto('/audit');
  const rows = page.getByRole('table').getByRole('row');
  const all = await rows.count();
  await page.getByLabel('Person', { exact: true }).selectOption('bob@practice.example');
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await expect(page.getByLabel('Person', { exact: true })).toHaveValue('bob@practice.example');
  await expect(rows).toContainText(['What', 'Signed in']);
  await page.getByLabel('Day', { exact: true }).fill('2001-02-03');
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await expect(page.getByText('No entries match.')).toBeVisible();
  await page.getByRole('link', { name: 'Show all' }).click();
  await expect(rows).toHaveCount(all);
});

test('the first administrator is created through the link that the server printed', async ({ page, product, consoleErrors, axe }) => {
  consoleErrors.expectStatus(410, /set-up/);
  consoleErrors.expectStatus(422, /set-up/);
  await product.restartEmpty();
  await page.goto('/sign-in');
  await expect(page.getByText('There is no account yet.')).toBeVisible();
  await page.goto('/set-up?ticket=guessed');
  await expect(page.getByRole('heading', { name: 'This link no longer works' })).toBeVisible();

  const link = await product.setUpLink();
  await page.goto(link);
  await axe();
  await page.getByLabel('Name', { exact: true }).fill('Grace Hopper');
  await page.getByLabel('Email', { exact: true }).fill('grace@practice.example');
  await page.getByLabel('Password', { exact: true }).fill('a practice pass phrase');
  await page.getByLabel('Confirm password', { exact: true }).fill('another pass phrase');
  await page.getByRole('button', { name: 'Create administrator' }).click();
  await expect(page.getByRole('alert')).toContainText('do not match');
  await expect(page.getByLabel('Name', { exact: true })).toHaveValue('Grace Hopper');
  await expect(page.getByLabel('Email', { exact: true })).toHaveValue('grace@practice.example');
  await expect(page.getByLabel('Password', { exact: true })).toHaveValue('');
  for (const [password, words] of [['password1234', 'too common'], ['Grace.Hopper', 'your name or email address']] as const) {
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByLabel('Confirm password', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Create administrator' }).click();
    await expect(page.getByRole('alert')).toContainText(words);
  }
  await page.getByLabel('Password', { exact: true }).fill('a practice pass phrase');
  await page.getByLabel('Confirm password', { exact: true }).fill('a practice pass phrase');
  await page.getByRole('button', { name: 'Create administrator' }).click();
  await page.waitForURL('**/settings/email');
  await expect(page.getByText('Grace Hopper · grace@practice.example')).toBeVisible();
  await page.getByRole('link', { name: 'Audit trail' }).click();
  await expect(page.getByRole('table')).toContainText('Became the first administrator');

  await page.goto(link);
  await expect(page.getByRole('heading', { name: 'Setup is done' })).toBeVisible();
});

test("setup shows the product's own messages, not the browser's", async ({ page, product, consoleErrors }) => {
  consoleErrors.expectStatus(422, /set-up/);
  await product.restartEmpty();
  await page.goto(await product.setUpLink());
  await page.getByLabel('Email', { exact: true }).fill('not an address');
  await page.getByRole('button', { name: 'Create administrator' }).click();
  await expect(page.getByRole('alert')).toBeVisible();
  await expect(page.getByLabel('Email', { exact: true })).toHaveValue('not an address');
});

test('with an administrator, the server prints no setup link', async ({ product, page }) => {
  await page.goto('/sign-in');
  await expect(page.getByText('There is no account yet.')).toBeHidden();
  expect(product.log).not.toContain('set-up');
});

test('every page is accessible and has no horizontal overflow on a narrow screen', async ({ page, signIn, product, axe }) => {
  product.storeRun(Date.UTC(2026, 0, 2));
  await signIn();
  for (const path of ['/settings/email/history', '/settings/email/health', '/settings/email/applications', '/audit', '/preferences/time']) {
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.goto(path);
    await axe();
    await page.setViewportSize({ width: 320, height: 640 });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow, path).toBeLessThanOrEqual(0);
  }
});

test('the other pages load no script', async ({ page, signIn }) => {
  await signIn();
  const scripts: string[] = [];
  // Leave the tab's page first, so that none of its requests is counted.
  await page.goto('/audit');
  page.on('request', (request) => {
    if (['script', 'fetch'].includes(request.resourceType())) scripts.push(request.url());
  });
  for (const path of ['/settings/email/history', '/settings/email/health', '/settings/email/applications', '/audit', '/preferences/time']) await page.goto(path);
  expect(scripts).toEqual([]);
});
