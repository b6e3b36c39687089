// Invalid returns from the provider: a callback address opened twice, in another browser, by another
// user, too late, or without a pending attempt. Each is refused with its own message.

import type { Page } from '@playwright/test';
import { configure, openConsent } from '../support/consent.ts';
import { Form } from '../support/form.ts';
import { GRACE, expect, test as base } from '../support/test.ts';

/** A pop-up after consent, and the callback address to which it would redirect. */
interface Allowed {
  popUp: Page;
  address: string;
}

/** The tab with Authorization Code saved, and a consent whose callback has not been opened yet. */
const test = base.extend<{ form: Form; allow: () => Promise<Allowed> }>({
  form: async ({ product, provider, signIn }, use) => {
    const form = await signIn();
    // The provider redirects to its landing page, so that a test can open the callback itself.
    await configure(form, product, 'Authorization Code', provider.address.clients.code, { 'Redirect URI': provider.address.landing });
    await use(form);
  },
  allow: async ({ form, product, provider }, use) => {
    await use(async () => {
      const popUp = await openConsent(form);
      await provider.allow(popUp);
      await popUp.waitForURL(`${provider.address.landing}?*`);
      return { popUp, address: `${product.url}/oauth/callback${new URL(popUp.url()).search}` };
    });
  },
});

/** Navigates a pop-up, which may close itself then. */
async function follow(popUp: Page, address: string): Promise<void> {
  await popUp.evaluate((to) => location.assign(to), address);
}

async function expectSetback(page: Page, cause: string): Promise<void> {
  await expect(page.getByRole('heading', { name: 'No token was obtained' })).toBeVisible();
  await expect(page.getByRole('heading', { name: `Return from the provider failed: ${cause}` })).toBeVisible();
  expect(page.url()).not.toMatch(/code=|state=/);
}

test('a callback address opened twice causes one token request', async ({ page, form, allow, provider }) => {
  const { popUp, address } = await allow();
  const closed = popUp.waitForEvent('close');
  await follow(popUp, address);
  await closed;
  await expect(form.tokenStatus).toHaveText('Valid');
  const second = await page.context().newPage();
  await second.goto(address);
  await expectSetback(second, 'This address was used before, and works only once.');
  await expect(form.tokenStatus).toHaveText('Valid');
  expect((await provider.counts()).authorization_code).toBe(1);
});

test('a callback address is refused in another browser, and still works in the original one', async ({ browser, product, form, allow, axe }) => {
  const { popUp, address } = await allow();
  const other = await browser.newContext({ baseURL: product.url });
  const inOther = await other.newPage();
  await inOther.goto(address);
  await expectSetback(inOther, 'The sign-in was started in another browser.');
  await axe(inOther);
  await other.close();
  await expect(form.tokenStatus).toHaveText('Not obtained');
  await follow(popUp, address);
  await expect(form.tokenStatus).toHaveText('Valid');
});

test('a consent is bound to its session, and another user gets no token with it', async ({ page, product, provider, allow, signIn }) => {
  await product.add(GRACE);
  const { address } = await allow();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await signIn(page, GRACE.email);
  await page.goto(address);
  await expectSetback(page, 'This sign-in was started in another session, or that session has ended.');
  expect((await provider.counts()).authorization_code).toBe(0);
});

test('a consent is refused after a save of the settings', async ({ form, provider, allow }) => {
  const { popUp, address } = await allow();
  await form.fill(form.oauth, { 'Display Name': 'Another' });
  await form.saved();
  await follow(popUp, address);
  await expectSetback(popUp, 'The settings were saved in the meantime, so this sign-in no longer matches them.');
  await expect(form.tokenStatus).toHaveText('Not obtained');
  expect((await provider.counts()).authorization_code).toBe(0);
});

test('a start address works once', async ({ page, form }) => {
  const start = page.context().waitForEvent('request', (request) => request.url().includes('/oauth/start/'));
  await openConsent(form);
  await page.goto((await start).url());
  await expect(page.getByRole('heading', { name: /^Return from the provider failed: / })).toBeVisible();
  await page.getByRole('link', { name: 'Go to the Email settings' }).click();
  await expect(form.getToken).toBeEnabled();
});

for (const [name, query] of [
  ['no parameters', ''],
  ['an error without a state', '?error=access_denied&error_description=%3Cb%3Ecanary%3C%2Fb%3E'],
  ['an unknown state', '?code=canary-code&state=AAAAAAAAAAAAAAAAAAAAAA'],
] as const) {
  test(`a callback with ${name} is refused`, async ({ page, product, provider }) => {
    await page.goto(`${product.url}/oauth/callback${query}`);
    await expectSetback(page, 'PPM did not start a sign-in with this address.');
    expect(await page.content()).not.toContain('canary');
    await page.getByRole('link', { name: 'Go to the Email settings' }).click();
    await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
    expect((await provider.counts()).authorization_code).toBe(0);
  });
}
