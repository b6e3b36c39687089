// "Fill from discovery": a provider's metadata fills empty fields; values for other fields are offered.

import { expect, test } from '../support/test.ts';

test('empty endpoints are filled in at once', async ({ product, signIn, axe }) => {
  const form = await signIn();
  const issuer = form.authentication.getByLabel('Issuer or tenant address', { exact: true });
  const ask = form.authentication.getByRole('button', { name: 'Fill from discovery', exact: true });
  await expect(issuer).toBeHidden();
  await expect(ask).toBeHidden();
  await form.choose('Authorization Code');
  await issuer.fill(product.provider.address.issuer);
  await ask.click();
  await expect(form.field(form.authentication, 'Authorization Endpoint')).toHaveValue(/^http:\/\/(localhost|127\.0\.0\.1)/);
  await expect(form.field(form.authentication, 'Token Endpoint')).toHaveValue(product.provider.address.token);
  await expect(form.authentication.getByRole('heading', { name: 'The provider was found, and its metadata is valid.' })).toBeVisible();
  await expect(form.authentication.getByText('PKCE with S256', { exact: true })).toBeVisible();
  await axe();
});

test('a typed endpoint is replaced only after confirmation', async ({ product, signIn }) => {
  const form = await signIn();
  await form.choose('Authorization Code');
  const token = form.field(form.authentication, 'Token Endpoint');
  await token.fill('https://login.example.com/token');
  await form.authentication.getByLabel('Issuer or tenant address', { exact: true }).fill(product.provider.address.issuer);
  await form.authentication.getByRole('button', { name: 'Fill from discovery', exact: true }).click();
  await expect(form.authentication.getByRole('heading', { name: /^Nothing is filled in yet\./ })).toBeVisible();
  await expect(token).toHaveValue('https://login.example.com/token');
  await form.authentication.getByRole('button', { name: 'Replace these', exact: true }).click();
  await expect(token).toHaveValue(product.provider.address.token);
});

test('an unknown provider host is reported', async ({ signIn }) => {
  const form = await signIn();
  await form.choose('Authorization Code');
  await form.authentication.getByLabel('Issuer or tenant address', { exact: true }).fill('https://login.invalid');
  await form.authentication.getByRole('button', { name: 'Fill from discovery', exact: true }).click();
  await expect(form.authentication.getByRole('heading', { name: 'There is no server with this name.' })).toBeVisible();
});
