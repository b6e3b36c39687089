// "Trusted CA certificate": its validation, and its use for one mail server, starting from a test
// message that failed without it.

import { basic } from '../support/form.ts';
import { ADA, expect, test } from '../support/test.ts';

const LABEL = 'Trusted CA certificate';
const KEY = '-----BEGIN PRIVATE KEY-----\nMIIEcanarycanary\n-----END PRIVATE KEY-----\n';
const NO_AUTHORITY = '-----BEGIN CERTIFICATE-----\nMIIBAAAA\n-----END CERTIFICATE-----\n';

test('a button trusts the issuer of a refused certificate', async ({ page, signIn, product, inbox, axe }) => {
  const form = await signIn();
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
  // The stored Password is bound to the previously trusted certificate.
  const password = form.field(form.basic, 'Password');
  await expect(password).toHaveAttribute('placeholder', 'Enter again');
  await password.fill(product.mail.password);
  await form.saved();
  await form.deliverTest();
  expect((await inbox.waitFor({ to: ADA.email })).listener).toBe('selfSigned');
});

test('a private key is reported and not kept', async ({ signIn, product }) => {
  const form = await signIn();
  await form.fill(form.basic, { ...basic(product.mail), [LABEL]: KEY });
  const certificate = form.field(form.basic, LABEL);
  await expect(certificate).toHaveValue('-----BEGIN PRIVATE KEY');
  await form.save.click();
  await expect(certificate).toBeFocused();
  await expect(certificate).toHaveAccessibleDescription(/This is a private key/);
});

test('a problem that only the server detects is shown at the field', async ({ signIn, product }) => {
  const form = await signIn();
  await form.fill(form.basic, { ...basic(product.mail), [LABEL]: NO_AUTHORITY });
  const certificate = form.field(form.basic, LABEL);
  await form.save.click();
  await expect(certificate).toHaveAccessibleDescription(/not a CA certificate/);
  await certificate.fill('');
  await expect(certificate).not.toHaveAccessibleDescription(/not a CA certificate/);
  await form.saved();
});

test('the certificate field is folded, and there only while TLS is on', async ({ signIn }) => {
  const form = await signIn();
  const certificate = form.field(form.basic, LABEL);
  await expect(certificate).toBeHidden();
  await form.unfold(form.basic, LABEL);
  await expect(certificate).toBeVisible();
  await form.fill(form.basic, { 'Use TLS': false });
  await expect(certificate).toHaveCount(0);
});
