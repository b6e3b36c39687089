// A stored Client Secret is bound to its destination: the form asks for it again when a bound control
// changes, buttons warn before they change one, and the server enforces it.

import { configure } from '../support/consent.ts';
import { AUTHENTICATION, Form, basic, oauth } from '../support/form.ts';
import { expect, test } from '../support/test.ts';

const ADVICE = 'If you no longer have it, create a second secret at the provider; the old one keeps working until you delete it.';

function enterAgain(why: string): string {
  return `Client Secret must be entered again, because ${why}. ${ADVICE}`;
}

/** Saves Client Credentials for a provider that is never contacted. */
async function saveClientCredentials(form: Form): Promise<Form> {
  await form.fillOauth('Client Credentials');
  await form.saved();
  return form;
}

test('with Client Credentials, a change in any bound control requires the Client Secret again, with the reason', async ({ signIn }) => {
  const form = await saveClientCredentials(await signIn());
  const secret = form.field(form.authentication, 'Client Secret');
  const text = (group: typeof form.oauth, label: string, value: string) => async () => form.fill(group, { [label]: value });
  const changes: [why: string, change: () => Promise<unknown>][] = [
    ['Scope changes', text(form.authentication, 'Scope', 'mail.read')],
    ['Token Endpoint changes', text(form.authentication, 'Token Endpoint', 'https://login.example.com/another/token')],
    ['SMTP Server (OAuth) changes', text(form.oauth, 'SMTP Server', 'smtp.example.org')],
    ['Port (OAuth) changes', text(form.oauth, 'Port', '465')],
    ['Use TLS (OAuth) changes', () => form.field(form.oauth, 'Use TLS').uncheck()],
    ['TLS mode (OAuth) changes', () => form.field(form.oauth, 'TLS mode').selectOption({ label: 'Implicit TLS' })],
    ['Trusted CA certificate (OAuth) changes', text(form.oauth, 'Trusted CA certificate', 'another')],
    ['OAuth Flow changes', () => form.choose('Authorization Code')],
  ];
  for (const [why, change] of changes) {
    await expect(secret).toHaveAttribute('placeholder', 'Stored');
    await change();
    await expect(secret).toHaveAttribute('placeholder', 'Enter again');
    await expect(secret).toHaveAccessibleDescription(new RegExp(enterAgain(why).replace(/[().]/g, '\\$&')));
    await form.cancel.click();
  }
});

test('a save is refused until a required Client Secret is entered again', async ({ page, signIn, axe }) => {
  const form = await saveClientCredentials(await signIn());
  const secret = form.field(form.authentication, 'Client Secret');
  await form.fill(form.authentication, { Scope: 'mail.read' });
  await form.fill(form.oauth, { Port: '465' });
  await expect(secret).toHaveAccessibleDescription(/because Port \(OAuth\) and Scope change\./);
  await axe();
  await form.save.click();
  await expect(page.getByRole('alert').getByRole('link')).toHaveText([/^Client Secret: Enter it again/]);
  await secret.fill('another-secret');
  await form.saved();
});

test('switching to None and back to the same kind of flow keeps the Client Secret', async ({ page, product, signIn }) => {
  const form = await signIn();
  await configure(form, product, 'Client Credentials', product.provider.address.clients.credentials);
  await form.choose('None');
  await form.fill(form.basic, basic(product.mail));
  const secret = form.field(form.authentication, 'Client Secret');
  await expect(secret).toHaveAttribute('placeholder', 'Stored');
  await form.saved();
  await page.reload();
  await form.choose('Client Credentials');
  await expect(secret).toHaveAttribute('placeholder', 'Stored');
  await form.saved();
  await form.getToken.click();
  await expect(form.tokenStatus).toHaveText('Valid');
});

test('the server refuses a stored Client Secret for another scope', async ({ page, signIn }) => {
  const form = await signIn();
  const request = page.waitForRequest(/api\/email\/save/);
  await saveClientCredentials(form);
  const { draft } = (await request).postDataJSON().save;
  draft.authentication.scope = 'mail.read';
  draft.authentication.client_secret = 'untouched';
  const headers = { 'sec-fetch-site': 'same-origin' };
  const problems = [['client-secret', 'enter-again']];
  const save = { draft, revision: 1, deletes_grant: null };
  const saved = await page.request.post('/api/email/save', { data: { save }, headers });
  expect(await saved.json()).toEqual({ problems });
  const tested = await page.request.post('/api/email/test-typed', { data: { draft }, headers });
  expect(await tested.json()).toEqual({ problems });
  await expect(form.save).toBeHidden();
});

