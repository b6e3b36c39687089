// Trusted CA certificate: what may stand there, and that it makes one mail server trusted, beginning
// with the test message that failed for want of it.

import { Form, basic } from '../support/form.ts';
import { ADA, expect, test } from '../support/test.ts';

const LABEL = 'Trusted CA certificate';
const KEY = '-----BEGIN PRIVATE KEY-----\nMIIEcanarycanary\n-----END PRIVATE KEY-----\n';
const NO_AUTHORITY = '-----BEGIN CERTIFICATE-----\nMIIBAAAA\n-----END CERTIFICATE-----\n';

test('whoever vouches for a refused certificate is trusted by a press', async ({ page, signIn, product, inbox, axe }) => {
  await signIn();
  const form = new Form(page);
  await form.fill(form.basic, { ...basic(product.mail), Port: String(product.mail.selfSigned) });
  await form.field(form.basic, 'TLS mode').selectOption({ label: 'Implicit TLS' });
  await form.saved();
  await form.sendTest.click();
  await expect(form.outcome(/certificate is self-signed/)).toBeVisible();
  await axe();

  const trust = page.getByRole('button', { name: 'Trust this certificate', exact: true });
  await expect(trust).toHaveAccessibleDescription('Password must be entered again, because Trusted CA certificate changes.');
  await trust.click();
  await expect(form.field(form.basic, LABEL)).toBeFocused();
  await expect(form.field(form.basic, LABEL)).toHaveValue(/^-----BEGIN CERTIFICATE-----\n/);
  // The stored one goes to the server as it was vouched for before, and to no other.
  const password = form.field(form.basic, 'Password');
  await expect(password).toHaveAttribute('placeholder', 'Enter again');
  await password.fill(product.mail.password);
  await form.saved();
  await form.sendTest.click();
  await expect(form.outcome(/accepted the message/)).toBeVisible();
  expect((await inbox.waitFor({ to: ADA.email })).listener).toBe('selfSigned');
});

test('a private key is told as such and not kept', async ({ page, signIn, product }) => {
  await signIn();
  const form = new Form(page);
  await form.fill(form.basic, { ...basic(product.mail), [LABEL]: KEY });
  const certificate = form.field(form.basic, LABEL);
  await expect(certificate).toHaveValue('-----BEGIN PRIVATE KEY');
  await form.save.click();
  await expect(certificate).toBeFocused();
  await expect(certificate).toHaveAccessibleDescription(/This is a private key/);
});

test('what only the server can tell of a certificate is told at the field', async ({ page, signIn, product }) => {
  await signIn();
  const form = new Form(page);
  await form.fill(form.basic, { ...basic(product.mail), [LABEL]: NO_AUTHORITY });
  const certificate = form.field(form.basic, LABEL);
  await form.save.click();
  await expect(certificate).toHaveAccessibleDescription(/not a CA certificate/);
  await certificate.fill('');
  await expect(certificate).not.toHaveAccessibleDescription(/not a CA certificate/);
  await form.saved();
});

test('a certificate is asked for only while TLS is on', async ({ page, signIn }) => {
  await signIn();
  const form = new Form(page);
  await expect(form.field(form.basic, LABEL)).toBeVisible();
  await form.fill(form.basic, { 'Use TLS': false });
  await expect(form.field(form.basic, LABEL)).toBeHidden();
});
