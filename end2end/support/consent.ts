// Why: the way to a token as a test goes it: settings for a client of the practice provider, the
// press of the button, and what somebody does in the window that opens.

import { expect, type Page } from '@playwright/test';
import { type Flow, Form, type Values, oauth } from './form.ts';
import type { Product } from './product.ts';
import type { Client, Provider } from './provider.ts';

/** Fills in everything for a flow and a client of the practice provider, with `changes`, and saves it. */
export async function configure(form: Form, { mail, provider, url }: Product, flow: Flow, client: Client, changes: Values = {}): Promise<void> {
  const { authorization, token, scope } = provider.address;
  const asksSomebody = flow !== 'Client Credentials';
  await form.choose(flow);
  await form.fill(form.oauth, oauth(mail));
  await form.fill(form.authentication, {
    'Client ID': client.id,
    'Client Secret': client.secret,
    ...(asksSomebody && { 'Authorization Endpoint': authorization, 'Redirect URI': `${url}/oauth/callback` }),
    'Token Endpoint': token,
    Scope: asksSomebody ? scope : 'mail.send',
    ...changes,
  });
  await form.saved();
}

/** Presses Get Auth Token and answers the window that opens, once the provider's page is in it. */
export async function openConsent(form: Form): Promise<Page> {
  const opening = form.page.waitForEvent('popup');
  await form.getToken.click();
  const popUp = await opening;
  await popUp.waitForURL((url) => url.protocol !== 'about:');
  return popUp;
}

/** Lets the page open no window, as a browser that blocks pop-ups. */
export async function blockPopUps(page: Page): Promise<void> {
  await page.evaluate(() => (window.open = () => null));
}

/** Goes the whole way to a token, in a window that closes itself. */
export async function obtain(form: Form, provider: Provider): Promise<void> {
  const popUp = await openConsent(form);
  const closed = popUp.waitForEvent('close');
  await provider.allow(popUp);
  await closed;
  await expect(form.tokenStatus).toHaveText('Valid');
}
