// The token's life cycle on an open page: its status as text and colour while it is refreshed, fails
// to refresh, expires or is revoked. The page is never reloaded.

import type { Locator } from '@playwright/test';
import { configure, obtain, openConsent } from '../support/consent.ts';
import { Form } from '../support/form.ts';
import { ADA, expect, test as base } from '../support/test.ts';

/** The tab; a reload fails the test. `inCode` obtains a token with Authorization Code. */
const test = base.extend<{ form: Form; inCode: (scope?: string) => Promise<void> }>({
  form: async ({ page, signIn }, use) => {
    await signIn();
    let loads = 0;
    page.on('load', () => (loads += 1));
    await use(new Form(page));
    expect(loads, 'nothing was loaded anew').toBe(0);
  },
  inCode: async ({ form, product, provider }, use) => {
    await use(async (scope = provider.address.scope) => {
      await configure(form, product, 'Authorization Code', provider.address.clients.code, { Scope: scope });
      await obtain(form, provider);
    });
  },
});

/** Returns red, green and blue of the status text. */
async function colour(status: Locator): Promise<number[]> {
  const words = await status.evaluate((region) => {
    const walker = document.createTreeWalker(region, NodeFilter.SHOW_TEXT);
    return getComputedStyle(walker.nextNode()!.parentElement!).color;
  });
  return words.match(/[\d.]+/g)!.slice(0, 3).map(Number);
}

function isGreen([red, green, blue]: number[]): boolean {
  return green! > red! && green! > blue!;
}

function isRed([red, green, blue]: number[]): boolean {
  return red! > green! && red! > blue!;
}

test('the token status is Not obtained, Valid in green, and Expired in red after the provider revokes it', async ({
  page,
  form,
  inCode,
  provider,
  axe,
}) => {
  test.slow(); // Three looks by axe in each scheme.
  const coloursOf = async (words: string) => {
    await expect(form.tokenStatus).toHaveText(words, { timeout: 20_000 });
    await axe();
    const seen: number[][] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      seen.push(await colour(form.tokenStatus));
    }
    return seen;
  };
  const neutral = await coloursOf('Not obtained');
  expect(neutral.some((one) => isGreen(one) || isRed(one))).toBe(false);
  await inCode();
  expect((await coloursOf('Valid')).every(isGreen)).toBe(true);
  await provider.revokeAll();
  await form.sendTest.click();
  await expect(form.outcome('Token failed: The provider says that the consent has ended: it was withdrawn, has expired or was used by another program.')).toBeVisible();
  expect((await coloursOf('Expired')).every(isRed)).toBe(true);
  await expect(form.setback(/^Token renewal failed: The provider says that the consent has ended/)).toContainText('invalid_grant');
});

test('a revoked grant is not refreshed again, and a new consent replaces it', async ({ page, form, inCode, provider, inbox }) => {
  await provider.setLifetime(6);
  await inCode();
  await provider.revokeAll();
  const setback = form.setback(/^Token renewal failed: The provider says that the consent has ended/);
  await expect(setback).toContainText('invalid_grant');
  await expect(form.tokenStatus).toHaveText('Expired');
  await expect(form.token.getByText('PPM tries again at')).toBeHidden();
  await expect(form.token.getByText('Token obtained.'), 'which is no news any more').toBeHidden();
  await expect(form.sendTest).toBeDisabled();
  await expect(form.sendTest).toHaveAccessibleDescription(/Press Get Auth Token first/);

  // A direct API call must not reach the provider either.
  await page.request.post('/api/email/send-test', { data: {}, headers: { 'sec-fetch-site': 'same-origin' } });
  expect(await provider.counts()).toMatchObject({ authorization_code: 1, refresh_token: 1 });

  await provider.setLifetime(3600);
  await obtain(form, provider);
  await expect(setback).toBeHidden();
  await form.sendTest.click();
  await inbox.waitFor({ to: ADA.email });
});

test('without a refresh token the status changes to Expired on time', async ({ form, inCode, provider }) => {
  await provider.setLifetime(8);
  await inCode('mail.send');
  await expect(form.tokenExpires).toHaveText(/in \d seconds? · sign in again before then$/);
  await expect(form.sendTest).toBeEnabled();
  await expect(form.tokenStatus).toHaveText('Expired');
  await expect(form.tokenExpires).not.toHaveText(/sign in again|renews|in \d/);
  await expect(form.tokenExpires, 'how long ago').toHaveText(/ago$/);
  await expect(form.sendTest).toBeDisabled();
  await expect(form.getToken).toBeEnabled();
  expect((await provider.counts()).refresh_token).toBe(0);
});

