// Secret expires on: the optional date beside Password and beside Client Secret.

import type { Page } from '@playwright/test';
import { configure } from '../support/consent.ts';
import { Form } from '../support/form.ts';
import { GRACE, type Person, expect, test } from '../support/test.ts';

const LABEL = 'Secret expires on';
const [OLD, NEW] = ['2031-01-31', '2033-06-30'];
const CLEARED = /^Cleared with the old secret\. /;

/** Saves Basic SMTP Settings with a date. */
async function saveWithDate(form: Form, product: Parameters<typeof configure>[1]) {
  await form.saveBasic(product.mail, { [LABEL]: OLD });
  return form.field(form.basic, LABEL);
}

/** Chooses how dates are shown. */
async function preferDots(page: Page) {
  await page.goto('/preferences/time');
  await page.getByLabel('DD.MM.YYYY', { exact: true }).check();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(page.getByRole('status')).toContainText('Saved.');
}

test('a date is optional, saved and shown again', async ({ page, signIn, product, axe }) => {
  const form = await signIn();
  await form.saveBasic(product.mail);
  const date = form.field(form.basic, LABEL);
  await expect(date).toHaveValue('');
  await expect(date).toHaveAccessibleDescription(/PPM reminds you 30, 14, 7 and 1 days before\./);
  await expect(form.field(form.authentication, LABEL)).toHaveAccessibleDescription(/Certificates & secrets/);
  await date.fill(OLD);
  await expect(page.getByRole('region', { name: 'Unsaved changes' })).toContainText('Secret expires on (Password)');
  await form.saved();
  await page.reload();
  await expect(date).toHaveValue(OLD);
  await axe();
});

test('a date is typed by keyboard, and a corrected part keeps the others', async ({ page, signIn }) => {
  const form = await signIn();
  const date = form.field(form.basic, LABEL);
  await date.focus();
  await page.keyboard.type('11112031');
  await expect(date).toHaveValue('2031-11-11');
  await page.keyboard.press('Backspace');
  await expect(date).toHaveValue('');
  await page.keyboard.type('2033');
  await expect(date).toHaveValue('2033-11-11');
});

test('a date in the past is saved, with a warning', async ({ page, signIn, product }) => {
  const form = await signIn();
  await form.saveBasic(product.mail, { [LABEL]: '2020-02-29' });
  await page.reload();
  await expect(form.field(form.basic, LABEL)).toHaveAccessibleDescription(/This date has passed\./);
  await form.fill(form.basic, { [LABEL]: OLD });
  await expect(form.field(form.basic, LABEL)).not.toHaveAccessibleDescription(/passed/);
});

test('a save of a date alone keeps the token without a warning', async ({ page, signIn, product, provider }) => {
  const form = await signIn();
  await configure(form, product, 'Client Credentials', provider.address.clients.credentials);
  await form.getToken.click();
  await expect(form.tokenStatus).toHaveText('Valid');
  await form.fill(form.authentication, { [LABEL]: OLD });
  await form.fill(form.basic, { [LABEL]: NEW });
  await form.saved();
  await expect(page.getByRole('dialog')).toBeHidden();
  await expect(form.tokenStatus).toHaveText('Valid');
  await form.deliverTest();
  await form.fill(form.authentication, { [LABEL]: NEW });
  await form.fill(form.oauth, { 'Display Name': 'Another name' });
  await form.save.click();
  await expect(page.getByRole('dialog', { name: 'Saving deletes the current OAuth token' })).toBeVisible();
});

test('the first change of a secret clears its date, and says so', async ({ page, signIn, product }) => {
  const form = await signIn();
  const date = await saveWithDate(form, product);
  await form.fill(form.basic, { Password: 'another' });
  await expect(date).toHaveValue('');
  await expect(date).toHaveAccessibleDescription(CLEARED);
  await expect(page.getByRole('status').filter({ hasText: CLEARED })).toBeAttached();
  await form.fill(form.basic, { Password: product.mail.password });
  await form.saved();
  await page.reload();
  await expect(date).toHaveValue('');
});

