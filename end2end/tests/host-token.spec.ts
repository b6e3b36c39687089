// Signed in by the host's token, which the host renews or does not: what somebody does while it
// expires is not lost, and goes on where they come back with a fresh one.

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

  /** The tab as Grace sees it, who comes from the host. */
  form: async ({ host, page, context }, use) => {
    await host.signIn(context);
    await page.goto('/settings/email');
    await expect(page.getByText(`${GRACE.name} · ${GRACE.email}`, { exact: true })).toBeVisible();
    await use(new Form(page));
  },
});

/** Waits until the product says that the host's token has expired. */
async function hasExpired(page: Page): Promise<void> {
  const code = async () => {
    const answer = await page.request.post('/api/email/token', { data: {}, headers: { 'sec-fetch-site': 'same-origin' } });
    return ((await answer.json()) as { code?: string }).code;
  };
  await expect.poll(code, { intervals: [100] }).toBe('host-token-expired');
}

test('a token that expires in the middle of an edit loses nothing, and a fresh one lets it be saved', async ({ page, context, host, form, product, complaints, axe }) => {
  complaints.expectStatus(401, /\/api\/email\/save$/);
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
  await expect(form.sendTest, 'the password is there as well').toBeEnabled();
});

test('where the host takes its cookie away, nothing typed is lost either', async ({ page, context, host, form, product, complaints }) => {
  complaints.expectStatus(401, /\/api\/email\/save$/);
  await form.fill(form.basic, basic(product.mail));
  await context.clearCookies({ name: 'host-token' });
  await form.save.click();
  await expect(page.getByRole('alert')).toContainText('Your session has ended. Your changes are still here');
  await host.signIn(context);
  await form.saved();
});

test('Send Test Email says that the sign-in has expired, and works with a fresh one', async ({ page, context, host, form, product, complaints, inbox }) => {
  complaints.expectStatus(401, /\/api\/email\/send-test$/);
  await form.fill(form.basic, basic(product.mail));
  await form.saved();
  await host.expire(context);
  await form.sendTest.click();
  await expect(page.getByRole('alert')).toHaveText(EXPIRED);
  await host.signIn(context);
  await form.sendTest.click();
  await expect(form.outcome(/accepted the message/)).toBeVisible();
  await expect(page.getByRole('alert')).toHaveCount(0);
  await inbox.waitFor({ to: GRACE.email });
});

test('a test message under way while the token expires goes on, and the tab shows how it ended', async ({ page, context, host, form, product, complaints, inbox }) => {
  complaints.expectStatus(401, /\/api\/email\/run$/);
  // Without the stream of its steps, which goes on for a while when the token has expired.
  await page.route('**/api/email/events', (route) => route.abort());
  await page.reload();
  await form.fill(form.basic, basic(product.mail));
  await form.saved();
  let letGo = () => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  await page.route('**/api/email/run', async (route) => {
    await held;
    await route.continue();
  });
  await form.sendTest.click();
  await expect(page.getByText(/^Last test: .*, to grace@practice\.example\.$/)).toBeVisible();
  await host.expire(context);
  letGo();
  await expect(page.getByRole('alert')).toHaveText(/^You are signed out, so progress cannot be shown/);
  await inbox.waitFor({ to: GRACE.email });
  await host.signIn(context);
  await expect(form.outcome(/accepted the message/)).toBeVisible();
});

test('Get Auth Token says that the sign-in has expired, and works with a fresh one', async ({ page, context, host, form, product, provider, complaints }) => {
  complaints.expectStatus(401, /\/api\/email\//);
  await configure(form, product, 'Authorization Code', provider.address.clients.code);
  await host.expire(context);
  await form.getToken.click();
  await expect(form.token.getByRole('alert')).toHaveText(EXPIRED);
  await expect.poll(() => context.pages().length, { message: 'no window is left over' }).toBe(1);
  await host.signIn(context);
  const popUp = await openConsent(form);
  await provider.allow(popUp);
  await expect(form.tokenStatus).toHaveText('Valid');
  await expect(page.getByRole('alert')).toHaveCount(0);
});

test('a consent during which the token expires is not lost', async ({ page, context, host, form, product, provider, complaints }) => {
  complaints.expectStatus(401, /\/api\/email\/token$/);
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

test('a page that is opened with an expired token leads to where one can sign in', async ({ page, context, host }) => {
  await host.expire(context);
  const answer = await page.goto('/settings/email');
  expect(answer?.status()).toBe(200);
  await expect(page).toHaveURL(/\/sign-in\b/);
  await expect(page.getByRole('heading', { name: 'Sign in', exact: true })).toBeVisible();
  await host.signIn(context);
  await page.goto('/settings/email');
  await expect(page.getByText(GRACE.name)).toBeVisible();
});

test('times are written as the host says that somebody likes them', async ({ page, form, product }) => {
  await form.fill(form.basic, basic(product.mail));
  await form.saved();
  await form.sendTest.click();
  await expect(form.outcome(/accepted the message/)).toBeVisible();
  const theirs = /\d\d\.\d\d\.\d{4} \d{1,2}:\d\d [AP]M UTC\+5:45/;
  await expect(page.getByText(/^Last test:/)).toHaveText(theirs);
  await page.goto('/settings/email/history');
  await expect(page.getByRole('listitem').first()).toContainText(theirs);
  await page.goto('/audit');
  await expect(page.getByRole('row').filter({ hasText: 'Saved the Email settings' })).toContainText(theirs);
});
