// Consent at the provider: declined, blocked, abandoned, interrupted, seen from another tab. In every
// case the tab shows the state and the button stays usable.

import { createServer, type AddressInfo } from 'node:net';
import { blockPopUps, configure, obtain, openConsent } from '../support/consent.ts';
import { Form } from '../support/form.ts';
import { ADA, expect, test as base } from '../support/test.ts';

const WAITING = /^Waiting for you to sign in at the provider/;
const DECLINED = 'Consent at the provider failed: The consent was declined.';

/** The tab with Authorization Code saved, and no token. */
const test = base.extend<{ form: Form }>({
  form: async ({ product, signIn }, use) => {
    const form = await signIn();
    await configure(form, product, 'Authorization Code', product.provider.address.clients.code);
    await use(form);
  },
});

test('a declined consent is shown with the provider’s text and the next step', async ({ form, provider, axe }) => {
  const popUp = await openConsent(form);
  await expect(form.token.getByText(WAITING)).toBeVisible();
  await axe();
  await provider.decline(popUp);

  const setback = form.setback(DECLINED);
  await expect(setback).toContainText('Access was declined on the consent page');
  await expect(setback.getByRole('listitem').first()).toHaveText('Press Get Auth Token again, and accept what the provider asks.');
  await expect(form.token.getByText(WAITING)).toBeHidden();
  await expect(form.tokenStatus).toHaveText('Not obtained');
  await expect(form.getToken).toBeEnabled();
  await axe();

  await expect(popUp.getByRole('heading', { name: DECLINED })).toBeVisible();
  await expect(popUp.getByText('You can close this window')).toBeVisible();
  await axe(popUp);
  await popUp.close();
  await obtain(form, provider);
  await expect(setback).toBeHidden();
});

test('a declined consent keeps the existing token', async ({ form, provider, inbox }) => {
  await obtain(form, provider);
  const until = await form.tokenExpires.textContent();
  await provider.decline(await openConsent(form));
  await expect(form.setback(DECLINED)).toBeVisible();
  await expect(form.tokenStatus).toHaveText('Valid');
  expect((await form.tokenExpires.textContent())?.slice(0, 16)).toBe(until?.slice(0, 16));
  await form.sendTest.click();
  await inbox.waitFor({ to: ADA.email });
  expect(await provider.counts()).toMatchObject({ authorization_code: 1, refresh_token: 0 });
});

test('with pop-ups blocked, the same window goes to the provider and returns', async ({ page, form, provider, axe }) => {
  await blockPopUps(page);
  await form.getToken.click();
  await provider.allow(page);
  await expect(page.getByRole('heading', { name: 'Token obtained' })).toBeVisible();
  expect(new URL(page.url()).search, 'neither code nor state stays in the address').toBe('');
  await axe();
  await page.getByRole('link', { name: 'Back to the Email settings' }).click();
  await expect(form.tokenStatus).toHaveText('Valid');
});

test('with pop-ups blocked, a declined consent is shown after the return', async ({ page, form, provider }) => {
  await blockPopUps(page);
  await form.getToken.click();
  await provider.decline(page);
  await expect(page.getByRole('heading', { name: DECLINED })).toBeVisible();
  await page.getByRole('link', { name: 'Back to the Email settings' }).click();
  await expect(form.setback(DECLINED)).toBeVisible();
  await expect(form.getToken).toBeEnabled();
});

test('closing the pop-up is no failure, and a second attempt works', async ({ form, provider }) => {
  const popUp = await openConsent(form);
  await popUp.close();
  await expect(form.token.getByText(WAITING)).toBeVisible();
  await expect(form.token.getByRole('heading', { level: 3 })).toHaveCount(0);
  await obtain(form, provider);
  await expect(form.token.getByText(WAITING)).toBeHidden();
});

