// Which groups and controls are required, optional or disabled with each flow.

import { AUTHENTICATION, FLOWS, OAUTH, basic, type Flow } from '../support/form.ts';
import { expect, test } from '../support/test.ts';

const CONSENT = ['Authorization Endpoint', 'Redirect URI'];

test.describe(() => {
  test.use({ changesNothing: true });

  for (const flow of FLOWS) {
    test(`with ${flow} each group is required, optional or disabled as specified`, async ({ signIn }) => {
      const form = await signIn();
      await form.choose(flow);
      const isOauth = flow !== 'None';

      await expect(form.basic.getByText(isOauth ? 'optional with this flow' : 'required', { exact: true })).toBeVisible();
      for (const group of [form.oauth, form.authentication]) {
        await expect(group.getByText(isOauth ? 'required' : 'not used with this flow', { exact: true })).toBeVisible();
      }
      for (const label of Object.keys(basic({} as never))) {
        await expect(form.field(form.basic, label)).toBeEnabled();
      }
      for (const label of [...Object.keys(OAUTH), 'Use TLS', 'TLS mode']) {
        await expect(form.field(form.oauth, label)).toBeEnabled({ enabled: isOauth });
      }
      for (const label of Object.keys(AUTHENTICATION)) {
        const enabled = isOauth && !(flow === 'Client Credentials' && CONSENT.includes(label));
        await expect(form.field(form.authentication, label)).toBeEnabled({ enabled });
      }
    });

    test(`with ${flow} an empty save reports exactly the required fields`, async ({ page, signIn }) => {
      const form = await signIn();
      await form.choose(flow);
      await form.fill(form.basic, { Port: '99999' }); // a bad port is bad even where the group is optional
      await form.save.click();
      const links = page.getByRole('alert').getByRole('link');
      await expect(links).toHaveText(expected(flow));
      await expect(form.field(form.basic, flow === 'None' ? 'Default Sender Email' : 'Port')).toBeFocused();
    });
  }

  test('with Client Credentials, the controls for a consent are marked as not used', async ({ page, signIn }) => {
    const form = await signIn();
    await form.choose('Client Credentials');
    for (const label of CONSENT) {
      const field = form.authentication.locator('.field').filter({ has: page.getByLabel(label, { exact: true }) });
      await expect(field.getByText('not used with this flow', { exact: true })).toBeVisible();
      await expect(field.getByRole('button')).toHaveCount(0);
    }
    await expect(page.getByText('not used with this flow', { exact: true })).toHaveCount(CONSENT.length);
  });

  test('a group that is not used shows neither help nor notes nor buttons', async ({ signIn }) => {
    const form = await signIn();
    const groups = [form.oauth, form.authentication];
    for (const group of groups) {
      await expect(group.getByRole('button')).toHaveCount(0);
      await expect(group.locator('.help, .note').filter({ visible: true })).toHaveCount(0);
    }
    await form.choose('Authorization Code');
    for (const group of groups) await expect(group.locator('.help').filter({ visible: true })).not.toHaveCount(0);
  });

  test('a Username requires a Password even if the group is optional', async ({ page, signIn }) => {
    const form = await signIn();
    await form.choose('Client Credentials');
    await form.fill(form.oauth, OAUTH);
    await form.fill(form.authentication, { 'Client ID': 'ppm', 'Client Secret': 's', 'Token Endpoint': 'https://a.example/t', Scope: 's' });
    await form.fill(form.basic, { Username: 'noreply' });
    await form.save.click();
    await expect(page.getByRole('alert').getByRole('link')).toHaveText([/^Password: /]);
    await expect(form.field(form.basic, 'Password')).toBeFocused();
  });

  test('OAuth without TLS is refused with a reason', async ({ page, signIn }) => {
    const form = await signIn();
    await form.choose('Authorization Code with PKCE');
    await form.fill(form.oauth, { ...OAUTH, 'Use TLS': false });
    await form.fill(form.authentication, AUTHENTICATION);
    await form.save.click();
    await expect(page.getByRole('alert').getByRole('link')).toHaveText([
      'Use TLS (OAuth): Turn Use TLS on: OAuth tokens are never sent unencrypted.',
    ]);
  });

  test('the resulting encryption is described beside Use TLS', async ({ signIn }) => {
    const form = await signIn();
    const useTls = form.field(form.basic, 'Use TLS');
    await form.fill(form.basic, { Port: '465' });
    await expect(useTls).toHaveAccessibleDescription(/encrypted from the start/);
    await form.fill(form.basic, { Port: '587' });
    await expect(useTls).toHaveAccessibleDescription(/STARTTLS: encrypted before anything is sent/);
    await form.fill(form.basic, { Username: 'noreply', 'Use TLS': false });
    await expect(useTls).toHaveAccessibleDescription(/can be read on the network/);
    await expect(form.field(form.basic, 'TLS mode')).toBeHidden();
  });

  test('OAuth SMTP Settings can be copied from Basic SMTP Settings', async ({ signIn, product }) => {
    const form = await signIn();
    await form.choose('Client Credentials');
    await form.fill(form.basic, basic(product.mail));
    await form.oauth.getByRole('button', { name: 'Copy from Basic SMTP Settings' }).click();
    await expect(form.field(form.oauth, 'Default Sender Email')).toHaveValue(product.mail.username);
    await expect(form.field(form.oauth, 'Port')).toHaveValue(String(product.mail.starttls));
  });
});

