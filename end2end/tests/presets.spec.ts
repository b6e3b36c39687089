// Provider presets: the menu fills in empty fields, and replaces others only after confirmation.

import { type Flow } from '../support/form.ts';
import { expect, test } from '../support/test.ts';
import type { Page } from '@playwright/test';

interface Expected {
  provider: string;
  detail?: [label: string, value: string];
  flow: Flow;
  server: string;
  port: string;
  username?: string;
  endpoints?: [authorization: string, token: string];
  scope?: string;
}

const TENANT = 'contoso.onmicrosoft.com';
const PKCE = 'Authorization Code with PKCE';

const PRESETS: Expected[] = [
  {
    provider: 'Microsoft 365',
    detail: ['Tenant', TENANT],
    flow: PKCE,
    server: 'smtp.office365.com',
    port: '587',
    endpoints: [
      `https://login.microsoftonline.com/${TENANT}/oauth2/v2.0/authorize`,
      `https://login.microsoftonline.com/${TENANT}/oauth2/v2.0/token`,
    ],
    scope: 'https://outlook.office.com/SMTP.Send offline_access',
  },
  {
    provider: 'Microsoft 365 High Volume Email',
    detail: ['Tenant', TENANT],
    flow: 'Client Credentials',
    server: 'smtp-hve.office365.com',
    port: '587',
    endpoints: [
      `https://login.microsoftonline.com/${TENANT}/oauth2/v2.0/authorize`,
      `https://login.microsoftonline.com/${TENANT}/oauth2/v2.0/token`,
    ],
    scope: 'https://outlook.office365.com/.default',
  },
  { provider: 'Azure Communication Services', flow: 'None', server: 'smtp.azurecomm.net', port: '587' },
  {
    provider: 'Google Workspace and Gmail',
    flow: PKCE,
    server: 'smtp.gmail.com',
    port: '587',
    endpoints: [
      'https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent',
      'https://oauth2.googleapis.com/token',
    ],
    scope: 'https://mail.google.com/',
  },
  {
    provider: 'Yahoo',
    flow: PKCE,
    server: 'smtp.mail.yahoo.com',
    port: '465',
    endpoints: ['https://api.login.yahoo.com/oauth2/request_auth', 'https://api.login.yahoo.com/oauth2/get_token'],
    scope: 'mail-w',
  },
  {
    provider: 'Fastmail',
    flow: PKCE,
    server: 'smtp.fastmail.com',
    port: '465',
    endpoints: ['https://api.fastmail.com/oauth/authorize', 'https://api.fastmail.com/oauth/refresh'],
    scope: 'https://www.fastmail.com/dev/protocol-smtp',
  },
  {
    provider: 'Yandex',
    flow: PKCE,
    server: 'smtp.yandex.com',
    port: '465',
    endpoints: ['https://oauth.yandex.com/authorize', 'https://oauth.yandex.com/token'],
    scope: 'mail:smtp',
  },
  { provider: 'Zoho', flow: 'None', server: 'smtp.zoho.com', port: '465' },
  {
    provider: 'Amazon SES',
    detail: ['Region', 'eu-central-1'],
    flow: 'None',
    server: 'email-smtp.eu-central-1.amazonaws.com',
    port: '587',
  },
  { provider: 'SendGrid', flow: 'None', server: 'smtp.sendgrid.net', port: '587', username: 'apikey' },
  { provider: 'Mailgun', flow: 'None', server: 'smtp.mailgun.org', port: '587' },
  { provider: 'Postmark', flow: 'None', server: 'smtp.postmarkapp.com', port: '587' },
  { provider: 'Brevo', flow: 'None', server: 'smtp-relay.brevo.com', port: '587' },
];

async function fillIn(page: Page, { provider, detail }: Pick<Expected, 'provider' | 'detail'>): Promise<void> {
  await page.getByLabel('Provider', { exact: true }).selectOption({ label: provider });
  if (detail) await page.getByLabel(detail[0], { exact: true }).fill(detail[1]);
  await page.getByRole('button', { name: 'Fill in', exact: true }).click();
}

