// The page as a whole: its length, its parts around the form, and what the browser's settings change in it.

import type { Locator } from '@playwright/test';
import { configure, obtain } from '../support/consent.ts';
import { startScripted } from '../support/scripted.ts';
import { expect, test } from '../support/test.ts';

test('with PKCE and a failed test message the page is at most 2800 pixels high, the banner about the incident included', async ({ page, signIn, product, provider }) => {
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
    expect(await page.evaluate(() => document.documentElement.scrollHeight)).toBeLessThanOrEqual(2_800);
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
    await expect(page.getByText(/^PPM Email Settings \d+\.\d+\.\d+$/)).toBeVisible();
    await axe();
  });

  test('the provider comes before the groups, in their order, and each has a heading', async ({ page, signIn }) => {
    await signIn();
    await expect(page.getByRole('heading', { level: 2 })).toHaveText([
      'Provider',
      'OAuth Flow',
      'Basic SMTP Settings',
      'OAuth SMTP Settings',
      'Authentication Settings',
      'OAuth Token Management',
      'Send Test Email',
    ]);
  });

  test('selects, inputs and buttons have the same height', async ({ page, signIn }) => {
    const form = await signIn();
    const controls = [
      form.flow,
      form.field(form.basic, 'TLS mode'),
      form.field(form.basic, 'SMTP Server'),
      page.getByLabel('Provider', { exact: true }),
      page.getByRole('button', { name: 'Fill in', exact: true }),
      form.sendTest,
    ];
    const heights = async () => new Set(await Promise.all(controls.map(async (control) => (await control.boundingBox())?.height)));
    // Send Test Email has no box while its group is replaced.
    await expect.poll(async () => [...(await heights())]).toEqual([expect.any(Number)]);
  });

  test('a select has the same arrow in each browser, and the system’s one in forced colours', async ({ page, signIn }) => {
    const form = await signIn();
    await expect(form.flow).toHaveCSS('appearance', 'none');
    await expect(form.flow).toHaveCSS('background-image', /linear-gradient/);
    await page.emulateMedia({ forcedColors: 'active' });
    await expect(form.flow).toHaveCSS('appearance', 'auto');
  });

  test('in forced colours, the current page, Save and an invalid field are told by a line', async ({ page, signIn }) => {
    await page.emulateMedia({ forcedColors: 'active' });
    const form = await signIn();
    const line = (element: Locator) =>
      element.evaluate((element) => {
        const { borderTopStyle, borderTopWidth, outlineStyle, outlineWidth } = getComputedStyle(element);
        return { borderTopStyle, borderTopWidth, outline: outlineStyle === 'none' ? 'none' : outlineWidth };
      });
    const [current, other] = [page.getByRole('link', { name: 'Email', exact: true }), page.getByRole('link', { name: 'Test messages', exact: true })];
    expect(await line(current)).not.toEqual(await line(other));
    await form.field(form.basic, 'Port').fill('x');
    await form.save.click();
    await expect(form.field(form.basic, 'Default Sender Email')).toBeFocused();
    expect(await line(form.save)).not.toEqual(await line(form.cancel));
    expect(await line(form.field(form.basic, 'Port'))).not.toEqual(await line(form.field(form.basic, 'Username')));
  });

  test('on a narrow screen, the header and the navigation take one line each', async ({ page, signIn }) => {
    await page.setViewportSize({ width: 360, height: 740 });
    await signIn();
    for (const part of [page.getByRole('banner'), page.getByRole('navigation')]) expect((await part.boundingBox())!.height).toBeLessThan(60);
  });

  test('the pages have a mark, and each of the navigation has an icon that is not read out', async ({ page, signIn }) => {
    const isMarked = () => page.getByText('PPM Administrator', { exact: true }).locator('xpath=preceding-sibling::*/*[name()="svg"]');
    await page.goto('/sign-in');
    await expect(isMarked()).toBeVisible();
    await signIn();
    await expect(isMarked()).toBeVisible();
    const links = await page.getByRole('navigation').getByRole('link').all();
    expect(links).toHaveLength(8);
    for (const link of links) await expect(link.locator('svg[aria-hidden=true]')).toBeVisible();
  });

  test('the page has a description and an icon', async ({ page, signIn }) => {
    await signIn();
    await expect(page.locator('meta[name=description]')).toHaveAttribute('content', /^How PPM Administrator /);
    await expect(page.locator('link[rel=icon]')).toHaveAttribute('href', /^data:image\/svg\+xml,.+/);
  });

  test('the bar with Save moves only for users who allow motion', async ({ page, signIn }) => {
    const form = await signIn();
    await form.field(form.basic, 'Display Name').fill('PPM');
    const bar = page.getByRole('region', { name: 'Unsaved changes' });
    await expect(bar).toHaveCSS('animation-name', 'none');
    await page.emulateMedia({ reducedMotion: 'no-preference' });
    await expect(bar).toHaveCSS('animation-name', 'rise');
  });
});