test('Stop waiting ends the attempt for a reloaded tab too, and moves the focus to Get Auth Token', async ({ page, form, axe }) => {
  const popUp = await openConsent(form);
  await popUp.close();
  await form.stopWaiting.click();
  await expect(form.token.getByText(WAITING)).toBeHidden();
  await expect(form.getToken).toBeFocused();
  await axe();
  await page.reload();
  await expect(form.getToken).toBeEnabled();
  await expect(form.token.getByText(WAITING)).toBeHidden();
});

test('a consent after Stop waiting is refused with an explanation', async ({ form, provider }) => {
  const popUp = await openConsent(form);
  await form.stopWaiting.click();
  await expect(form.token.getByText(WAITING)).toBeHidden();
  await provider.allow(popUp);
  await expect(popUp.getByRole('heading', { name: /This sign-in was stopped in the Email settings\.$/ })).toBeVisible();
  await expect(form.tokenStatus).toHaveText('Not obtained');
});

test('Open the page again starts the sign-in anew and keeps the focus', async ({ page, form, provider }) => {
  const popUp = await openConsent(form);
  await popUp.close();
  const openAgain = form.token.getByRole('button', { name: 'Open the page again', exact: true });
  const opening = page.waitForEvent('popup');
  await openAgain.click();
  const second = await opening;
  await expect(openAgain).toBeFocused();
  await provider.allow(second);
  await expect(form.tokenStatus).toHaveText('Valid');
});

test('with two pop-ups open, consent in the first one still counts', async ({ form, provider }) => {
  const first = await openConsent(form);
  const second = await openConsent(form);
  await provider.allow(first);
  await expect(form.tokenStatus).toHaveText('Valid');
  await provider.decline(second);
  await expect(form.setback(DECLINED)).toBeVisible();
  await expect(form.tokenStatus).toHaveText('Valid');
});

test('if the provider shows an error page and does not redirect, the tab stays usable', async ({ form, product, provider, consoleErrors }) => {
  consoleErrors.expectStatus(400, /\/authorize\?/);
  await configure(form, product, 'Authorization Code', { id: 'unknown', secret: 'unknown-secret' });
  const popUp = await openConsent(form);
  await expect(popUp.getByText('client is invalid')).toBeVisible();
  await expect(form.token.getByText(WAITING)).toBeVisible();
  await expect(form.getToken).toBeEnabled();

  await configure(form, product, 'Authorization Code', provider.address.clients.code);
  await expect(form.token.getByText(WAITING)).toBeHidden();
  await obtain(form, provider);
});

test('a refused token request is shown with the provider’s text', async ({ form, product, provider, axe }) => {
  await configure(form, product, 'Authorization Code', { ...provider.address.clients.code, secret: 'canary-wrong-secret' });
  const popUp = await openConsent(form);
  await provider.allow(popUp);
  const setback = form.setback('Token request failed: The provider does not accept Client ID and Client Secret.');
  await expect(setback).toContainText('invalid_client: client authentication failed');
  await expect(setback).toContainText('Enter Client Secret again: its value, not its ID.');
  await expect(form.tokenStatus).toHaveText('Not obtained');
  await axe();
});

