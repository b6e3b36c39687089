// Every flow by keyboard alone (WCAG 2.1.1, 2.1.2, 2.4.3, 2.4.7): the tests find the focus by role and
// name, and press keys. Other people, such as a second administrator, use what they like.

import { configure } from '../support/consent.ts';
import { Form, basic, oauth } from '../support/form.ts';
import { Keyboard } from '../support/keyboard.ts';
import { ADA, GRACE, expect, test as base } from '../support/test.ts';
import type { Page } from '@playwright/test';

const test = base.extend<{ keys: Keyboard }>({
  keys: async ({ page }, use) => use(new Keyboard(page)),
});

// A journey has some hundred stops.
test.beforeEach(() => test.slow());

/** The texts of `values`, without check boxes. */
function texts(values: Record<string, string | boolean>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([label, value]) => [label, String(value)]));
}

function button(page: Page, name: string | RegExp) {
  return page.getByRole('button', { name, exact: true });
}

function link(page: Page, name: string) {
  return page.getByRole('link', { name, exact: true });
}

/** Saves, and moves to the next step by its button. */
async function saveAndContinue(keys: Keyboard, form: Form, next: string): Promise<void> {
  await keys.press(form.save);
  await expect(keys.page.getByText('Saved.', { exact: true })).toBeVisible();
  await keys.press(button(keys.page, `Next: ${next}`));
  await expect(button(keys.page, next)).toBeFocused();
}

/** Signs in at the practice provider and grants the consent. */
async function consent(popUp: Page, account?: { email: string; password: string }): Promise<void> {
  const keys = new Keyboard(popUp);
  if (account) {
    await keys.type(popUp.getByLabel('Email', { exact: true }), account.email);
    await keys.type(popUp.getByLabel('Password', { exact: true }), account.password);
    await popUp.keyboard.press('Enter');
  }
  const closed = popUp.waitForEvent('close');
  await keys.press(button(popUp, 'Allow'));
  await closed;
}

test('an administrator signs in, and signs out', async ({ page, keys }) => {
  await page.goto('/sign-in');
  await expect(page.getByLabel('Email', { exact: true })).toBeFocused();
  await page.keyboard.type(ADA.email);
  await keys.type(page.getByLabel('Password', { exact: true }), ADA.password);
  await keys.press(button(page, 'Sign in'));
  await page.waitForURL('**/settings/email');
  await keys.to(link(page, 'Skip to the content'));
  await keys.press(button(page, 'Sign out'));
  await page.waitForURL('**/sign-in');
});

test('the first administrator is created', async ({ page, keys, product }) => {
  await product.restartEmpty();
  await page.goto(await product.setUpLink());
  await keys.type(page.getByLabel('Name', { exact: true }), 'Grace Hopper');
  await keys.type(page.getByLabel('Email', { exact: true }), 'grace@practice.example');
  await keys.type(page.getByLabel('Password', { exact: true }), 'a practice pass phrase');
  await keys.type(page.getByLabel('Confirm password', { exact: true }), 'a practice pass phrase');
  await keys.press(button(page, 'Create administrator'));
  await page.waitForURL('**/settings/email');
});

test('with the flow None, the form is filled in, tested, saved and tested again', async ({ page, keys, product, signIn, inbox }) => {
  const form = await signIn();
  await keys.fill(form.basic, texts(basic(product.mail)));
  await keys.press(button(page, 'Test these settings'));
  await expect(form.outcome(/accepted the message/)).toBeVisible();
  await expect(button(page, 'Test these settings'), 'the focus stays where it was').toBeFocused();
  await inbox.waitFor({ to: ADA.email });
  await inbox.clear();
  await saveAndContinue(keys, form, 'Send Test Email');
  await page.keyboard.press('Enter');
  await expect(form.outcome(/accepted the message/)).toBeVisible();
  await expect(form.sendTest, 'the focus stays where it was').toBeFocused();
  await inbox.waitFor({ to: ADA.email });
  await keys.press(page.locator('summary').filter({ hasText: /^Last test:/ }));
  await expect(page.getByRole('list', { name: 'Steps of the test message' })).toBeVisible();
});

