// Notes on typed text, shown at the control before a save, with a button that applies the correction.

import type { Locator } from '@playwright/test';
import { basic } from '../support/form.ts';
import { expect, test } from '../support/test.ts';

const MICROSOFT = 'https://login.microsoftonline.com/contoso.com/oauth2/v2.0';

/** Presses the button of a note at a control. */
async function press(control: Locator, name: string): Promise<void> {
  const field = control.locator('xpath=ancestor::*[contains(@class, "field")][1]');
  await field.getByRole('status').getByRole('button', { name, exact: true }).click();
}

test.describe(() => {
  test.use({ changesNothing: true });

  test('an invisible character is reported with its position, and the button removes it', async ({ signIn, axe }) => {
    const form = await signIn();
    await form.choose('Authorization Code');
    for (const [group, label] of [
      [form.basic, 'SMTP Server'],
      [form.authentication, 'Client ID'],
      [form.authentication, 'Redirect URI'],
    ] as const) {
      const control = form.field(group, label);
      await control.fill('smtp\u200b.host.test');
      await expect(control).toHaveAccessibleDescription(/Invisible character at position 5: a zero width space \(U\+200B\)\./);
      if (label === 'SMTP Server') await axe();
      await press(control, 'Remove it');
      await expect(control).toHaveValue('smtp.host.test');
      await expect(control).toBeFocused();
      await expect(control).not.toHaveAccessibleDescription(/Invisible/);
    }
  });

  test('a text that is too long says by how much, and a URL each of its problems', async ({ signIn }) => {
    const form = await signIn();
    await form.choose('Authorization Code');
    await form.save.click();
    const name = form.field(form.oauth, 'Display Name');
    await name.fill('W'.repeat(266));
    await expect(name).toHaveAccessibleDescription(/^Too long by 12 characters: at most 254\./);
    const endpoint = form.field(form.authentication, 'Token Endpoint');
    await endpoint.fill('https://user:pw@host.test/token#x');
    await expect(endpoint).toHaveAccessibleDescription(/^Remove the # and everything after it.* Remove the user name and password/);
  });

  test('surrounding blanks are removed on blur, with a note', async ({ signIn }) => {
    const form = await signIn();
    const sender = form.field(form.basic, 'Default Sender Email');
    await sender.fill(' noreply@host.test\u00a0');
    await expect(sender).toHaveValue(' noreply@host.test\u00a0');
    await sender.blur();
    await expect(sender).toHaveValue('noreply@host.test');
    await expect(sender).toHaveAccessibleDescription(/Spaces at the beginning or end were removed\./);
    await sender.fill('other@host.test');
    await expect(sender).not.toHaveAccessibleDescription(/Spaces/);
  });

  test('a change of surrounding blanks only is no change after blur', async ({ signIn }) => {
    const form = await signIn();
    const server = form.field(form.basic, 'SMTP Server');
    await server.fill('  ');
    await expect(form.save).toBeVisible();
    await server.blur();
    await expect(form.save).toBeHidden();
  });

  test('Username keeps its blanks until the button is pressed', async ({ signIn }) => {
    const form = await signIn();
    const username = form.field(form.basic, 'Username');
    await username.fill('noreply ');
    await username.blur();
    await expect(username).toHaveValue('noreply ');
    await expect(username).toHaveAccessibleDescription(/starts or ends with a space/);
    await press(username, 'Remove it');
    await expect(username).toHaveValue('noreply');
  });

  test('a secret is corrected only by the button, and is not shown in the note', async ({ signIn }) => {
    const form = await signIn();
    await form.fill(form.basic, { Username: 'noreply' });
    const password = form.field(form.basic, 'Password');
    await password.fill('canary-password\u200b ');
    await expect(password).toHaveAccessibleDescription(/What you typed starts or ends with a space\./);
    await expect(password).toHaveAccessibleDescription(/What you typed has an invisible character in it\./);
    await expect(password).not.toHaveAccessibleDescription(/canary/);
    await password.blur();
    await expect(password).toHaveValue('canary-password\u200b ');
    const remove = password.locator('xpath=ancestor::*[contains(@class, "field")][1]').getByRole('button', { name: 'Remove it' });
    await remove.first().click();
    await remove.click();
    await expect(password).toHaveValue('canary-password');
  });

  test('parameters that PPM adds itself are removed from the Authorization Endpoint only by the button', async ({ signIn }) => {
    const form = await signIn();
    await form.choose('Authorization Code');
    const endpoint = form.field(form.authentication, 'Authorization Endpoint');
    const pasted = `${MICROSOFT}/authorize?client_id=1&response_type=code&prompt=consent&scope=a`;
    await endpoint.fill(pasted);
    await endpoint.blur();
    await expect(endpoint).toHaveValue(pasted);
    await expect(endpoint).toHaveAccessibleDescription(/PPM adds these parameters itself: client_id, response_type, scope\./);
    await press(endpoint, 'Remove them');
    await expect(endpoint).toHaveValue(`${MICROSOFT}/authorize?prompt=consent`);
  });

  test('swapped endpoints are exchanged by a button', async ({ signIn, axe }) => {
    const form = await signIn();
    await form.choose('Authorization Code');
    const token = form.field(form.authentication, 'Token Endpoint');
    await form.fill(form.authentication, { 'Authorization Endpoint': `${MICROSOFT}/token`, 'Token Endpoint': `${MICROSOFT}/authorize` });
    await expect(token).toHaveAccessibleDescription(/Authorization Endpoint and Token Endpoint are swapped\./);
    await axe();
    await press(token, 'Exchange them');
    await expect(token).toHaveValue(`${MICROSOFT}/token`);
    await expect(form.field(form.authentication, 'Authorization Endpoint')).toHaveValue(`${MICROSOFT}/authorize`);
    await expect(token).not.toHaveAccessibleDescription(/swapped/);
  });

  const ENDPOINTS: [authorization: string, token: string, says: RegExp][] = [
    [`${MICROSOFT}/authorize`, `${MICROSOFT}/authorize`, /This is an Authorization Endpoint\./],
    [`${MICROSOFT}/authorize`, `${MICROSOFT.replace('contoso', 'fabrikam')}/token`, /different tenants: fabrikam\.com here, contoso\.com/],
    ['https://accounts.google.com/o/oauth2/v2/auth', `${MICROSOFT}/token`, /This endpoint is Microsoft 365's, Authorization Endpoint is Google/],
    ['', 'https://login.microsoftonline.com/YOUR_TENANT_ID/oauth2/v2.0/token', /YOUR_TENANT_ID is a placeholder\./],
    ['', 'https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token', /\{tenant\} is a placeholder\./],
  ];

  test('mismatched endpoints and placeholders are noted at Token Endpoint', async ({ signIn }) => {
    const form = await signIn();
    await form.choose('Authorization Code');
    for (const [authorization, token, says] of ENDPOINTS) {
      await form.fill(form.authentication, { 'Authorization Endpoint': authorization, 'Token Endpoint': token });
      await expect(form.field(form.authentication, 'Token Endpoint')).toHaveAccessibleDescription(says);
    }
  });

  test('the button separates scopes by spaces', async ({ signIn }) => {
    const form = await signIn();
    await form.choose('Authorization Code');
    const scope = form.field(form.authentication, 'Scope');
    for (const [typed, right] of [
      ['a,b', 'a b'],
      ['a%20b', 'a b'],
      ['a+b', 'a b'],
      ['a;b', 'a b'],
      ['scope=a', 'a'],
    ] as const) {
      await scope.fill(typed);
      await expect(scope).toHaveAccessibleDescription(/Separate scopes with single spaces\./);
      await press(scope, `Use ${right}`);
      await expect(scope).toHaveValue(right);
    }
  });

  test('an email address or URL in SMTP Server is noted and replaced by the server name', async ({ signIn }) => {
    const form = await signIn();
    const server = form.field(form.basic, 'SMTP Server');
    await server.fill('noreply@example.com');
    await expect(server).toHaveAccessibleDescription(/This is an email address\./);
    await server.fill('noreply@gmail.com');
    await press(server, 'Use smtp.gmail.com');
    await expect(server).toHaveValue('smtp.gmail.com');
    await server.fill('smtp://smtp.host.test:465');
    await press(server, 'Use smtp.host.test, 465');
    await expect(server).toHaveValue('smtp.host.test');
    await expect(form.field(form.basic, 'Port')).toHaveValue('465');
  });

  test('an onmicrosoft.com sender is noted', async ({ signIn }) => {
    const form = await signIn();
    await form.fill(form.basic, { 'Default Sender Email': 'ppm@contoso.onmicrosoft.com' });
    await expect(form.field(form.basic, 'Default Sender Email')).toHaveAccessibleDescription(/Microsoft limits how much mail can be sent from an onmicrosoft\.com address/);
  });
});

test('a correction warns which secret it would require again', async ({ signIn }) => {
  const form = await signIn();
  await form.fillOauth('Client Credentials', { Scope: 'a,b' });
  await form.saved();
  const scope = form.field(form.authentication, 'Scope');
  const use = form.authentication.getByRole('button', { name: 'Use a b', exact: true });
  await expect(use).toHaveAccessibleDescription(/Client Secret must be entered again, because Scope changes\./);
  await press(scope, 'Use a b');
  await expect(form.field(form.authentication, 'Client Secret')).toHaveAttribute('placeholder', 'Enter again');
});

test('a save trims blanks, and a host name that is not public DNS is saved with a note', async ({ page, signIn, product }) => {
  const form = await signIn();
  await form.fill(form.basic, { ...basic(product.mail), 'SMTP Server': 'mail_server' });
  const server = form.field(form.basic, 'SMTP Server');
  await expect(server).toHaveAccessibleDescription(/not a name of the public DNS/);
  const port = form.field(form.basic, 'Port');
  await port.fill('587 ');
  await port.press('Enter');
  await expect(page.getByText('Saved.', { exact: true })).toBeVisible();
  await expect(port).toHaveAccessibleDescription(/Spaces at the beginning or end were removed\./);
  await page.reload();
  await expect(port).toHaveValue('587');
  await expect(server).toHaveValue('mail_server');
});

test('the server trims the same blanks itself', async ({ page, signIn, product }) => {
  const form = await signIn();
  const request = page.waitForRequest(/api\/email\/save/);
  await form.saveBasic(product.mail);
  const { draft } = (await request).postDataJSON().save;
  draft.basic.server = ' localhost\u3000';
  draft.basic.display_name = ' PPM ';
  draft.sign_in.password = 'untouched';
  const save = { draft, revision: 1, deletes_grant: null };
  const saved = await page.request.post('/api/email/save', { data: { save }, headers: { 'sec-fetch-site': 'same-origin' } });
  expect((await saved.json()).saved.form.basic).toMatchObject({ server: 'localhost', display_name: ' PPM ' });
});