test('a refused start closes the pop-up', async ({ page, form, consoleErrors }) => {
  consoleErrors.expectStatus(401, /api\/email\//);
  await page.context().clearCookies();
  const opening = page.waitForEvent('popup');
  await form.getToken.click();
  const popUp = await opening;
  if (!popUp.isClosed()) await popUp.waitForEvent('close');
  await expect(form.token.getByRole('alert')).toContainText('Your session has ended.');
  await expect(form.getToken).toBeEnabled();
});

test('a tab reloaded during consent shows its outcome', async ({ page, form, provider }) => {
  const popUp = await openConsent(form);
  await page.reload();
  await expect(form.token.getByText(WAITING)).toBeVisible();
  await provider.allow(popUp);
  await expect(form.tokenStatus).toHaveText('Valid');
  await expect(form.token.getByText('Token obtained.')).toBeVisible();
});

test('a second tab shows the token without a reload', async ({ page, form, provider }) => {
  const second = new Form(await page.context().newPage());
  await second.page.goto('/settings/email');
  await expect(second.tokenStatus).toHaveText('Not obtained');
  await expect(second.getToken).toBeEnabled();
  await obtain(form, provider);
  await expect(second.tokenStatus).toHaveText('Valid');
});

test('progress and outcome are announced once each', async ({ page, form, provider }) => {
  const said: string[] = [];
  await page.exposeFunction('say', (words: string) => said.push(words));
  await form.token.evaluate((group) => {
    const inLiveRegion = (node: Node) => (node instanceof Element ? node : node.parentElement)?.closest('[role=status], [role=alert]');
    new MutationObserver((changes) => {
      for (const { type, target, addedNodes } of changes) {
        const changed = type === 'characterData' ? [target] : [...addedNodes];
        for (const node of changed) {
          const words = node.textContent?.trim();
          if (words && inLiveRegion(target)) (window as unknown as { say: (words: string) => void }).say(words);
        }
      }
    }).observe(group, { subtree: true, childList: true, characterData: true });
  });
  const popUp = await openConsent(form);
  // Two polls without a change.
  for (let poll = 0; poll < 2; poll += 1) await page.waitForResponse(/api\/email\/token/);
  await provider.allow(popUp);
  await expect(form.tokenStatus).toHaveText('Valid');
  await expect.poll(() => said).toContainEqual(expect.stringMatching(/^Token obtained/));
  expect(said).toEqual([expect.stringMatching(WAITING), expect.stringMatching(/^(Valid|Token obtained)/), expect.stringMatching(/^(Valid|Token obtained)/)]);
});

test('a token of another account than the sender is told to be that at once, in the window as well', async ({ form, product, provider, axe }) => {
  await form.fill(form.authentication, { Scope: `openid email ${provider.address.scope}` });
  await form.fill(form.oauth, { 'Default Sender Email': 'grace@practice.example' });
  await form.saved();
  const popUp = await openConsent(form);
  await provider.allow(popUp);
  const whose = `The token belongs to ${product.mail.username}, but the sender is grace@practice.example.`;
  await expect(popUp.getByText(whose)).toBeVisible();
  await expect(form.setback(whose)).toBeVisible();
  await axe();
  await form.token.getByRole('button', { name: `Send as ${product.mail.username}`, exact: true }).click();
  await expect(form.field(form.oauth, 'Default Sender Email')).toHaveValue(product.mail.username);
});

test('a provider that posts its answer leads to a token', async ({ form, product, provider, inbox }) => {
  const { authorization } = provider.address;
  await form.fill(form.authentication, { 'Authorization Endpoint': `${authorization}?response_mode=form_post` });
  await form.saved();
  const popUp = await openConsent(form);
  const posted = popUp.waitForRequest((request) => request.method() === 'POST' && request.url() === `${product.url}/oauth/callback`);
  const closed = popUp.waitForEvent('close');
  await provider.allow(popUp);
  await posted;
  await closed;
  await expect(form.tokenStatus).toHaveText('Valid');
  await form.sendTest.click();
  await inbox.waitFor({ to: ADA.email });
});

test('parameters in the Authorization Endpoint are not sent twice', async ({ form, provider }) => {
  const { authorization } = provider.address;
  const pasted = `${authorization}?client_id=old&response_type=token&redirect_uri=https%3A%2F%2Fold.example%2Fcb&scope=openid&state=12345`;
  await form.fill(form.authentication, { 'Authorization Endpoint': pasted });
  await form.saved();
  await obtain(form, provider);
});

test('with Client Credentials, waiting for a silent Token Endpoint mentions no sign-in page', async ({ product, provider, signIn }) => {
  const silent = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  const form = await signIn();
  const endpoint = { 'Token Endpoint': `http://127.0.0.1:${port}/token` };
  await configure(form, product, 'Client Credentials', provider.address.clients.credentials, endpoint);
  await form.getToken.click();
  await expect(form.token.getByText(/^Asking the Token Endpoint\./)).toBeVisible();
  await expect(form.token.getByText(/Sign in on its page/)).toBeHidden();
  silent.close();
});