test('a failed save leads to the bad field, and Cancel discards the changes', async ({ page, keys, signIn }) => {
  const form = await signIn();
  await keys.fill(form.basic, { 'Display Name': 'PPM', Port: 'x' });
  await page.keyboard.press('Enter');
  await expect(form.field(form.basic, 'Default Sender Email')).toBeFocused();
  await keys.to(page.getByRole('alert').getByRole('link', { name: /^Port/ }), 'Shift+Tab');
  await page.keyboard.press('Enter');
  await expect(form.field(form.basic, 'Port')).toBeFocused();
  await keys.press(form.cancel);
  await expect(page.getByText('Changes discarded.', { exact: true })).toBeVisible();
  await expect(form.field(form.basic, 'Port')).toHaveValue('');
});

test('with PKCE, a provider is filled in and adapted, and a token is obtained, shown, replaced and renewed', async ({ page, keys, product, provider, signIn, inbox }) => {
  await provider.setLifetime(30);
  const form = await signIn();
  await keys.choose(page.getByLabel('Provider', { exact: true }), 'Google Workspace and Gmail');
  await keys.press(button(page, 'Fill in'));
  await expect(form.flow.locator('option:checked')).toHaveText('Authorization Code with PKCE');
  const { id, secret } = provider.address.clients.pkce;
  await keys.fill(form.oauth, texts(oauth(product.mail)));
  await keys.fill(form.authentication, {
    'Client ID': id,
    'Client Secret': secret,
    'Authorization Endpoint': provider.address.authorization,
    'Token Endpoint': provider.address.token,
    Scope: provider.address.scope,
  });
  await saveAndContinue(keys, form, 'Get Auth Token');

  let opening = page.waitForEvent('popup');
  await page.keyboard.press('Enter');
  await consent(await opening, provider.address.account);
  await expect(form.tokenStatus).toHaveText('Valid');
  await expect(form.getToken, 'the focus stays where it was').toBeFocused();

  await keys.press(button(page, 'Show token details'));
  await expect(form.token.getByText('Opaque: only the provider can read it', { exact: true })).toBeVisible();
  await page.keyboard.press('Escape');

  const name = form.field(form.oauth, 'Display Name');
  await keys.to(name, 'Shift+Tab');
  await page.keyboard.type('Another name');
  await page.keyboard.press('Enter');
  const question = page.getByRole('dialog', { name: 'Saving deletes the current OAuth token' });
  await keys.press(question.getByRole('button', { name: 'Keep the token, do not save', exact: true }));
  await expect(question).toBeHidden();
  await expect(form.tokenStatus).toHaveText('Valid');
  await keys.press(form.save);
  await keys.press(question.getByRole('button', { name: 'Save and delete the token', exact: true }));
  await expect(form.tokenStatus).toHaveText('Not obtained');
  await keys.press(button(page, 'Next: Get Auth Token'));

  await provider.setLifetime(6);
  opening = page.waitForEvent('popup');
  await page.keyboard.press('Enter');
  await consent(await opening);
  await expect(form.tokenStatus).toHaveText('Valid');
  await expect.poll(async () => (await provider.counts()).refresh_token, { timeout: 20_000 }).toBeGreaterThanOrEqual(1);
  await expect(form.getToken, 'a renewal leaves the focus where it is').toBeFocused();
  await keys.press(form.sendTest);
  await inbox.waitFor({ to: ADA.email });
});

test('with Client Credentials, a token is obtained without a window, and mail is sent', async ({ page, keys, product, provider, signIn, inbox }) => {
  const form = await signIn();
  const { id, secret } = provider.address.clients.credentials;
  await keys.choose(form.flow, 'Client Credentials');
  await keys.fill(form.oauth, texts(oauth(product.mail)));
  await keys.fill(form.authentication, { 'Client ID': id, 'Client Secret': secret, 'Token Endpoint': provider.address.token, Scope: 'mail.send' });
  await saveAndContinue(keys, form, 'Get Auth Token');
  await page.keyboard.press('Enter');
  await expect(form.tokenStatus).toHaveText('Valid');
  await expect(form.getToken).toBeFocused();
  await keys.press(form.sendTest);
  await inbox.waitFor({ to: ADA.email });
});

test('a token that expires is obtained anew from the same button', async ({ page, keys, product, provider, signIn }) => {
  await provider.setLifetime(6);
  const form = await signIn();
  await configure(form, product, 'Authorization Code', provider.address.clients.code, { Scope: 'mail.send' });
  await keys.press(button(page, 'Next: Get Auth Token'));
  for (const account of [provider.address.account, undefined]) {
    await expect(form.getToken).toBeFocused();
    const opening = page.waitForEvent('popup');
    await page.keyboard.press('Enter');
    await consent(await opening, account);
    await expect(form.tokenStatus).toHaveText('Valid');
    await expect(form.tokenStatus).toHaveText('Expired');
  }
});