for (const preset of PRESETS) {
  test(`${preset.provider} is filled in, saved and loaded`, async ({ page, signIn }) => {
    const form = await signIn();
    await fillIn(page, preset);
    await expect(page.getByRole('heading', { name: `Next steps for ${preset.provider}` })).toBeVisible();
    await expect(page.getByRole('link', { name: `${preset.provider}'s documentation` })).toHaveAttribute('href', /^https:/);

    const group = preset.endpoints ? form.oauth : form.basic;
    await form.fill(group, { 'Default Sender Email': 'noreply@example.com', 'Display Name': 'Example PPM' });
    if (preset.endpoints) {
      await form.fill(form.authentication, {
        'Client ID': 'client',
        'Client Secret': 'canary-client-secret',
      });
    } else if (preset.username) {
      await form.fill(form.basic, { Password: 'canary-password' });
    }
    await form.saved();
    await page.reload();

    await expect(form.flow.locator('option:checked')).toHaveText(preset.flow);
    await expect(form.field(group, 'SMTP Server')).toHaveValue(preset.server);
    await expect(form.field(group, 'Port')).toHaveValue(preset.port);
    await expect(form.field(group, 'Use TLS')).toBeChecked();
    await expect(form.field(group, 'TLS mode')).toHaveValue('automatic');
    if (preset.endpoints) {
      await expect(form.field(form.authentication, 'Authorization Endpoint')).toHaveValue(preset.endpoints[0]);
      await expect(form.field(form.authentication, 'Token Endpoint')).toHaveValue(preset.endpoints[1]);
      await expect(form.field(form.authentication, 'Scope')).toHaveValue(preset.scope!);
      const callback = preset.flow === 'Client Credentials' ? '' : `${new URL(page.url()).origin}/oauth/callback`;
      await expect(form.field(form.authentication, 'Redirect URI')).toHaveValue(callback);
    } else {
      await expect(form.field(form.basic, 'Username')).toHaveValue(preset.username ?? '');
    }
  });
}

test.describe(() => {
  test.use({ changesNothing: true });

  test('typed values are shown beside their replacements and kept until confirmation', async ({ page, signIn, axe }) => {
    const form = await signIn();
    await form.fill(form.basic, { 'SMTP Server': 'mail.example.com', Port: '25' });
    await fillIn(page, { provider: 'Postmark' });
    const offer = page.getByRole('status').filter({ hasText: 'Nothing is filled in yet.' });
    await expect(offer).toContainText('mail.example.com smtp.postmarkapp.com');
    await expect(form.field(form.basic, 'SMTP Server')).toHaveValue('mail.example.com');
    await axe();
    await form.fill(form.basic, { 'SMTP Server': 'typed.example.com' });
    await expect(offer).toContainText('typed.example.com smtp.postmarkapp.com');

    await offer.getByRole('button', { name: 'Replace these' }).click();
    await expect(form.field(form.basic, 'SMTP Server')).toHaveValue('smtp.postmarkapp.com');
    await expect(form.field(form.basic, 'Port')).toHaveValue('587');
  });

  test('Keep mine leaves the form as it was', async ({ page, signIn }) => {
    const form = await signIn();
    await form.fill(form.basic, { 'SMTP Server': 'mail.example.com' });
    await fillIn(page, { provider: 'Postmark' });
    await page.getByRole('button', { name: 'Keep mine' }).click();
    await expect(form.field(form.basic, 'SMTP Server')).toHaveValue('mail.example.com');
    await expect(form.field(form.basic, 'Port')).toHaveValue('');
  });

  test('the next steps are shown once the values are filled in', async ({ page, signIn, axe }) => {
    const form = await signIn();
    await form.fill(form.basic, { 'SMTP Server': 'mail.example.com' });
    await fillIn(page, { provider: 'Postmark' });
    const next = page.getByRole('heading', { name: 'Filled in, with OAuth Flow None. Next steps for Postmark', exact: true });
    await expect(page.getByRole('button', { name: 'Keep mine' })).toBeVisible();
    await expect(next).toBeHidden();
    await page.getByRole('button', { name: 'Replace these' }).click();
    await expect(next).toBeVisible();
    await axe();
  });

  test('Cancel closes the answer', async ({ page, signIn }) => {
    const form = await signIn();
    await fillIn(page, { provider: 'Postmark' });
    await expect(page.getByRole('heading', { name: 'Next steps for Postmark' })).toBeVisible();
    await form.cancel.click();
    await expect(page.getByRole('heading', { name: 'Next steps for Postmark' })).toBeHidden();
  });

  test('a tenant does not become a region', async ({ page, signIn }) => {
    await signIn();
    const provider = page.getByLabel('Provider', { exact: true });
    await provider.selectOption({ label: 'Microsoft 365' });
    await page.getByLabel('Tenant', { exact: true }).fill(TENANT);
    await provider.selectOption({ label: 'Microsoft 365 High Volume Email' });
    await expect(page.getByLabel('Tenant', { exact: true })).toHaveValue(TENANT);
    await provider.selectOption({ label: 'Amazon SES' });
    await expect(page.getByLabel('Region', { exact: true })).toHaveValue('');
  });

  test('Microsoft 365 requires the tenant', async ({ page, signIn }) => {
    const form = await signIn();
    await fillIn(page, { provider: 'Microsoft 365' });
    await expect(page.getByRole('heading', { name: 'Microsoft 365 needs the tenant.' })).toBeVisible();
    await expect(form.field(form.oauth, 'SMTP Server')).toHaveValue('');
  });

  test('with Client Credentials, Microsoft 365 gets the .default scope', async ({ page, signIn }) => {
    const form = await signIn();
    await form.choose('Client Credentials');
    await fillIn(page, { provider: 'Microsoft 365', detail: ['Tenant', TENANT] });
    await expect(form.field(form.authentication, 'Scope')).toHaveValue('https://outlook.office365.com/.default');
    await expect(form.flow.locator('option:checked')).toHaveText('Client Credentials');
  });
});
