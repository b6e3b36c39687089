// The token and the form: when Get Auth Token is disabled, and what a save does to the token.

import type { Locator, Page } from '@playwright/test';
import { configure } from '../support/consent.ts';
import { Form } from '../support/form.ts';
import { ADA, GRACE, expect, test } from '../support/test.ts';

function dialog(page: Page) {
  const shown = page.getByRole('dialog', { name: 'Saving deletes the current OAuth token' });
  return {
    shown,
    keep: shown.getByRole('button', { name: 'Keep the token, do not save', exact: true }),
    confirm: shown.getByRole('button', { name: 'Save and delete the token', exact: true }),
  };
}

test.describe('Get Auth Token', () => {
  test('is disabled until a flow is saved, with the reason', async ({ product, signIn }) => {
    const form = await signIn();
    await expect(form.getToken).toBeDisabled();
    await expect(form.getToken).toHaveAccessibleDescription('Choose an OAuth flow and save it first.');
    await expect(form.token.getByText('not used with this flow', { exact: true })).toBeVisible();
    await configure(form, product, 'Client Credentials', product.provider.address.clients.credentials);
    await expect(form.getToken).toBeEnabled();
    await expect(form.getToken).toHaveAccessibleDescription('');
    await expect(form.token.getByText('not used with this flow', { exact: true })).toBeHidden();
  });

  test('is marked as used or not used by the chosen flow, before it is saved', async ({ signIn }) => {
    const form = await signIn();
    const unused = form.token.getByText('not used with this flow', { exact: true });
    await form.choose('Client Credentials');
    await expect(unused).toBeHidden();
    await form.choose('None');
    await expect(unused).toBeVisible();
  });

  test('is disabled only while there are unsaved changes', async ({ product, signIn }) => {
    const form = await signIn();
    await configure(form, product, 'Client Credentials', product.provider.address.clients.credentials);
    const scope = form.field(form.authentication, 'Scope');
    const expectDisabled = async () => {
      await expect(form.getToken).toBeDisabled();
      await expect(form.getToken).toHaveAccessibleDescription('Save or cancel your changes first.');
    };
    await scope.fill('other');
    await expectDisabled();
    await form.cancel.click();
    await expect(form.getToken).toBeEnabled();

    await scope.fill('other');
    await expectDisabled();
    await scope.fill('mail.send');
    await expect(form.getToken, 'the saved value is typed again').toBeEnabled();

    await form.field(form.oauth, 'Display Name').fill('Other');
    await expectDisabled();
    await form.saved();
    await expect(form.getToken).toBeEnabled();
  });

  test('is disabled after the flow None is saved', async ({ product, signIn }) => {
    const form = await signIn();
    await configure(form, product, 'Client Credentials', product.provider.address.clients.credentials);
    await form.choose('None');
    await form.saveBasic(product.mail);
    await expect(form.getToken).toBeDisabled();
    await expect(form.getToken).toHaveAccessibleDescription('Choose an OAuth flow and save it first.');
  });
});

test.describe('a save that would delete the token', () => {
  test.beforeEach(async ({ page, product, signIn }) => {
    const form = await signIn();
    await configure(form, product, 'Client Credentials', product.provider.address.clients.credentials);
    await form.getToken.click();
    await expect(form.tokenStatus).toHaveText('Valid');
    await form.fill(form.oauth, { 'Display Name': 'Other' });
    await form.save.click();
    await expect(dialog(page).shown).toContainText('Mail cannot be sent until a new token has been obtained.');
  });

  test('is confirmed by a button in the colour of a danger', async ({ page }) => {
    const colour = (button: Locator) => button.evaluate((element) => getComputedStyle(element).backgroundColor.match(/\d+/g)!.map(Number));
    const [red, green, blue] = await colour(dialog(page).confirm);
    expect(red! > 2 * green! && red! > 2 * blue!, `rgb(${red}, ${green}, ${blue}) is red`).toBe(true);
    expect(await colour(dialog(page).keep)).not.toEqual([red, green, blue]);
  });

  test('leads to the token, which has to be obtained again', async ({ page }) => {
    await dialog(page).confirm.click();
    await page.getByRole('button', { name: 'Next: Get Auth Token', exact: true }).click();
    await expect(page.getByRole('button', { name: 'Get Auth Token', exact: true })).toBeFocused();
  });

  test('leaves token and form unchanged if it is declined', async ({ page, inbox }) => {
    const form = new Form(page);
    await dialog(page).keep.click();
    await expect(dialog(page).shown).toBeHidden();
    await expect(form.save).toBeFocused();
    await expect(form.field(form.oauth, 'Display Name')).toHaveValue('Other');
    await expect(form.tokenStatus).toHaveText('Valid');
    await form.cancel.click();
    await form.sendTest.click();
    expect((await inbox.waitFor({ to: ADA.email })).from).toContain('Practice PPM');
  });

  test('saves and deletes the token if it is confirmed', async ({ page, inbox }) => {
    const form = new Form(page);
    await dialog(page).confirm.click();
    await expect(page.getByText('Saved.', { exact: true })).toBeVisible();
    await expect(form.tokenStatus).toHaveText('Not obtained');
    await expect(form.tokenExpires).toHaveText('No token yet');
    await expect(form.token.getByText('Token obtained.')).toBeHidden();
    await expect(form.sendTest).toBeDisabled();
    await form.getToken.click();
    await expect(form.tokenStatus).toHaveText('Valid');
    await form.sendTest.click();
    expect((await inbox.waitFor({ to: ADA.email })).from).toContain('Other');
  });
});

test('a token obtained meanwhile by another administrator is not deleted without confirmation', async ({ page, browser, product, signIn }) => {
  await product.add(GRACE);
  const ada = await signIn();
  await configure(ada, product, 'Client Credentials', product.provider.address.clients.credentials);
  // Her page receives no further token updates.
  await page.route('**/api/email/token', () => {});
  await ada.fill(ada.oauth, { 'Display Name': 'Other' });

  const context = await browser.newContext({ baseURL: product.url });
  const grace = new Form(await context.newPage());
  await signIn(grace.page, GRACE.email);
  // Her page is hydrated once it shows Cancel.
  await grace.choose('None');
  await grace.cancel.click();
  await grace.getToken.click();
  await expect(grace.tokenStatus).toHaveText('Valid');

  await expect(ada.tokenStatus).toHaveText('Not obtained');
  await ada.save.click();
  await dialog(page).keep.click();
  await expect(ada.field(ada.oauth, 'Display Name')).toHaveValue('Other');
  await grace.page.reload();
  await expect(grace.tokenStatus).toHaveText('Valid');

  await ada.save.click();
  await dialog(page).confirm.click();
  await expect(page.getByText('Saved.', { exact: true })).toBeVisible();
  await grace.page.reload();
  await expect(grace.tokenStatus).toHaveText('Not obtained');
  await context.close();
});
