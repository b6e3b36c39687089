// A Redirect URI that does not reach the product: the user pastes the final address into the tab.

import type { Locator } from '@playwright/test';
import { configure, openConsent } from '../support/consent.ts';
import { Form } from '../support/form.ts';
import { ADA, expect, test as base } from '../support/test.ts';

const NOT_FINAL = /^This is not the final address: it contains neither a code nor an error/;

/** The tab with such a Redirect URI saved; `answered` returns the address at which the consent ends. */
const test = base.extend<{ form: Form; address: Locator; finish: Locator; answered: (answer?: 'allow' | 'decline') => Promise<string> }>({
  form: async ({ product, provider, signIn }, use) => {
    const form = await signIn();
    const { clients, landing } = provider.address;
    await configure(form, product, 'Authorization Code with PKCE', clients.pkce, { 'Redirect URI': landing });
    await use(form);
  },
  address: async ({ form }, use) => use(form.token.getByLabel('Final address', { exact: true })),
  finish: async ({ form }, use) => use(form.token.getByRole('button', { name: 'Finish', exact: true })),
  answered: async ({ form, provider }, use) => {
    await use(async (answer = 'allow') => {
      const popUp = await openConsent(form);
      await provider[answer](popUp);
      await popUp.waitForURL(`${provider.address.landing}?*`);
      const address = popUp.url();
      await popUp.close();
      return address;
    });
  },
});

test('the pasted final address yields a token and a delivered message', async ({ form, address, finish, answered, inbox, axe }) => {
  await expect(form.field(form.authentication, 'Redirect URI')).toHaveAccessibleDescription(/This is not this server's address/);
  const final = await answered();
  await expect(address).toHaveAccessibleDescription(/copy the whole address/);
  await axe();
  await address.fill(final);
  await finish.click();
  await expect(form.tokenStatus).toHaveText('Valid');
  await expect(address).toBeHidden();
  await form.sendTest.click();
  await inbox.waitFor({ to: ADA.email });
});

test('polling does not clear the pasted address', async ({ page, form, address, finish, answered }) => {
  const final = await answered();
  await address.fill(`  ${final}\n`);
  for (let poll = 0; poll < 2; poll += 1) await page.waitForResponse(/api\/email\/token/);
  await expect(address).toBeFocused();
  await finish.click();
  await expect(form.tokenStatus).toHaveText('Valid');
});

test('Enter finishes the attempt and does not submit the form', async ({ form, address, answered }) => {
  const final = await answered();
  await address.fill(final);
  await address.press('Enter');
  await expect(form.tokenStatus).toHaveText('Valid');
});

for (const [name, pasted] of [
  ['an empty text', ''],
  ['another text', 'see the screenshot'],
  ['an address without a code or an error', 'http://127.0.0.1/landing'],
] as const) {
  test(`${name} is refused as the final address, and the attempt stays open`, async ({ form, address, finish, answered, consoleErrors }) => {
    consoleErrors.expectStatus(400, /api\/email\/finish-attempt/);
    const final = await answered();
    await address.fill(pasted);
    await finish.click();
    await expect(form.token.getByRole('alert')).toHaveText(NOT_FINAL);
    await address.fill(final);
    await finish.click();
    await expect(form.tokenStatus).toHaveText('Valid');
    await expect(form.token.getByRole('alert')).toBeHidden();
  });
}

test('an address that was used before is refused and keeps the token', async ({ form, address, finish, answered, provider }) => {
  const used = await answered();
  await address.fill(used);
  await finish.click();
  await expect(form.tokenStatus).toHaveText('Valid');
  await (await openConsent(form)).close();
  await address.fill(used);
  await finish.click();
  await expect(form.setback('Return from the provider failed: This address was used before, and works only once.')).toBeVisible();
  await expect(form.tokenStatus).toHaveText('Valid');
  await expect(form.getToken).toBeEnabled();
  expect((await provider.counts()).authorization_code).toBe(1);
});

test('the address of the previous pop-up is accepted', async ({ form, address, finish, answered }) => {
  const first = await answered();
  await answered();
  await address.fill(first);
  await finish.click();
  await expect(form.tokenStatus).toHaveText('Valid');
  await expect(form.token.getByText('Token obtained.')).toBeVisible();
});

test('an address with an unknown state is refused', async ({ form, address, finish, answered, provider }) => {
  const made = new URL(await answered());
  made.searchParams.set('state', 'AAAAAAAAAAAAAAAAAAAAAA');
  await address.fill(made.href);
  await finish.click();
  await expect(form.setback('Return from the provider failed: PPM did not start a sign-in with this address.')).toBeVisible();
  await expect(form.tokenStatus).toHaveText('Not obtained');
  expect((await provider.counts()).authorization_code).toBe(0);
});

test('a declined consent is recognised from the final address', async ({ form, address, finish, answered }) => {
  const final = await answered('decline');
  await address.fill(final);
  await finish.click();
  await expect(form.setback('Consent at the provider failed: The consent was declined.')).toContainText('Access was declined on the consent page');
});

test('a button sets the Redirect URI to this server’s callback address', async ({ form, product }) => {
  const redirect = form.field(form.authentication, 'Redirect URI');
  await form.authentication.getByRole('button', { name: "Use this server's" }).click();
  await expect(redirect).toHaveValue(`${product.url}/oauth/callback`);
  await expect(redirect).toHaveAccessibleDescription(/the sign-in returns here automatically/);
});
