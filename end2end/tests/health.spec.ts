// The health of mail: the banner about an open incident, in the tab of every page, and the page Health.

import type { Page } from '@playwright/test';
import type { PpmEmailSettings } from '../../embed/embed.d.ts';
import { test as embedded } from '../support/embedded.ts';
import { Form } from '../support/form.ts';
import type { Product } from '../support/product.ts';
import type { startScripted } from '../support/scripted.ts';
import { expect, test } from '../support/test.ts';

const HEALTH = '/settings/email/health';
const EHLO = '250-mail.practice.example\r\n250 AUTH LOGIN PLAIN';
const REFUSAL = '535 5.7.8 </textarea><b id=canary>';
const CAUSE = 'Sign-in failed: The server does not accept this user name with this password.';

/** Replies of a mail server that refuses the sign-in, and accepts everything after `repair`. */
function repairable() {
  const answers: Record<string, string> = {
    EHLO,
    AUTH: REFUSAL,
    MAIL: '250 2.1.0 Fine',
    RCPT: '250 2.1.5 Fine',
    DATA: '354 Go on',
    '.': '250 2.0.0 Queued',
  };
  return { answers, repair: () => (answers.AUTH = '235 2.7.0 Welcome') };
}

/** Locates the heading of the banner, or of the page Health. */
function stopped(page: Page) {
  return page.getByRole('heading', { name: 'Email has stopped.', exact: true });
}

/** Expects that text of a mail server has become no element. */
async function expectNoMarkup(page: Page): Promise<void> {
  await expect(page.locator('#canary')).toHaveCount(0);
}

test('the banner opens and closes by itself in every tab', async ({ page, context, signIn, product, scripted, axe }) => {
  const { answers, repair } = repairable();
  const server = await scripted(answers);
  const form = await signIn();
  await form.saveBasic(product.mail, { Port: String(server.port), 'Use TLS': false });
  const other = await context.newPage();
  await other.goto('/settings/email');
  await expect(new Form(other).sendTest).toBeEnabled();
  await page.bringToFront();
  await expect(stopped(page)).toHaveCount(0);

  await form.sendTest.click();
  for (const shown of [page, other]) {
    await expect(shown.getByRole('alert').filter({ has: stopped(shown) })).toContainText(CAUSE);
    const banner = shown.locator('section').filter({ has: stopped(shown) });
    await expect(banner).toContainText(', 1 failure.');
    await expect(banner).toContainText(REFUSAL);
    await expect(banner.getByRole('listitem').filter({ hasText: 'Enter the Password again' })).toBeVisible();
    await expectNoMarkup(shown);
  }
  await axe();
  await form.sendTest.click();
  await expect(other.getByText(/, 2 failures\./)).toBeVisible();

  repair();
  await form.deliverTest();
  for (const shown of [page, other]) await expect(stopped(shown)).toHaveCount(0);
  await expect(page.getByRole('status').filter({ hasText: 'Email works again.' })).toHaveCount(1);
});

test('a credential that expires in 13 days is announced until its date is changed', async ({ page, signIn, product, axe }) => {
  const form = await signIn();
  const on = new Date(Date.now() + 13 * 86_400_000).toISOString().slice(0, 10);
  await form.saveBasic(product.mail, { Username: 'ada', Password: 'a password', 'Secret expires on': on });
  const reminder = page.getByRole('note').filter({ hasText: 'Password expires in 13 days (' });
  await expect(reminder).toBeVisible();
  await page.reload();
  await expect(reminder).toBeVisible();
  await axe();
  await form.fill(form.basic, { 'Secret expires on': '2090-01-31' });
  await form.saved();
  await expect(reminder).toHaveCount(0);
});

test('an incident that is open when the page is loaded is not announced, and its banner leads to Health', async ({ page, signIn, product, scripted }) => {
  const server = await scripted(repairable().answers);
  const form = await signIn();
  await form.saveBasic(product.mail, { Port: String(server.port), 'Use TLS': false });
  await form.sendTest.click();
  await expect(stopped(page)).toBeVisible();
  await page.reload();
  await expect(stopped(page)).toBeVisible();
  await expect(page.getByRole('alert').filter({ has: stopped(page) })).toHaveCount(0);
  await page.getByRole('link', { name: 'Show health' }).click();
  await expect(page).toHaveURL(HEALTH);
  await expect(stopped(page)).toBeVisible();
});