function expected(flow: Flow): RegExp[] {
  if (flow === 'None') {
    return [/^Default Sender Email: /, /^Display Name: /, /^SMTP Server: /, /^Port: Enter a number/];
  }
  return [
    /^Port: Enter a number/,
    /^Default Sender Email \(OAuth\): /,
    /^Display Name \(OAuth\): /,
    /^SMTP Server \(OAuth\): /,
    /^Port \(OAuth\): /,
    /^Client ID: /,
    /^Client Secret: /,
    ...(flow === 'Client Credentials' ? [] : [/^Authorization Endpoint: /]),
    /^Token Endpoint: /,
    ...(flow === 'Client Credentials' ? [] : [/^Redirect URI: /]),
    /^Scope: /,
  ];
}

test('input in a group that is then disabled is saved and restored', async ({ page, signIn, product }) => {
  const form = await signIn();
  await form.fillOauth('Authorization Code', { 'Token Endpoint': 'not an address' });
  await form.fill(form.basic, basic(product.mail));
  await form.choose('None');
  await form.saved();
  await page.reload();
  await expect(form.field(form.authentication, 'Token Endpoint')).toHaveValue('not an address');
  await form.choose('Authorization Code');
  await expect(form.field(form.oauth, 'Default Sender Email')).toHaveValue('oauth@practice.example');
  await form.fill(form.authentication, { 'Token Endpoint': 'https://login.example.com/token' });
  await form.save.click();
  // The secret was saved with an invalid endpoint, so it is not bound to any other.
  await expect(page.getByRole('alert').getByRole('link')).toHaveText([/^Client Secret: Enter it again/]);
});

test('with an OAuth flow saved, Send Test Email requires a token', async ({ signIn }) => {
  const form = await signIn();
  await form.fillOauth('Authorization Code with PKCE');
  await form.saved();
  await expect(form.sendTest).toBeDisabled();
  await expect(form.sendTest).toHaveAccessibleDescription(/Press Get Auth Token first: with an OAuth flow, mail is sent with a token/);
});

test('port 0 is accepted with a note', async ({ signIn, product }) => {
  const form = await signIn();
  await form.fill(form.basic, { ...basic(product.mail), Port: '0' });
  await expect(form.field(form.basic, 'Port')).toHaveAccessibleDescription(/No server can be reached on port 0/);
  await form.saved();
});