test('Get Auth Token is the primary button while there is no usable token', async ({ form, product, provider }) => {
  await configure(form, product, 'Client Credentials', provider.address.clients.credentials);
  await expect(form.getToken).toHaveClass(/\bprimary\b/);
  await form.getToken.click();
  await expect(form.tokenStatus).toHaveText('Valid');
  await expect(form.getToken).not.toHaveClass(/\bprimary\b/);
});

test('with a refresh token it is refreshed repeatedly, and mail is sent after the first expiry', async ({ form, inCode, provider, inbox }) => {
  await provider.setLifetime(6);
  await inCode();
  await expect(form.tokenExpires).toHaveText(/renews automatically$/);
  await expect.poll(async () => (await provider.counts()).refresh_token, { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
  await expect(form.tokenStatus).toHaveText('Valid');
  await expect(form.tokenExpires).toHaveText(/in \d seconds? · renews automatically$/);
  await form.deliverTest();
  await inbox.waitFor({ to: ADA.email });
  expect((await provider.counts()).authorization_code).toBe(1);
});

test('with Client Credentials a new token is requested before expiry', async ({ form, product, provider }) => {
  await provider.setLifetime(6);
  await configure(form, product, 'Client Credentials', provider.address.clients.credentials);
  await form.getToken.click();
  await expect(form.tokenExpires).toHaveText(/renews automatically$/);
  await expect.poll(async () => (await provider.counts()).client_credentials, { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
  await expect(form.tokenStatus).toHaveText('Valid');
  expect((await provider.counts()).refresh_token).toBe(0);
});

test('a failing renewal is shown with the reason and the next retry, and recovers automatically', async ({ form, inCode, provider, axe }) => {
  await provider.setLifetime(8);
  await inCode();
  await provider.fail(503, { error: 'temporarily_unavailable', error_description: 'Closed for the night' });
  const setback = form.setback(/^Token renewal failed: The provider /);
  await expect(setback).toContainText('Closed for the night');
  await expect(form.token.getByText(/^PPM tries again at \d{4}-\d\d-\d\d \d\d:\d\d/)).toBeVisible();
  await expect(form.tokenStatus).toHaveText('Expired');
  await axe();

  await provider.setLifetime(3600);
  await provider.recover();
  await expect(form.tokenStatus).toHaveText('Valid', { timeout: 40_000 });
  await expect(setback).toBeHidden();
  await expect(form.tokenExpires).toHaveText(/renews automatically$/);
});

test('an unexpired token stays Valid while its renewal fails', async ({ form, inCode, provider, inbox }) => {
  await provider.setLifetime(25);
  await inCode();
  await provider.fail(503);
  await expect(form.setback('Token renewal failed: The provider is having problems.')).toContainText('503 Service Unavailable (text/plain)', { timeout: 30_000 });
  await expect(form.tokenStatus).toHaveText('Valid');
  await expect(form.tokenExpires).toHaveText(/in \d seconds? · renewal is failing$/);
  await form.deliverTest();
  await inbox.waitFor({ to: ADA.email });
});

test('a refused Client Credentials request shows the reason and keeps the focus', async ({ form, product, provider, axe }) => {
  const { id } = provider.address.clients.credentials;
  await configure(form, product, 'Client Credentials', { id, secret: 'canary-wrong-secret' });
  await form.getToken.click();
  const setback = form.setback('Token request failed: The provider does not accept Client ID and Client Secret.');
  await expect(setback).toContainText('invalid_client');
  await expect(form.tokenStatus).toHaveText('Not obtained');
  await expect(form.getToken).toBeFocused();
  await axe();
});

test('on a narrow screen every state of the panel uses the full width', async ({ page, form, product, provider, axe }) => {
  await page.setViewportSize({ width: 320, height: 700 });
  const expectWhole = async (words: Locator) => {
    const [outer, inner] = [(await form.token.boundingBox())!, (await words.boundingBox())!];
    expect(inner.width).toBeGreaterThan(outer.width * 0.75);
    expect(inner.x + inner.width, 'nothing sticks out').toBeLessThanOrEqual(outer.x + outer.width);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
    await axe();
  };
  await configure(form, product, 'Authorization Code', provider.address.clients.code, { 'Redirect URI': provider.address.landing });
  const popUp = await openConsent(form);
  await expectWhole(form.token.getByText(/^Sign in on the provider's page, then paste/));
  await expectWhole(form.token.getByLabel('Final address', { exact: true }).locator('xpath=ancestor::*[.//button][1]'));
  await provider.decline(popUp);
  await popUp.waitForURL(`${provider.address.landing}?*`);
  await form.token.getByLabel('Final address', { exact: true }).fill(popUp.url());
  await form.token.getByLabel('Final address', { exact: true }).press('Enter');
  await expectWhole(form.setback('Consent at the provider failed: The consent was declined.'));
});
