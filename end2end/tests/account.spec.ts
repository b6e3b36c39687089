// "My account": changing the password, and listing and ending sessions, as an administrator and as a
// reader.

import type { Browser, Page } from '@playwright/test';
import { basic } from '../support/form.ts';
import { ADA, GRACE, expect, test } from '../support/test.ts';

const NEW = 'seven quiet lighthouse keepers';

/** Opens "My account" through the navigation. */
async function open(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'My account', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'My account', exact: true })).toBeVisible();
}

async function changePassword(page: Page, current: string, password: string, again = password): Promise<void> {
  const group = page.getByRole('group', { name: 'Change password', exact: true });
  await group.getByLabel('Current password', { exact: true }).fill(current);
  await group.getByLabel('New password', { exact: true }).fill(password);
  await group.getByLabel('Confirm new password', { exact: true }).fill(again);
  await group.getByRole('button', { name: 'Change password', exact: true }).click();
}

async function submitSignInForm(page: Page, password: string): Promise<void> {
  await page.goto('/sign-in');
  await page.getByLabel('Email', { exact: true }).fill(ADA.email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

/** Opens a page in another browser context. */
async function otherBrowser(browser: Browser, baseURL: string): Promise<Page> {
  const context = await browser.newContext({ baseURL });
  return context.newPage();
}

test('changing the password keeps the current session and ends all others', async ({ page, browser, product, signIn, axe }) => {
  const other = await otherBrowser(browser, product.url);
  await signIn(other);
  await signIn();
  await open(page);
  await axe();
  await changePassword(page, ADA.password, NEW);
  await expect(page.getByRole('status')).toHaveText('Your password was changed, and your other sessions have ended.');
  await axe();
  await other.reload();
  await expect(other).toHaveURL(/\/sign-in/);

  await submitSignInForm(other, ADA.password);
  await expect(other.getByRole('alert')).toHaveText('Wrong email address or password.');
  await submitSignInForm(other, NEW);
  await expect(other).toHaveURL(/\/settings\/email$/);
  await other.context().close();
});

test('a wrong current password, differing new passwords and a common password are refused', async ({ page, signIn, consoleErrors, axe }) => {
  consoleErrors.expectStatus(422, /account\/password/);
  await signIn();
  await open(page);
  const alert = page.getByRole('alert');
  await changePassword(page, 'not the password', NEW);
  await expect(alert).toHaveText('The current password is wrong. Your password was not changed.');
  await axe();
  await changePassword(page, ADA.password, NEW, 'another one altogether');
  await expect(alert).toHaveText('The new passwords do not match. Enter both again.');
  await changePassword(page, ADA.password, 'password1234');
  await expect(alert).toContainText('too common');
  await expect(page.getByLabel('Current password', { exact: true })).toHaveValue('');
});

test('a user sees their sessions, ends one of them, and then all others', async ({ page, browser, product, signIn, axe }) => {
  const others = [await otherBrowser(browser, product.url), await otherBrowser(browser, product.url)];
  for (const other of others) await signIn(other);
  await signIn();
  await open(page);
  const table = page.getByRole('table', { name: 'Your sessions', exact: true });
  const rows = table.getByRole('row').filter({ hasText: '127.0.0.1' });
  await expect(rows).toHaveCount(3);
  await expect(rows.filter({ hasText: 'This session' })).toHaveCount(1);
  await axe();
  await rows.getByRole('button', { name: /^End the session of Ada Okafor, signed in / }).last().click();
  await expect(page.getByRole('status')).toHaveText('One session was ended.');
  await expect(rows).toHaveCount(2);
  await page.getByRole('button', { name: 'End all other sessions', exact: true }).click();
  await expect(page.getByRole('status')).toHaveText('One session was ended.');
  await expect(rows).toHaveCount(1);
  for (const other of others) {
    await other.reload();
    await expect(other).toHaveURL(/\/sign-in/);
    await other.context().close();
  }
});

test('an administrator ends the session of another user, whose next save reports it', async ({ page, browser, product, signIn }) => {
  await product.add(GRACE);
  const grace = await otherBrowser(browser, product.url);
  const form = await signIn(grace, GRACE.email);
  await form.fill(form.basic, { ...basic(product.mail), 'Display Name': 'typed by Grace' });
  await signIn();
  await open(page);
  const others = page.getByRole('table', { name: 'Sessions of other people', exact: true });
  await others.getByRole('button', { name: /^End the session of Grace Adeyemi, / }).click();
  await expect(page.getByRole('status')).toHaveText('One session was ended.');
  await expect(page.getByText('No other user has a session.')).toBeVisible();
  await form.save.click();
  await expect(grace.getByRole('alert')).toContainText('Your session has ended. Your changes are still here');
  await expect(form.field(form.basic, 'Display Name')).toHaveValue('typed by Grace');
  await grace.context().close();
});

test('a reader sees only their own sessions', async ({ page, product, signIn }) => {
  await product.add({ email: 'rita@practice.example', name: 'Rita Levi', role: 'reader' });
  await signIn(page, 'rita@practice.example');
  await open(page);
  await expect(page.getByRole('heading', { name: 'Your sessions', exact: true })).toBeVisible();
  await expect(page.getByText('Sessions of other people')).toHaveCount(0);
});

test('My account has no horizontal overflow on a narrow screen', async ({ page, signIn }) => {
  await page.setViewportSize({ width: 320, height: 640 });
  await signIn();
  await open(page);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(overflow).toBeLessThanOrEqual(0);
});