test('a conflict with another administrator is resolved', async ({ page, keys, product, browser, signIn }) => {
  await product.add(GRACE);
  const ada = await signIn();
  await ada.saveBasic(product.mail);
  await page.reload();
  const context = await browser.newContext({ baseURL: product.url });
  const grace = await signIn(await context.newPage(), GRACE.email);
  await keys.type(ada.field(ada.basic, 'Display Name'), 'Mine');
  await grace.fill(grace.basic, { 'Display Name': 'Theirs' });
  await grace.saved();
  await context.close();

  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: /^Grace Adeyemi saved changes at / })).toBeVisible();
  await keys.press(button(page, 'Keep mine: Mine'));
  await keys.press(ada.save);
  await expect(page.getByText('Saved.', { exact: true })).toBeVisible();
  await expect(ada.field(ada.basic, 'Display Name')).toHaveValue('Mine');
});

test('time preferences are chosen and saved', async ({ page, keys, signIn }) => {
  await signIn();
  await keys.press(link(page, 'My Preferences'));
  await page.waitForURL('**/preferences/time');
  const radio = (name: string) => page.getByRole('radio', { name, exact: true });
  await keys.chooseRadio(radio('YYYY-MM-DD'), radio('DD.MM.YYYY'));
  await keys.chooseRadio(radio('24 hours'), radio('12 hours'));
  await keys.type(page.getByLabel('Time zone', { exact: true }), 'Asia/Kolkata');
  await keys.press(button(page, 'Save'));
  await expect(page.getByRole('status')).toContainText(/\d\d\.\d\d\.\d{4} \d{1,2}:\d\d [AP]M UTC\+5:30/);
});

test('the audit trail is filtered', async ({ page, keys, product, signIn }) => {
  await product.add(GRACE);
  await signIn(page, GRACE.email);
  await signIn();
  await keys.press(link(page, 'Audit trail'));
  await page.waitForURL('**/audit');
  await keys.choose(page.getByLabel('Person', { exact: true }), GRACE.email);
  await keys.press(button(page, 'Show'));
  await expect(page.getByRole('table').getByRole('row')).toContainText(['What', 'Signed in']);
  await keys.to(page.getByLabel('Day', { exact: true }));
  await page.keyboard.type('02022001');
  await keys.press(button(page, 'Show'));
  await expect(page).toHaveURL(/day=2001-02-02/);
  await expect(page.getByText('No entries match.')).toBeVisible();
});

test('a test message is expanded in the history', async ({ page, keys, product, signIn }) => {
  const form = await signIn();
  await form.saveBasic(product.mail);
  await form.deliverTest();
  await page.reload();
  await keys.press(link(page, 'Test messages'));
  await page.waitForURL('**/history');
  await keys.press(page.locator('summary').filter({ hasText: 'Accepted' }));
  await expect(page.getByRole('heading', { name: /accepted the message/ })).toBeVisible();
  const connection = page.getByRole('list', { name: 'Steps of the test message' }).getByRole('listitem').filter({ hasText: 'Connection' });
  await keys.press(connection.locator('summary'));
  await expect(connection.getByRole('definition').first()).toBeVisible();
});

test('the password is changed, and another session is ended', async ({ page, keys, product, browser, signIn }) => {
  const context = await browser.newContext({ baseURL: product.url });
  const other = await context.newPage();
  await signIn(other);
  await signIn();
  await keys.press(link(page, 'My account'));
  await page.waitForURL('**/account');
  await keys.press(button(page, /^End the session of Ada Okafor, /));
  await expect(page.getByRole('status')).toHaveText('One session was ended.');
  await other.reload();
  await expect(other).toHaveURL(/\/sign-in/);
  await context.close();

  const password = 'seven quiet lighthouse keepers';
  const group = page.getByRole('group', { name: 'Change password', exact: true });
  await keys.fill(group, { 'Current password': ADA.password, 'New password': password, 'Confirm new password': password });
  await keys.press(group.getByRole('button', { name: 'Change password', exact: true }));
  await expect(page.getByRole('status')).toContainText('Your password was changed');
});
