// Authentication by the host's token: if it expires during an action, nothing is lost, and the action
// works again with a new token.

import type { Page } from '@playwright/test';
import { configure, openConsent } from '../support/consent.ts';
import { basic, Form } from '../support/form.ts';
import { GRACE, Host } from '../support/host.ts';
import { expect, test as base } from '../support/test.ts';

const EXPIRED = 'Your sign-in has expired. Your changes are still here: sign in again to the product you came from, in a new tab, then try again.';

const test = base.extend<{ host: Host; form: Form }>({
  host: async ({}, use) => {
    const host = await Host.start();
    await use(host);
    await host.stop();
  },

  flags: async ({ host }, use) => use(host.flags),

  /** The tab of Grace, signed in by the host. */
  form: async ({ host, page, context }, use) => {
    await host.signIn(context);
    await page.goto('/settings/email');
    await expect(page.getByText(`${GRACE.name} · ${GRACE.email}`, { exact: true })).toBeVisible();
    await use(new Form(page));
  },
});

/** Waits until the product reports that the host's token has expired. */
async function hasExpired(page: Page): Promise<void> {
  const code = async () => {
    const answer = await page.request.post('/api/email/token', { data: {}, headers: { 'sec-fetch-site': 'same-origin' } });
    return ((await answer.json()) as { code?: string }).code;
  };
  await expect.poll(code, { intervals: [100] }).toBe('host-token-expired');
}

test('a token that expires during an edit loses no input, and a new one allows the save', async ({ page, context, host, form, product, consoleErrors, axe }) => {
  consoleErrors.expectStatus(401, /\/api\/email\/save$/);
  const typed = basic(product.mail);
  await form.fill(form.basic, typed);
  await form.field(form.basic, 'TLS mode').selectOption({ label: 'STARTTLS' });
  await host.signIn(context, 2);
  await hasExpired(page);

  await form.save.click();
  const notice = page.getByRole('alert').filter({ has: page.getByRole('heading', { name: 'Nothing was saved.' }) });
  await expect(notice).toContainText(EXPIRED);
  await expect(notice).toBeFocused();
  await axe();
  const expectTyped = async () => {
    for (const [label, value] of Object.entries(typed)) await expect(form.field(form.basic, label)).toHaveValue(String(value));
    await expect(form.field(form.basic, 'TLS mode').locator('option:checked')).toHaveText('STARTTLS');
  };
  await expectTyped();

  await host.signIn(context);
  await expectTyped();
  await form.saved();
  await expect(notice).toBeHidden();
  await page.reload();
  const { Password: _, ...shown } = typed;
  for (const [label, value] of Object.entries(shown)) await expect(form.field(form.basic, label)).toHaveValue(String(value));
  await expect(form.sendTest, 'the password is saved too').toBeEnabled();
});

test('removing the host’s cookie loses no input', async ({ page, context, host, form, product, consoleErrors }) => {
  consoleErrors.expectStatus(401, /\/api\/email\/save$/);
  await form.fill(form.basic, basic(product.mail));
  await context.clearCookies({ name: 'host-token' });
  await form.save.click();
  await expect(page.getByRole('alert')).toContainText('Your session has ended. Your changes are still here');
  await host.signIn(context);
  await form.saved();
});

test('Send Test Email reports the expired sign-in, and works with a new token', async ({ page, context, host, form, product, consoleErrors, inbox }) => {
  consoleErrors.expectStatus(401, /\/api\/email\/send-test$/);
  await form.saveBasic(product.mail);
  await host.expire(context);
  await form.sendTest.click();
  await expect(page.getByRole('alert')).toHaveText(EXPIRED);
  await host.signIn(context);
  await form.deliverTest();
  await expect(page.getByRole('alert')).toHaveCount(0);
  await inbox.waitFor({ to: GRACE.email });
});

test('a test message continues while the token expires, and the tab shows its outcome', async ({ page, context, host, form, product, consoleErrors, inbox }) => {
  consoleErrors.expectStatus(401, /\/api\/email\/run$/);
  // Without the event stream, which stays open for a while after the token has expired.
  await page.route('**/api/email/events', (route) => route.abort());
  await page.reload();
  await form.saveBasic(product.mail);
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route('**/api/email/run', async (route) => {
    await held;
    await route.continue();
  });
  await form.sendTest.click();
  await expect(page.getByText(/^Last test: .*, to grace@practice\.example\.$/)).toBeVisible();
  await host.expire(context);
  release();
  await expect(page.getByRole('alert')).toHaveText(/^You are signed out, so progress cannot be shown/);
  await inbox.waitFor({ to: GRACE.email });
  await host.signIn(context);
  await expect(form.outcome(/accepted the message/)).toBeVisible();
});

test('Get Auth Token reports the expired sign-in, and works with a new token', async ({ page, context, host, form, product, provider, consoleErrors }) => {
  consoleErrors.expectStatus(401, /\/api\/email\//);
  await configure(form, product, 'Authorization Code', provider.address.clients.code);
  await host.expire(context);
  await form.getToken.click();
  await expect(form.token.getByRole('alert')).toHaveText(EXPIRED);
  await expect.poll(() => context.pages().length, { message: 'the pop-up is closed' }).toBe(1);
  await host.signIn(context);
  const popUp = await openConsent(form);
  await provider.allow(popUp);
  await expect(form.tokenStatus).toHaveText('Valid');
  await expect(page.getByRole('alert')).toHaveCount(0);
});

test('a consent during which the host token expires still yields a token', async ({ page, context, host, form, product, provider, consoleErrors }) => {
  consoleErrors.expectStatus(401, /\/api\/email\/token$/);
  await configure(form, product, 'Authorization Code', provider.address.clients.code);
  const popUp = await openConsent(form);
  const refused = page.waitForResponse((response) => response.status() === 401);
  await host.expire(context);
  await refused;
  const closed = popUp.waitForEvent('close');
  await provider.allow(popUp);
  await closed;
  await host.signIn(context);
  await expect(form.tokenStatus).toHaveText('Valid');
});

test('a page opened with an expired token redirects to sign-in', async ({ page, context, host }) => {
  await host.expire(context);
  const answer = await page.goto('/settings/email');
  expect(answer?.status()).toBe(200);
  await expect(page).toHaveURL(/\/sign-in\b/);
  await expect(page.getByRole('heading', { name: 'Sign in', exact: true })).toBeVisible();
  await host.signIn(context);
  await page.goto('/settings/email');
  await expect(page.getByText(GRACE.name)).toBeVisible();
});

test('times follow the preferences in the host’s token', async ({ page, form, product }) => {
  await form.saveBasic(product.mail);
  await form.deliverTest();
  const theirs = /\d\d\.\d\d\.\d{4} \d{1,2}:\d\d [AP]M UTC\+5:45/;
  await expect(page.getByText(/^Last test:/)).toHaveText(theirs);
  await page.goto('/settings/email/history');
  await expect(page.getByRole('listitem').first()).toContainText(theirs);
  await page.goto('/audit');
  await expect(page.getByRole('row').filter({ hasText: 'Saved the Email settings' })).toContainText(/ \d{1,2}:\d\d:\d\d [AP]M UTC\+5:45/);
});
