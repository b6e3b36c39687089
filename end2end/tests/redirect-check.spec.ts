// "Check this address": how the Redirect URI differs from this server's callback address.

import { expect, test } from '../support/test.ts';

test('a difference is named, corrected by a button, and the address is then confirmed', async ({ page, signIn, axe }) => {
  const form = await signIn();
  await form.choose('Authorization Code');
  const own = `${new URL(page.url()).origin}/oauth/callback`;
  const uri = form.field(form.authentication, 'Redirect URI');
  const check = form.authentication.getByRole('button', { name: 'Check this address', exact: true });
  await uri.fill(`${own}/`);
  await check.click();
  await expect(form.authentication.getByRole('heading', { name: /there is an extra slash at the end/ })).toBeVisible();
  await axe();
  await form.authentication.getByRole('button', { name: "Use this server's address", exact: true }).click();
  await expect(uri).toHaveValue(own);
  await check.click();
  await expect(form.authentication.getByText(/^Exactly this server's address\./)).toBeVisible();
});
