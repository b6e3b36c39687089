// The page Applications: a key is shown once, and what is entered is never markup.

import { expect, test } from '../support/test.ts';

const PAGE = '/settings/email/applications';
const EVIL = '</textarea><b id=canary>';

test('an administrator adds an application, copies its key, and rotates it', async ({ page, signIn, axe }) => {
  await signIn();
  await page.getByRole('link', { name: 'Applications', exact: true }).click();
  await expect(page).toHaveURL(PAGE);
  await expect(page.getByText('No application can send yet.')).toBeVisible();
  await axe();
  await page.getByLabel('Name', { exact: true }).fill('PPM Planner');
  await page.getByLabel('Allowed senders').fill('planner@example.com');
  await page.getByRole('button', { name: 'Add an application' }).click();
  await expect(page.getByRole('status')).toContainText('The new key of PPM Planner');
  const key = page.getByLabel('Key', { exact: true });
  await expect(key).toHaveValue(/^ppm_[0-9a-f]{12}_[\w-]{43}$/);
  const first = await key.inputValue();
  await axe();
  await page.goto(PAGE);
  const row = page.getByRole('row').filter({ hasText: 'PPM Planner' });
  await expect(row).toContainText('planner@example.com');
  expect(await page.content()).not.toContain(first);
  await page.getByRole('button', { name: 'New key: PPM Planner' }).click();
  await expect(key).toHaveValue(/^ppm_/);
  expect(await key.inputValue()).not.toBe(first);
  const old = first.slice(0, 16);
  await page.getByRole('button', { name: `Remove this key: ${old}` }).click();
  await expect(row).not.toContainText(old);
  await page.getByRole('button', { name: 'Disable: PPM Planner' }).click();
  await expect(row).toContainText('disabled');
  await row.locator('summary').filter({ hasText: 'Remove' }).click();
  await page.getByRole('button', { name: 'Remove it now: PPM Planner' }).click();
  await expect(page.getByText('No application can send yet.')).toBeVisible();
});

test('what is entered on the page Applications stays after a refusal, and is no markup', async ({ page, signIn, consoleErrors }) => {
  consoleErrors.expectStatus(422, /applications/);
  await signIn();
  await page.goto(PAGE);
  await page.getByLabel('Name', { exact: true }).fill(EVIL);
  await page.getByLabel('Allowed senders').fill(EVIL);
  await page.getByRole('button', { name: 'Add an application' }).click();
  await expect(page.getByRole('alert')).toContainText('is not an email address');
  await expect(page.getByLabel('Name', { exact: true })).toHaveValue(EVIL);
  await expect(page.getByLabel('Allowed senders')).toHaveValue(EVIL);
  await expect(page.locator('#canary')).toHaveCount(0);
});

test('what is entered to change an application stays after a refusal, in the open form', async ({ page, signIn, axe, consoleErrors }) => {
  consoleErrors.expectStatus(422, /applications/);
  await signIn();
  await page.goto(PAGE);
  await page.getByLabel('Name', { exact: true }).fill('PPM Planner');
  await page.getByRole('button', { name: 'Add an application' }).click();
  await page.goto(PAGE);
  const row = page.getByRole('row').filter({ hasText: 'PPM Planner' });
  await row.locator('summary').filter({ hasText: 'Change' }).click();
  await row.getByLabel('Messages a minute').fill('many');
  await row.getByLabel('Allowed senders').fill('planner@example.com');
  await row.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByRole('alert')).toBeVisible();
  await expect(row.getByLabel('Messages a minute')).toHaveValue('many');
  await expect(row.getByLabel('Messages a minute')).toHaveAttribute('aria-invalid', 'true');
  await expect(row.getByLabel('Allowed senders')).toHaveValue('planner@example.com');
  await axe();
});

test('the page Applications fits a window of 360 pixels', async ({ page, signIn }) => {
  await page.setViewportSize({ width: 360, height: 800 });
  await signIn();
  await page.goto(PAGE);
  await page.getByLabel('Name', { exact: true }).fill('A product with a name that is rather long for a narrow window');
  await page.getByLabel('Allowed senders').fill('a.very.long.local.part.of.an.address@a.long.domain.example.com');
  await page.getByRole('button', { name: 'Add an application' }).click();
  await expect(page.getByLabel('Key', { exact: true })).toBeVisible();
  const width = () => page.evaluate(() => document.documentElement.scrollWidth);
  expect(await width()).toBeLessThanOrEqual(360);
  await page.goto(PAGE);
  expect(await width()).toBeLessThanOrEqual(360);
});
