// The way back from the provider, as it should not go: an address that is opened twice, in another
// browser, by somebody else, too late, or that nobody sent. Each says what it is.

import type { Page } from '@playwright/test';
import { configure, openConsent } from '../support/consent.ts';
import { Form } from '../support/form.ts';
import { GRACE, expect, test as base } from '../support/test.ts';

/** A window whose consent was allowed, and the address by which it would come back. */
interface Allowed {
  popUp: Page;
  address: string;
}

/** The tab with Authorization Code saved, and the way to a consent that has not come back yet. */
const test = base.extend<{ form: Form; allow: () => Promise<Allowed> }>({
  form: async ({ page, product, provider, signIn }, use) => {
    await signIn();
    const form = new Form(page);
    // What came of the consent stays in the address bar there, and is opened here when a test wants it.
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

/** Opens an address as a link would, in a window that may close itself then. */
async function follow(popUp: Page, address: string): Promise<void> {
  await popUp.evaluate((to) => location.assign(to), address);
}

async function expectSetback(page: Page, cause: string): Promise<void> {
  await expect(page.getByRole('heading', { name: 'No token was obtained' })).toBeVisible();
  await expect(page.getByRole('heading', { name: `Return from the provider failed: ${cause}` })).toBeVisible();
  expect(page.url()).not.toMatch(/code=|state=/);
}

test('an address that is opened a second time makes no second exchange', async ({ page, form, allow, provider }) => {
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

test('in another browser an address says so, and still works where it was begun', async ({ browser, product, form, allow, axe }) => {
  const { popUp, address } = await allow();
  const other = await browser.newContext({ baseURL: product.url });
  const elsewhere = await other.newPage();
  await elsewhere.goto(address);
  await expectSetback(elsewhere, 'The sign-in was started in another browser.');
  await axe(elsewhere);
  await other.close();
  await expect(form.tokenStatus).toHaveText('Not obtained');
  await follow(popUp, address);
  await expect(form.tokenStatus).toHaveText('Valid');
});

test('a consent ends with the session that began it, and another person gets no token by it', async ({ page, product, provider, allow, signIn }) => {
  await product.add(GRACE);
  const { address } = await allow();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await signIn(page, GRACE.email);
  await page.goto(address);
  await expectSetback(page, 'This sign-in was started in another session, or that session has ended.');
  expect((await provider.counts()).authorization_code).toBe(0);
});

test('after a save in between, the consent is for settings that are gone', async ({ form, provider, allow }) => {
  const { popUp, address } = await allow();
  await form.fill(form.oauth, { 'Display Name': 'Another' });
  await form.saved();
  await follow(popUp, address);
  await expectSetback(popUp, 'The settings were saved in the meantime, so this sign-in no longer matches them.');
  await expect(form.tokenStatus).toHaveText('Not obtained');
  expect((await provider.counts()).authorization_code).toBe(0);
});

test('a way to the provider can be gone once only', async ({ page, form }) => {
  const departure = page.context().waitForEvent('request', (request) => request.url().includes('/oauth/start/'));
  await openConsent(form);
  await page.goto((await departure).url());
  await expect(page.getByRole('heading', { name: /^Return from the provider failed: / })).toBeVisible();
  await page.getByRole('link', { name: 'Go to the Email settings' }).click();
  await expect(form.getToken).toBeEnabled();
});

for (const [name, query] of [
  ['nothing at all', ''],
  ['an error without a state', '?error=access_denied&error_description=%3Cb%3Ecanary%3C%2Fb%3E'],
  ['a state that nobody sent', '?code=canary-code&state=AAAAAAAAAAAAAAAAAAAAAA'],
] as const) {
  test(`${name} in the address belongs to no sign-in`, async ({ page, product, provider }) => {
    await page.goto(`${product.url}/oauth/callback${query}`);
    await expectSetback(page, 'PPM did not start a sign-in with this address.');
    expect(await page.content()).not.toContain('canary');
    await page.getByRole('link', { name: 'Go to the Email settings' }).click();
    await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
    expect((await provider.counts()).authorization_code).toBe(0);
  });
}
