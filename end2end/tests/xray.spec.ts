// What the token says: asked by a button, told by name and value, gone with the token.

import { configure } from '../support/consent.ts';
import { Form } from '../support/form.ts';
import { expect, test } from '../support/test.ts';

test('a token is told what kind it is and what was granted', async ({ page, product, signIn, axe }) => {
  await signIn();
  const form = new Form(page);
  const ask = form.token.getByRole('button', { name: 'What does the token say?', exact: true });
  await configure(form, product, 'Client Credentials', product.provider.address.clients.credentials);
  await expect(ask, 'there is none to ask about').toBeHidden();
  await form.getToken.click();
  await expect(form.tokenStatus).toHaveText('Valid');
  await ask.click();
  await expect(form.token.getByText('opaque: only the provider can read it', { exact: true })).toBeVisible();
  await expect(form.token.getByText('Scope asked for', { exact: true })).toBeVisible();
  await axe();
});
