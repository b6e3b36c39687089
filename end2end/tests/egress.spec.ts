// The egress policy: a connection that the operator has not allowed is refused, and the address and
// the flag are shown, at the step of a test message and at the field of an endpoint.

import { basic, OAUTH } from '../support/form.ts';
import { expect, test } from '../support/test.ts';

test.describe('where the operator allows a mail server', () => {
  test.use({ flags: ({}, use) => use(['--egress-allow', 'mail.example.com']) });

  test('a loopback mail server is refused at its step, with the flag to copy', async ({ page, product, signIn, axe }) => {
    const form = await signIn();
    await form.fill(form.basic, { ...basic(product.mail, 6379), 'SMTP Server': '127.0.0.1' });
    await form.saved();
    await form.sendTest.click();
    const heading = 'Name lookup failed: The operator of this server has not allowed PPM to connect to this address and port.';
    const outcome = page.getByRole('status').filter({ has: form.outcome(heading) });
    await expect(outcome).toBeVisible();
    await expect(outcome.getByRole('textbox', { name: 'Copy these lines' })).toHaveValue('--egress-allow 127.0.0.1:6379');
    await axe();
  });

  test('a loopback http endpoint is refused at its field, with the flag', async ({ signIn, axe }) => {
    const form = await signIn();
    await form.choose('Client Credentials');
    await form.fill(form.oauth, OAUTH);
    await form.fill(form.authentication, { 'Client ID': 'ppm', 'Client Secret': 'canary-client-secret', Scope: 'mail' });
    const endpoint = form.field(form.authentication, 'Token Endpoint');
    await endpoint.fill('http://127.0.0.1:9200/token');
    await form.save.click();
    await expect(endpoint).toHaveAccessibleDescription(/--egress-allow 127\.0\.0\.1:9200/);
    await expect(endpoint).toBeFocused();
    await axe();
    await endpoint.fill('https://login.example.com/token');
    await form.saved();
  });
});

test.describe('where the operator denies a provider', () => {
  test.use({ flags: ({}, use) => use(['--egress-deny', 'login.example.com']) });

  test('a denied Token Endpoint is reported as blocked by this server', async ({ page, signIn }) => {
    const form = await signIn();
    await form.choose('Client Credentials');
    await form.fill(form.oauth, OAUTH);
    const client = { 'Client ID': 'ppm', 'Client Secret': 'canary-client-secret', Scope: 'mail' };
    await form.fill(form.authentication, { ...client, 'Token Endpoint': 'https://login.example.com/token' });
    await form.saved();
    await form.getToken.click();
    const notice = page.getByRole('status').filter({ hasText: 'has blocked the address in Token Endpoint' });
    await expect(notice.getByRole('definition')).toHaveText('login.example.com:443');
    await expect(notice.getByRole('term')).toHaveText('Details');
  });
});
