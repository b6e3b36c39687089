// "Client authentication": collapsed by default, validated against the flow, usable without a secret.

import { obtain } from '../support/consent.ts';
import { oauth } from '../support/form.ts';
import { ADA, expect, test } from '../support/test.ts';

test('a public client with PKCE delivers a message without a secret', async ({ product, provider, signIn, inbox, axe }) => {
  const form = await signIn();
  const { authorization, token, scope, clients } = provider.address;
  await form.choose('Authorization Code with PKCE');
  await form.fill(form.oauth, oauth(product.mail));
  await form.fill(form.authentication, {
    'Client ID': clients.public.id,
    'Authorization Endpoint': authorization,
    'Redirect URI': `${product.url}/oauth/callback`,
    'Token Endpoint': token,
    Scope: scope,
  });
  const choice = form.field(form.authentication, 'Client authentication');
  await expect(choice).toBeHidden();
  await form.authentication.getByText('More', { exact: true }).click();
  await choice.selectOption({ label: 'None (public client)' });
  const secret = form.field(form.authentication, 'Client Secret');
  await expect(secret).toBeDisabled();
  await expect(secret).toHaveAccessibleDescription(/Kept, not sent/);
  await axe();
  await form.saved();
  await obtain(form, provider);
  await form.deliverTest();
  const message = await inbox.waitFor({ to: ADA.email });
  expect(message.user).toBe(product.mail.username);
});

test('a public client with another flow is an error that expands and focuses the control', async ({ page, signIn }) => {
  const form = await signIn();
  await form.fillOauth('Authorization Code with PKCE');
  const more = form.authentication.getByText('More', { exact: true });
  const choice = form.field(form.authentication, 'Client authentication');
  await more.click();
  await choice.selectOption({ label: 'None (public client)' });
  await more.click();
  await expect(choice).toBeHidden();
  await form.choose('Authorization Code');
  await form.save.click();
  await expect(page.getByRole('alert').getByRole('link')).toHaveText([/^Client authentication: A public client needs Authorization Code with PKCE/]);
  await expect(choice).toBeFocused();
  await expect(choice).toHaveAttribute('aria-invalid', 'true');
  await choice.selectOption({ label: 'HTTP Basic' });
  await form.saved();
  await page.reload();
  await expect(choice).toHaveValue('basic');
});
