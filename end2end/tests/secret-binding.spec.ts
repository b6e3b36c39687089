// A stored Client Secret only goes where it was entered for: the form says so as soon as a control that
// it is bound to changes, a button before it changes one, and the server refuses whatever the browser says.

import type { Page } from '@playwright/test';
import { configure } from '../support/consent.ts';
import { AUTHENTICATION, Form, OAUTH, basic, oauth } from '../support/form.ts';
import { expect, test } from '../support/test.ts';

const THEN = 'If you no longer have it, create a second secret at the provider; the old one keeps working until you delete it.';

function enterAgain(why: string): string {
  return `Client Secret must be entered again, because ${why}. ${THEN}`;
}

/** Client Credentials with a provider that nobody asks. */
async function saveClientCredentials(page: Page): Promise<Form> {
  const form = new Form(page);
  await form.choose('Client Credentials');
  await form.fill(form.oauth, OAUTH);
  const { 'Client ID': id, 'Client Secret': secret, 'Token Endpoint': token, Scope } = AUTHENTICATION;
  await form.fill(form.authentication, { 'Client ID': id!, 'Client Secret': secret!, 'Token Endpoint': token!, Scope: Scope! });
  await form.saved();
  return form;
}

test('with Client Credentials each control that the Client Secret is bound to asks for it again, and says why', async ({ page, signIn }) => {
  await signIn();
  const form = await saveClientCredentials(page);
  const secret = form.field(form.authentication, 'Client Secret');
  const text = (group: typeof form.oauth, label: string, value: string) => async () => form.field(group, label).fill(value);
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

test('a Client Secret that has to be entered again keeps the form from being saved until it is', async ({ page, signIn, axe }) => {
  await signIn();
  const form = await saveClientCredentials(page);
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

test('None and back to the same kind of flow asks for nothing', async ({ page, product, signIn }) => {
  await signIn();
  const form = new Form(page);
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

test('the server refuses a stored Client Secret for another scope, whatever the browser says', async ({ page, signIn }) => {
  await signIn();
  const form = new Form(page);
  const request = page.waitForRequest(/api\/email\/save/);
  await saveClientCredentials(page);
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

test('Replace these says before it does that a preset asks for the Client Secret again', async ({ page, signIn, axe }) => {
  await signIn();
  const form = await saveClientCredentials(page);
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
  await expect(replace, 'what is typed need not be typed again').toHaveAccessibleDescription('');
  await form.fill(form.authentication, { 'Client Secret': '' });
  await replace.click();
  await expect(form.field(form.authentication, 'Client Secret')).toHaveAttribute('placeholder', 'Enter again');
});

test('Fill in changes no flow at once that the Client Secret was entered for', async ({ page, signIn }) => {
  await signIn();
  const form = await saveClientCredentials(page);
  await form.choose('None');
  await page.getByLabel('Provider', { exact: true }).selectOption({ label: 'Yahoo' });
  await page.getByRole('button', { name: 'Fill in', exact: true }).click();
  const replace = page.getByRole('button', { name: 'Replace these', exact: true });
  await expect(replace).toHaveAccessibleDescription(/because OAuth Flow and Token Endpoint change/);
  await expect(form.flow.locator('option:checked')).toHaveText('None');
});

test('Replace these says before it does that discovery asks for the Client Secret again', async ({ page, product, signIn }) => {
  await signIn();
  const form = await saveClientCredentials(page);
  await form.authentication.getByLabel('Issuer or tenant address', { exact: true }).fill(product.provider.address.issuer);
  await form.authentication.getByRole('button', { name: 'Fill from discovery', exact: true }).click();
  const replace = form.authentication.getByRole('button', { name: 'Replace these', exact: true });
  await expect(replace).toHaveAccessibleDescription(enterAgain('Token Endpoint changes'));
  await form.authentication.getByRole('button', { name: 'Keep mine', exact: true }).click();
  await expect(form.field(form.authentication, 'Client Secret')).toHaveAttribute('placeholder', 'Stored');
});

test('Trust this certificate says before it does that the Client Secret must be entered again', async ({ page, product, signIn }) => {
  await signIn();
  const form = new Form(page);
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

test('Copy from Basic SMTP Settings asks before it does what asks for the Client Secret again', async ({ page, product, signIn, axe }) => {
  await signIn();
  const form = await saveClientCredentials(page);
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

test('a test of typed settings is in the audit trail by the names of its fields', async ({ page, product, signIn }) => {
  await signIn();
  const form = new Form(page);
  await form.fill(form.basic, basic(product.mail));
  await page.getByRole('button', { name: 'Test these settings', exact: true }).click();
  await expect(form.outcome(/accepted the message/)).toBeVisible();
  await form.cancel.click();
  await page.goto('/audit');
  const row = page.getByRole('row', { name: /Requested a test message with unsaved changes/ });
  await expect(row).toContainText('Default Sender Email, Display Name, SMTP Server, Port, Username, Password');
});
