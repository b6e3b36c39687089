// "Show token details": the token's contents, shown as names and values and discarded with the token.

import { configure } from '../support/consent.ts';
import { expect, test } from '../support/test.ts';

test('an opaque token is shown with its kind and scope', async ({ product, signIn, axe }) => {
  const form = await signIn();
  const ask = form.token.getByRole('button', { name: 'Show token details', exact: true });
  await configure(form, product, 'Client Credentials', product.provider.address.clients.credentials);
  await expect(ask, 'there is no token yet').toBeHidden();
  await form.getToken.click();
  await expect(form.tokenStatus).toHaveText('Valid');
  await ask.click();
  await expect(form.token.getByText('Opaque: only the provider can read it', { exact: true })).toBeVisible();
  await expect(form.token.getByText('Scope requested', { exact: true })).toBeVisible();
  await axe();
});

test('a token for another audience than mail is reported, with the scope to request', async ({ page, product, provider, signIn, axe }) => {
  await provider.setAudience('https://graph.microsoft.com/');
  const form = await signIn();
  await configure(form, product, 'Client Credentials', product.provider.address.clients.credentials);
  await form.getToken.click();
  await form.token.getByRole('button', { name: 'Show token details', exact: true }).click();
  const told = (name: string) => form.token.getByText(name, { exact: true }).locator('xpath=following-sibling::dd');
  await expect(told('Issued for')).toHaveText('https://graph.microsoft.com/');
  await expect(told('Application')).toHaveText('practice-credentials');
  await expect(form.setback('This token is for Microsoft Graph, not for mail.')).toBeVisible();
  await axe();
  await page.getByRole('button', { name: 'Use this scope', exact: true }).click();
  await expect(form.field(form.authentication, 'Scope')).toHaveValue('https://outlook.office365.com/.default');
});