test('Replace these warns that a preset requires the Client Secret again', async ({ page, signIn, axe }) => {
  const form = await saveClientCredentials(await signIn());
  await page.getByLabel('Provider', { exact: true }).selectOption({ label: 'Microsoft 365' });
  await page.getByLabel('Tenant', { exact: true }).fill('contoso.onmicrosoft.com');
  await page.getByRole('button', { name: 'Fill in', exact: true }).click();
  const replace = page.getByRole('button', { name: 'Replace these', exact: true });
  const why = 'SMTP Server (OAuth), Token Endpoint and Scope change';
  await expect(replace).toHaveAccessibleDescription(enterAgain(why));
  await expect(page.getByText(enterAgain(why), { exact: true })).toBeVisible();
  await expect(form.field(form.authentication, 'Scope')).toHaveValue(AUTHENTICATION.Scope as string);
  await expect(form.field(form.authentication, 'Client Secret')).toHaveAttribute('placeholder', 'Stored');
  await axe();
  await form.fill(form.authentication, { 'Client Secret': 'another-secret' });
  await expect(replace, 'a typed secret is kept').toHaveAccessibleDescription('');
  await form.fill(form.authentication, { 'Client Secret': '' });
  await replace.click();
  await expect(form.field(form.authentication, 'Client Secret')).toHaveAttribute('placeholder', 'Enter again');
});

test('Fill in does not change the flow at once if the Client Secret is bound to it', async ({ page, signIn }) => {
  const form = await saveClientCredentials(await signIn());
  await form.choose('None');
  await page.getByLabel('Provider', { exact: true }).selectOption({ label: 'Yahoo' });
  await page.getByRole('button', { name: 'Fill in', exact: true }).click();
  const replace = page.getByRole('button', { name: 'Replace these', exact: true });
  await expect(replace).toHaveAccessibleDescription(/because OAuth Flow and Token Endpoint change/);
  await expect(form.flow.locator('option:checked')).toHaveText('None');
});

test('Replace these warns that discovery requires the Client Secret again', async ({ product, signIn }) => {
  const form = await saveClientCredentials(await signIn());
  await form.authentication.getByLabel('Issuer or tenant address', { exact: true }).fill(product.provider.address.issuer);
  await form.authentication.getByRole('button', { name: 'Fill from discovery', exact: true }).click();
  const replace = form.authentication.getByRole('button', { name: 'Replace these', exact: true });
  await expect(replace).toHaveAccessibleDescription(enterAgain('Token Endpoint changes'));
  await form.authentication.getByRole('button', { name: 'Keep mine', exact: true }).click();
  await expect(form.field(form.authentication, 'Client Secret')).toHaveAttribute('placeholder', 'Stored');
});

test('Trust this certificate warns that it requires the Client Secret again', async ({ page, product, signIn }) => {
  const form = await signIn();
  const client = product.provider.address.clients.credentials;
  await form.choose('Client Credentials');
  await form.fill(form.oauth, { ...oauth(product.mail), Port: String(product.mail.selfSigned) });
  await form.field(form.oauth, 'TLS mode').selectOption({ label: 'Implicit TLS' });
  await form.fill(form.authentication, {
    'Client ID': client.id,
    'Client Secret': client.secret,
    'Token Endpoint': product.provider.address.token,
    Scope: 'mail.send',
  });
  await form.saved();
  await page.getByRole('button', { name: 'Get Auth Token', exact: true }).click();
  await expect(form.tokenStatus).toHaveText('Valid');
  await form.sendTest.click();
  const trust = page.getByRole('button', { name: 'Trust this certificate', exact: true });
  await expect(trust).toHaveAccessibleDescription(enterAgain('Trusted CA certificate (OAuth) changes'));
  await trust.click();
  await expect(form.field(form.authentication, 'Client Secret')).toHaveAttribute('placeholder', 'Enter again');
});

test('Copy from Basic SMTP Settings asks first if it requires the Client Secret again', async ({ product, signIn, axe }) => {
  const form = await saveClientCredentials(await signIn());
  await form.fill(form.basic, basic(product.mail));
  const copy = form.oauth.getByRole('button', { name: 'Copy from Basic SMTP Settings', exact: true });
  const server = form.field(form.oauth, 'SMTP Server');
  const question = form.oauth.getByText(enterAgain('SMTP Server (OAuth) and Port (OAuth) change'), { exact: true });
  await copy.click();
  await expect(question).toBeVisible();
  await axe();
  await form.oauth.getByRole('button', { name: 'Keep mine', exact: true }).click();
  await expect(question).toBeHidden();
  await expect(server).toHaveValue('smtp.example.com');

  await copy.click();
  await form.oauth.getByRole('button', { name: 'Copy anyway', exact: true }).click();
  await expect(server).toHaveValue('localhost');
  await expect(question).toBeHidden();
  await expect(form.field(form.authentication, 'Client Secret')).toHaveAttribute('placeholder', 'Enter again');
});

test('a test of unsaved settings is audited with the names of its changed fields', async ({ page, product, signIn }) => {
  const form = await signIn();
  await form.fill(form.basic, basic(product.mail));
  await page.getByRole('button', { name: 'Test these settings', exact: true }).click();
  await expect(form.outcome(/accepted the message/)).toBeVisible();
  await form.cancel.click();
  await page.goto('/audit');
  const row = page.getByRole('row').filter({ hasText: 'Requested a test message with unsaved changes' });
  await expect(row).toContainText('Default Sender Email, Display Name, SMTP Server, Port, Username, Password');
});