for (const [how, undo] of [
  ['emptied again', (form: Form) => form.fill(form.basic, { Password: '' })],
  ['kept by Keep stored', (form: Form) => form.basic.getByRole('button', { name: 'Keep stored', exact: true }).click()],
  ['kept by Cancel', (form: Form) => form.cancel.click()],
] as const) {
  test(`a secret that is ${how} has its date again`, async ({ signIn, product }) => {
    const form = await signIn();
    const date = await saveWithDate(form, product);
    await form.fill(form.basic, { Password: 'another' });
    await expect(date).toHaveValue('');
    await undo(form);
    await expect(date).toHaveValue(OLD);
    await expect(form.save).toBeHidden();
  });
}

test('a date that is entered with a new secret is saved', async ({ page, signIn, product }) => {
  const form = await signIn();
  const date = await saveWithDate(form, product);
  await form.fill(form.basic, { Password: 'another', [LABEL]: NEW });
  await form.fill(form.basic, { Password: product.mail.password });
  await expect(date).not.toHaveAccessibleDescription(CLEARED);
  await form.saved();
  await page.reload();
  await expect(date).toHaveValue(NEW);
});

test('the date of a Password goes with its Username', async ({ page, signIn, product }) => {
  const form = await signIn();
  const date = await saveWithDate(form, product);
  await form.fill(form.basic, { Username: '' });
  await expect(date).toHaveValue('');
  await form.fill(form.basic, { Username: product.mail.username });
  await expect(date).toHaveValue(OLD);
  await form.fill(form.basic, { Username: '' });
  await form.saved();
  await page.reload();
  await expect(date).toHaveValue('');
});

test('a public client has no use for the date of its Client Secret', async ({ signIn }) => {
  const form = await signIn();
  const date = form.field(form.authentication, LABEL);
  await expect(date).toBeDisabled();
  await form.choose('Authorization Code with PKCE');
  await expect(date).toBeEnabled();
  await form.unfold(form.authentication, 'Client authentication');
  await form.field(form.authentication, 'Client authentication').selectOption('None (public client)');
  await expect(date).toBeDisabled();
});

test('dates that two administrators changed are shown in the format of each', async ({ page, browser, signIn, product }) => {
  const form = await signIn();
  const date = await saveWithDate(form, product);
  await preferDots(page);
  await page.goto('/settings/email');
  await expect(form.flow).toBeEnabled();
  await date.fill(NEW);

  await product.add(GRACE);
  const context = await browser.newContext({ baseURL: product.url });
  const grace = new Form(await context.newPage());
  await signIn(grace.page, GRACE.email);
  await grace.fill(grace.basic, { [LABEL]: '2032-03-31' });
  await grace.saved();
  await context.close();

  await form.save.click();
  const choice = page.getByRole('group', { name: /^Choice for Secret expires on/ });
  await expect(choice.getByRole('button')).toHaveText(['Keep mine: 30.06.2033', 'Take theirs: 31.03.2032']);
  await choice.getByRole('button', { name: /^Take theirs/ }).click();
  await expect(date).toHaveValue('2032-03-31');
  await expect(form.save).toBeHidden();
});

test('a reader sees a date as text, in the format of My Preferences', async ({ browser, signIn, product }) => {
  await saveWithDate(await signIn(), product);
  const rita: Person = { email: 'rita@practice.example', name: 'Rita Levi', role: 'reader' };
  await product.add(rita);
  const context = await browser.newContext({ baseURL: product.url });
  const form = new Form(await context.newPage());
  await signIn(form.page, rita.email);
  await expect(form.value(form.basic, LABEL)).toHaveText(OLD);
  await expect(form.value(form.authentication, LABEL)).toHaveText('empty');
  await preferDots(form.page);
  await form.page.goto('/settings/email');
  await expect(form.value(form.basic, LABEL)).toHaveText('31.01.2031');
  await context.close();
});
