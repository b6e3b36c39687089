// The stand-alone product: sign-in, sign-out, 404, cookies, accessibility and layout.

import { Form } from '../support/form.ts';
import { ADA, expect, test } from '../support/test.ts';

test.describe(() => {
  test.use({ changesNothing: true });

  test('a page without a session redirects to sign-in, and sign-in returns to it', async ({ page }) => {
    await page.goto('/audit');
    await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
    await page.getByLabel('Email', { exact: true }).fill(ADA.email);
    await page.getByLabel('Password', { exact: true }).fill(ADA.password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.waitForURL('**/audit');
    await expect(page.getByRole('heading', { name: 'Audit trail' })).toBeVisible();
  });

  test('signing out ends the session on the server', async ({ page, signIn }) => {
    await signIn();
    const cookies = await page.context().cookies();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL('**/sign-in');
    await page.context().addCookies(cookies);
    await page.goto('/settings/email');
    await page.waitForURL('**/sign-in');
  });

  test('an unknown path is answered with status 404', async ({ page, consoleErrors }) => {
    consoleErrors.expectStatus(404, /nowhere/);
    const answer = await page.goto('/nowhere');
    expect(answer?.status()).toBe(404);
    await expect(page.getByRole('heading', { name: 'Page not found' })).toBeVisible();
  });

  test('the cookies are HttpOnly and SameSite=Lax', async ({ page, signIn }) => {
    await signIn();
    const cookies = await page.context().cookies();
    expect(cookies.map(({ name }) => name).sort()).toEqual(['ppm-email', 'ppm-email-device']);
    for (const cookie of cookies) expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Lax' });
  });

  test('a save from another site is refused', async ({ page, signIn }) => {
    await signIn();
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { origin: 'https://evil.example' }]) {
      const answer = await page.request.post('/api/email/save', { data: {}, headers });
      expect(answer.status()).toBe(403);
    }
  });

  test('no page has accessibility violations', async ({ page, signIn, axe, consoleErrors }) => {
    test.slow();
    consoleErrors.expectStatus(404, /nowhere/);
    await page.goto('/sign-in');
    await axe();
    await page.goto('/nowhere');
    await axe();
    await signIn();
    await axe();
    const form = new Form(page);
    await form.choose('Authorization Code with PKCE');
    await axe();
  });

  for (const { flow, count } of [
    { flow: 'None', count: 4 },
    { flow: 'Authorization Code', count: 10 },
  ] as const) {
    test(`the ${count} errors of an empty form with the flow ${flow} are accessible`, async ({ page, signIn, axe }) => {
      const form = await signIn();
      await form.choose(flow);
      await form.field(form.basic, 'Use TLS').uncheck(); // A change, so that the empty form can be saved.
      await form.save.click();
      await expect(page.getByRole('alert').getByRole('link')).toHaveCount(count);
      await axe();
      await page.setViewportSize({ width: 360, height: 740 });
      await axe();
    });
  }

  test('no control overflows its group at any width', async ({ page, signIn }) => {
    const form = await signIn();
    for (const width of [320, 480, 768, 1100, 1600]) {
      await page.setViewportSize({ width, height: 700 });
      expect(await form.stickingOut(), `${width} pixels`).toEqual([]);
    }
  });

  test('there is no horizontal overflow on a narrow screen', async ({ page, signIn }) => {
    await page.setViewportSize({ width: 320, height: 640 });
    const form = await signIn();
    await form.fill(form.basic, { 'Display Name': 'W'.repeat(254) });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
  });
});

test('a wrong password and an unknown address get the same message', async ({ page, axe, consoleErrors }) => {
  consoleErrors.expectStatus(422, /sign-in/);
  await page.goto('/sign-in');
  for (const email of [ADA.email, 'unknown@practice.example']) {
    await page.getByLabel('Email', { exact: true }).fill(email);
    await page.getByLabel('Password', { exact: true }).fill('not the password');
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await expect(page.getByLabel('Password', { exact: true })).toHaveValue('');
    await expect(page.getByRole('alert')).toHaveText('Wrong email address or password.');
  }
  await axe();
});

test.describe('without scripts', () => {
  test.use({ javaScriptEnabled: false });

  test('a wrong password keeps Email and leads to Password, and the right one to the requested page', async ({ page, consoleErrors }) => {
    consoleErrors.expectStatus(422, /sign-in/);
    await page.goto('/audit');
    const [email, password] = [page.getByLabel('Email', { exact: true }), page.getByLabel('Password', { exact: true })];
    await email.fill(ADA.email);
    await password.fill('not the password');
    await password.press('Enter');
    await expect(page.getByRole('alert')).toHaveText('Wrong email address or password.');
    await expect(email).toHaveValue(ADA.email);
    await expect(password).toHaveValue('');
    await expect(password).toBeFocused();
    await expect(password).toHaveAttribute('aria-invalid', 'true');
    await expect(password).toHaveAccessibleDescription('Wrong email address or password.');
    await password.fill(ADA.password);
    await password.press('Enter');
    await page.waitForURL('**/audit');
  });
});

test('too many attempts are throttled with a message, and another account is not', async ({ page, signIn, consoleErrors, axe }) => {
  consoleErrors.expectStatus(422, /sign-in/);
  consoleErrors.expectStatus(429, /sign-in/);
  await page.goto('/sign-in');
  const [email, password] = [page.getByLabel('Email', { exact: true }), page.getByLabel('Password', { exact: true })];
  await email.fill('unknown@practice.example');
  for (let attempt = 0; attempt < 6; attempt++) {
    await password.fill('not the password');
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await expect(password).toHaveValue('');
  }
  await expect(page.getByRole('alert')).toHaveText(/^Too many attempts\. Try again in \d+ minutes\.$/);
  await expect(email).toHaveValue('unknown@practice.example');
  await axe();
  await signIn();
});
