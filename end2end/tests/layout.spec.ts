// The length of the page, so that it stays short.

import { configure, obtain } from '../support/consent.ts';
import { startScripted } from '../support/scripted.ts';
import { expect, test } from '../support/test.ts';

test('with PKCE and a failed test message the page is at most 2700 pixels high', async ({ page, signIn, product, provider }) => {
  await page.setViewportSize({ width: 1280, height: 900 });
  const server = await startScripted({ EHLO: '250-mail.practice.example\r\n250-STARTTLS\r\n250 AUTH XOAUTH2', STARTTLS: '454 no' });
  try {
    const form = await signIn();
    const client = provider.address.clients.pkce;
    await configure(form, { ...product, mail: { ...product.mail, tokenOnly: server.port } }, 'Authorization Code with PKCE', client);
    await obtain(form, provider);
    await form.sendTest.click();
    await expect(form.outcome(/^TLS failed: /)).toBeVisible();
    await page.reload();
    await expect(form.outcome(/^TLS failed: /)).toBeVisible();
    expect(await page.evaluate(() => document.documentElement.scrollHeight)).toBeLessThanOrEqual(2_700);
  } finally {
    await server.stop();
  }
});

test.describe(() => {
  test.use({ changesNothing: true });

  for (const [width, height, limit] of [
    [1280, 900, 1_800],
    [360, 740, 3_000],
  ] as const) {
    test(`an empty form is at most ${limit} pixels high at ${width} pixels`, async ({ page, signIn }) => {
      await page.setViewportSize({ width, height });
      await signIn();
      expect(await page.evaluate(() => document.documentElement.scrollHeight)).toBeLessThanOrEqual(limit);
    });
  }

  test('a browser without scripts is told what is missing', async ({ browser, baseURL, page, signIn }) => {
    await signIn();
    const context = await browser.newContext({ baseURL: baseURL!, javaScriptEnabled: false, storageState: await page.context().storageState() });
    const other = await context.newPage();
    await other.goto('/settings/email');
    await expect(other.getByText('This page needs JavaScript and WebAssembly')).toBeVisible();
    await context.close();
  });

  test('a page whose program is blocked says so', async ({ page, signIn, consoleErrors }) => {
    consoleErrors.expectFailure(/\.wasm$/);
    consoleErrors.expectConsole(/Failed to fetch/);
    await signIn();
    await page.route('**/*.wasm', (route) => route.abort());
    await page.reload();
    await expect(page.getByRole('alert').filter({ hasText: 'This page could not be started' })).toBeVisible();
  });

  test("the browser's time zone is entered by a button", async ({ page, signIn }) => {
    await signIn();
    await page.goto('/preferences/time');
    await page.getByRole('button', { name: "Use this browser's time zone (Europe/Berlin)" }).click();
    await expect(page.getByLabel('Time zone', { exact: true })).toHaveValue('Europe/Berlin');
  });

  test('the help explains the terms, and is accessible', async ({ page, signIn, axe }) => {
    await signIn();
    await page.getByRole('link', { name: 'Help', exact: true }).click();
    await expect(page.getByRole('heading', { name: 'Help', level: 1 })).toBeVisible();
    await expect(page.getByText('Redirect URI', { exact: true })).toBeVisible();
    await axe();
  });
});
