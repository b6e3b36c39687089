// Unsaved input is not lost by leaving the page, or by typing before hydration.

import { Form } from '../support/form.ts';
import { expect, test } from '../support/test.ts';
import type { Page } from '@playwright/test';

test.use({ changesNothing: true });

const WAYS: { name: string; leave: (page: Page) => Promise<unknown> }[] = [
  { name: 'a reload', leave: (page) => page.evaluate(() => location.reload()) },
  { name: 'the back button', leave: (page) => page.evaluate(() => history.back()) },
  { name: 'another address', leave: (page) => page.evaluate(() => location.assign('/sign-in')) },
  { name: 'a link of the navigation', leave: (page) => page.getByRole('link', { name: 'Audit trail' }).click() },
  { name: 'signing out', leave: (page) => page.getByRole('button', { name: 'Sign out' }).click() },
  { name: 'closing the window', leave: (page) => page.close({ runBeforeUnload: true }) },
];

for (const { name, leave } of WAYS) {
  test(`leaving by ${name} with unsaved changes asks first, and staying keeps them`, async ({ page, signIn }) => {
    const form = await signIn();
    await form.field(form.basic, 'Display Name').pressSequentially('typed');
    await expect(form.save).toBeVisible(); // The page is hydrated, and has noticed the change.
    const asked = page.waitForEvent('dialog');
    const left = leave(page).catch(() => {}); // Rejects when the user stays.
    const dialog = await asked;
    expect(dialog.type()).toBe('beforeunload');
    await dialog.dismiss();
    await left;
    await expect(form.field(form.basic, 'Display Name')).toHaveValue('typed');
  });
}

test('leaving without changes does not ask', async ({ page, signIn }) => {
  const form = await signIn();
  await form.field(form.basic, 'Display Name').pressSequentially('x');
  await form.cancel.click();
  const asked: string[] = [];
  page.on('dialog', async (dialog) => {
    asked.push(dialog.type());
    await dialog.accept();
  });
  await page.goto('/sign-in');
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  expect(asked).toEqual([]);
});

test('input typed before hydration is kept and counts as a change', async ({ page, signIn }) => {
  await signIn();
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route('**/*.wasm', async (route) => {
    await held;
    await route.continue();
  });
  await page.reload({ waitUntil: 'domcontentloaded' });
  const form = new Form(page);
  await form.field(form.basic, 'Default Sender Email').fill('early@practice.example');
  await form.field(form.basic, 'Use TLS').uncheck();
  await form.field(form.basic, 'Secret expires on').fill('2031-01-31');
  await form.flow.selectOption({ label: 'Client Credentials' });
  release();

  await expect(form.save).toBeVisible();
  await expect(page.getByText('4 changes not saved')).toBeVisible();
  await expect(form.field(form.basic, 'Default Sender Email')).toHaveValue('early@practice.example');
  await expect(form.field(form.basic, 'Secret expires on')).toHaveValue('2031-01-31');
  await expect(form.field(form.basic, 'Use TLS')).not.toBeChecked();
  await expect(form.flow).toHaveValue('client-credentials');
  await expect(form.field(form.authentication, 'Client ID')).toBeEnabled();

  await form.field(form.basic, 'Default Sender Email').press('End');
  await page.keyboard.type('s');
  await expect(form.field(form.basic, 'Default Sender Email')).toHaveValue('early@practice.examples');
});

test('the skip link and going back from it keep unsaved input', async ({ page, signIn }) => {
  const form = await signIn();
  await form.field(form.basic, 'Display Name').pressSequentially('typed');
  await page.getByRole('link', { name: 'Skip to the content' }).focus();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/#main$/);
  await page.evaluate(() => history.back());
  await expect(page).not.toHaveURL(/#main$/);
  await expect(form.field(form.basic, 'Display Name')).toHaveValue('typed');
  await expect(form.save).toBeVisible();
});
