// The spec's OAuth Token Management: from empty settings to a delivered message, by each flow.

import { type Page } from '@playwright/test';
import { Form, oauth, type Flow } from '../support/form.ts';
import type { Product } from '../support/product.ts';
import type { Client, Provider } from '../support/provider.ts';
import { ADA, expect, test } from '../support/test.ts';

/** Fills in everything for a flow and a client of the practice provider, and saves it. */
async function configure(page: Page, product: Product, provider: Provider, flow: Flow, client: Client): Promise<Form> {
  const form = new Form(page);
  const { authorization, token, scope } = provider.address;
  await form.choose(flow);
  await form.fill(form.oauth, oauth(product.mail));
  await form.fill(form.authentication, { 'Client ID': client.id, 'Client Secret': client.secret, 'Token Endpoint': token });
  if (flow === 'Client Credentials') {
    await form.fill(form.authentication, { Scope: 'mail.send' });
  } else {
    await form.fill(form.authentication, { 'Authorization Endpoint': authorization, Scope: scope });
    await form.authentication.getByRole('button', { name: "Use this server's" }).click();
  }
  await form.saved();
  return form;
}

for (const [flow, client] of [
  ['Authorization Code', 'code'],
  ['Authorization Code with PKCE', 'pkce'],
] as const) {
  test(`${flow} leads from empty settings to a delivered message`, async ({ page, product, provider, signIn, inbox }) => {
    await signIn();
    const form = await configure(page, product, provider, flow, provider.address.clients[client]);
    await expect(form.token.getByText('Not obtained')).toBeVisible();
    const opening = page.waitForEvent('popup');
    await form.getToken.click();
    const popUp = await opening;
    const closed = popUp.waitForEvent('close');
    await provider.allow(popUp);
    await closed;
    await expect(form.token.getByText('Valid', { exact: true })).toBeVisible();
    await expect(form.token.getByText('renews by itself')).toBeVisible();
    await form.sendTest.click();
    await expect(form.outcome(/accepted the message/)).toBeVisible();
    const message = await inbox.waitFor({ to: ADA.email });
    expect(message.envelope.from).toBe(product.mail.username);
    expect(message.user).toBe(product.mail.username);
  });
}

test('Client Credentials lead from empty settings to a delivered message', async ({ page, product, provider, signIn, inbox }) => {
  await signIn();
  const form = await configure(page, product, provider, 'Client Credentials', provider.address.clients.credentials);
  await form.getToken.click();
  await expect(form.token.getByText('Valid', { exact: true })).toBeVisible();
  await form.sendTest.click();
  await expect(form.outcome(/accepted the message/)).toBeVisible();
  expect((await inbox.waitFor({ to: ADA.email })).envelope.from).toBe(product.mail.username);
});
