// Steps of the authorization flow in a test: settings for a client of the practice provider, the
// "Get Auth Token" button, and the user's actions in the pop-up.

import { expect, type Page } from '@playwright/test';
import { type Flow, Form, type Values, oauth } from './form.ts';
import type { Product } from './product.ts';
import type { Client, Provider } from './provider.ts';

/** Fills in and saves all settings for a flow and a client of the practice provider, with `changes`. */
export async function configure(form: Form, { mail, provider, url }: Pick<Product, 'mail' | 'provider' | 'url'>, flow: Flow, client: Client, changes: Values = {}): Promise<void> {
  const { authorization, token, scope } = provider.address;
  const needsConsent = flow !== 'Client Credentials';
  await form.choose(flow);
  await form.fill(form.oauth, oauth(mail));
  await form.fill(form.authentication, {
    'Client ID': client.id,
    'Client Secret': client.secret,
    ...(needsConsent && { 'Authorization Endpoint': authorization, 'Redirect URI': `${url}/oauth/callback` }),
    'Token Endpoint': token,
    Scope: needsConsent ? scope : 'mail.send',
    ...changes,
  });
  await form.saved();
}

/** Presses Get Auth Token and returns the pop-up once it shows the provider's page. */
export async function openConsent(form: Form): Promise<Page> {
  const opening = form.page.waitForEvent('popup');
  await form.getToken.click();
  const popUp = await opening;
  await popUp.waitForURL((url) => url.protocol !== 'about:');
  return popUp;
}

/** Blocks pop-ups on the page. */
export async function blockPopUps(page: Page): Promise<void> {
  await page.evaluate(() => (window.open = () => null));
}

/** Obtains a token through the pop-up, which closes itself. */
export async function obtain(form: Form, provider: Provider): Promise<void> {
  const popUp = await openConsent(form);
  const closed = popUp.waitForEvent('close');
  await provider.allow(popUp);
  await closed;
  await expect(form.tokenStatus).toHaveText('Valid');
}