test('the page Health explains an open incident, and lists it once it has closed', async ({ page, signIn, product, scripted, axe }) => {
  const { answers, repair } = repairable();
  const server = await scripted(answers);
  const form = await signIn();
  await form.saveBasic(product.mail, { Port: String(server.port), 'Use TLS': false });
  await page.getByRole('link', { name: 'Health', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Email has not been checked yet.' })).toBeVisible();
  await expect(page.getByText('never: checks are off (--health-check off)')).toBeVisible();

  await page.getByRole('button', { name: 'Check now' }).click();
  await expect(page.getByRole('status')).toHaveText('The sign-in was checked. The result is below.');
  const incident = page.locator('section').filter({ has: stopped(page) });
  await expect(incident).toContainText(CAUSE);
  await expect(incident).toContainText(REFUSAL);
  await expect(incident.getByRole('listitem').filter({ hasText: 'Enter the Password again' })).toBeVisible();
  await expect(page.getByRole('table', { name: 'Incidents' })).toContainText('still open');
  await expectNoMarkup(page);
  await axe();

  repair();
  await page.getByRole('button', { name: 'Check now' }).click();
  await expect(page.getByRole('heading', { name: 'Email works.', exact: true })).toBeVisible();
  await expect(page.getByRole('table', { name: 'Incidents' })).toContainText(CAUSE);
  await expect(page.getByRole('table', { name: 'Incidents' })).not.toContainText('still open');
  await axe();
});

/** Saves settings that work, sends with them, and saves others that open an incident. */
async function breakWhatWorks(form: Form, product: Product, scripted: typeof startScripted): Promise<void> {
  const server = await scripted(repairable().answers);
  await form.saveBasic(product.mail);
  await form.deliverTest();
  await form.saveBasic(product.mail, { Port: String(server.port), 'Use TLS': false });
  await form.sendTest.click();
  await expect(stopped(form.page)).toBeVisible();
}

test('Restore what last worked fills in the form, and its save ends the incident', async ({ page, signIn, product, scripted, axe }) => {
  const form = await signIn();
  await breakWhatWorks(form, product, scripted);
  const restore = page.getByRole('button', { name: 'Restore what last worked' });
  await expect(page.getByText(/Fills in the settings saved by Ada Okafor on .* They take effect when you save\./)).toBeVisible();
  await axe();
  await restore.click();
  await expect(page.getByRole('heading', { name: 'Filled in the settings that last worked.' })).toBeVisible();
  await expect(page.getByRole('listitem').filter({ hasText: 'Enter Password again' })).toBeVisible();
  await expect(form.field(form.basic, 'Port')).toHaveValue(String(product.mail.starttls));
  await expect(form.field(form.basic, 'Use TLS')).toBeChecked();
  await form.fill(form.basic, { Password: product.mail.password });
  await form.saved();
  await form.deliverTest();
  await expect(stopped(page)).toHaveCount(0);
});

test('Restore what last worked asks before it replaces unsaved changes', async ({ page, signIn, product, scripted }) => {
  const form = await signIn();
  await breakWhatWorks(form, product, scripted);
  await form.fill(form.basic, { 'Display Name': 'Typed' });
  const restore = page.getByRole('button', { name: 'Restore what last worked' });
  await restore.click();
  await page.getByRole('button', { name: 'Keep mine' }).click();
  await expect(restore).toBeFocused();
  await expect(form.field(form.basic, 'Display Name')).toHaveValue('Typed');
  await restore.click();
  await page.getByRole('button', { name: 'Replace these' }).click();
  await expect(form.field(form.basic, 'Display Name')).toHaveValue('Practice PPM');
  await expect(page.getByRole('listitem').filter({ hasText: 'Save. Until then nothing has changed.' })).toBeVisible();
});

test('the page Health leads to the settings that last worked', async ({ page, signIn, product, scripted }) => {
  const form = await signIn();
  await breakWhatWorks(form, product, scripted);
  await page.goto(HEALTH);
  await page.getByRole('link', { name: 'Restore what last worked' }).click();
  await expect(page.getByRole('button', { name: 'Restore what last worked' })).toBeInViewport();
});

test('a save while email has stopped says so, and leads to the banner', async ({ page, signIn, product, scripted }) => {
  const form = await signIn();
  await breakWhatWorks(form, product, scripted);
  await form.fill(form.basic, { 'Display Name': 'Changed' });
  await form.save.click();
  await expect(page.getByRole('status').filter({ hasText: 'Saved. Email has stopped.' })).toBeVisible();
  await page.getByRole('button', { name: 'Show why' }).click();
  await expect(stopped(page)).toBeFocused();
});

test('banner and page fit a window of 360 pixels', async ({ page, signIn, product, scripted }) => {
  await page.setViewportSize({ width: 360, height: 800 });
  const server = await scripted(repairable().answers);
  const form = await signIn();
  await form.saveBasic(product.mail, { Port: String(server.port), 'Use TLS': false });
  await form.sendTest.click();
  await expect(stopped(page)).toBeVisible();
  for (const path of ['/settings/email', HEALTH]) {
    await page.goto(path);
    await expect(stopped(page)).toBeVisible();
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width, path).toBeLessThanOrEqual(360);
  }
});

test('a page without a stream asks after a minute', async ({ page, context, signIn, product, scripted }) => {
  const server = await scripted(repairable().answers);
  await page.clock.install();
  const form = await signIn();
  await form.saveBasic(product.mail, { Port: String(server.port), 'Use TLS': false });
  const other = await context.newPage();
  await other.route('**/api/email/events', (route) => route.abort('aborted'));
  await page.close();
  await other.clock.install();
  await other.goto('/settings/email');
  const again = new Form(other);
  await expect(again.sendTest).toBeEnabled();
  await other.request.post('/api/email/send-test', { data: {}, headers: { 'sec-fetch-site': 'same-origin' } });
  await expect(async () => {
    await other.clock.runFor(61_000);
    await expect(stopped(other)).toBeVisible({ timeout: 500 });
  }).toPass();
});

test.describe('with checks', () => {
  test.use({ flags: ['--health-check', 'on'] });

  test('a save of settings that do not work opens the banner without a message', async ({ page, signIn, product, scripted }) => {
    const server = await scripted(repairable().answers);
    const form = await signIn();
    await form.saveBasic(product.mail, { Port: String(server.port), 'Use TLS': false });
    await expect(stopped(page)).toBeVisible();
    await form.saveBasic(product.mail, { 'Use TLS': true });
    await expect(stopped(page)).toHaveCount(0);
  });
});

embedded.describe('embedded', () => {
  embedded('the banner opens and closes in the element, and its page is told', async ({ page, shell, product, scripted, axe }) => {
    const { answers, repair } = repairable();
    const server = await scripted(answers);
    await page.goto(`${shell.url}/plain/`);
    const form = new Form(page);
    await form.saveBasic(product.mail, { Port: String(server.port), 'Use TLS': false });
    await page.locator('ppm-email-settings').evaluate((element: PpmEmailSettings) => {
      const told: unknown[] = [];
      Object.assign(window, { told });
      element.addEventListener('ppm-incident', ({ detail }) => told.push(detail));
    });
    const told = () => page.evaluate(() => (window as unknown as { told: unknown[] }).told);
    await form.sendTest.click();
    await expect(stopped(page)).toBeVisible();
    await expect(page.getByRole('link', { name: 'Show health' })).toHaveCount(0);
    const incident = {
      id: expect.stringMatching(/./),
      since: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      diagnosis: 'credentials-refused',
      text: expect.not.stringContaining('canary'),
    };
    expect(await told()).toEqual([incident]);
    await axe();
    repair();
    await form.deliverTest();
    await expect(stopped(page)).toHaveCount(0);
    expect(await told()).toEqual([incident, null]);
  });

  embedded('the frame posts a message when email stops', async ({ page, shell, product, scripted }) => {
    const server = await scripted(repairable().answers);
    await page.goto(`${shell.url}/iframe/`);
    const form = new Form(page, page.frameLocator('iframe'));
    await form.saveBasic(product.mail, { Port: String(server.port), 'Use TLS': false });
    const told = page.evaluate(
      () => new Promise((resolve) => addEventListener('message', ({ data }) => data.type === 'incident' && resolve(data))),
    );
    await form.sendTest.click();
    expect(await told).toMatchObject({ ppm: 1, type: 'incident', incident: { diagnosis: 'credentials-refused' } });
  });
});
