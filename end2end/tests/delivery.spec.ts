// Delivery with Basic SMTP Settings, and each failure: its step, the server's text, its diagnosis and
// next steps.

import { basic, type Values } from '../support/form.ts';
import { ADA, expect, test, type MailServer } from '../support/test.ts';

const JOURNEYS: { name: string; listener: string; change: (mail: MailServer) => Values; mode?: string }[] = [
  { name: 'by STARTTLS, chosen by the port', listener: 'starttls', change: () => ({}) },
  { name: 'by STARTTLS, chosen by hand', listener: 'starttls', change: () => ({}), mode: 'STARTTLS' },
  { name: 'by implicit TLS', listener: 'tls', change: ({ tls }) => ({ Port: String(tls) }), mode: 'Implicit TLS' },
  {
    name: 'without TLS and without a sign-in',
    listener: 'plain',
    change: (mail) => ({ Port: String(mail.plain), 'Use TLS': false, Username: '', Password: '' }),
  },
  {
    name: 'without TLS, with a sign-in in clear',
    listener: 'plain',
    change: (mail) => ({ Port: String(mail.plain), 'Use TLS': false }),
  },
];

for (const { name, listener, change, mode } of JOURNEYS) {
  test(`a message is delivered ${name}`, async ({ page, signIn, product, inbox }) => {
    const form = await signIn();
    await form.fill(form.basic, { ...basic(product.mail), ...change(product.mail) });
    if (mode) await form.field(form.basic, 'TLS mode').selectOption({ label: mode });
    await form.saved();
    await form.deliverTest();
    const message = await inbox.waitFor({ to: ADA.email });
    expect(message.listener).toBe(listener);
    expect(message.envelope.from).toBe(product.mail.username);
    expect(message.from).toContain('Practice PPM');
    expect(message.raw).toMatch(/^Auto-Submitted: auto-generated\r?$/m);
    await expect(page.getByText(message.messageId!, { exact: true })).toBeVisible();
  });
}

test('the outcome is shown after a reload', async ({ page, signIn, product, axe }) => {
  const form = await signIn();
  await form.saveBasic(product.mail);
  await form.deliverTest();
  await page.reload();
  await expect(form.outcome(/accepted the message/)).toBeVisible();
  await axe();
});

test('a reload during delivery still shows the outcome', async ({ page, signIn, product, inbox }) => {
  const form = await signIn();
  await form.saveBasic(product.mail);
  const started = page.waitForResponse('**/api/email/send-test');
  await form.sendTest.click();
  // A reload would abort a call that the server has not taken.
  await started;
  await page.reload();
  await expect(form.outcome(/accepted the message/)).toBeVisible();
  await inbox.waitFor({ to: ADA.email });
});

const FAILURES: {
  name: string;
  change: (mail: MailServer) => Values;
  mode?: string;
  heading: string;
  words?: RegExp;
  step: string;
}[] = [
  {
    name: 'a server that does not exist',
    change: () => ({ 'SMTP Server': 'mail.nowhere.invalid' }),
    heading: 'Name lookup failed: There is no server with this name.',
    step: 'Check SMTP Server for typing mistakes',
  },
  {
    name: 'a port on which nothing listens',
    change: () => ({ Port: '1' }),
    heading: 'Connection failed: The machine answers, but no mail server is listening on this port.',
    step: 'Check Port',
  },
  {
    name: 'port 0',
    change: () => ({ Port: '0' }),
    heading: 'Connection failed: No server can be reached on port 0.',
    step: 'Enter the port',
  },
  {
    name: 'a forbidden address',
    change: () => ({ 'SMTP Server': '169.254.169.254' }),
    heading: 'Name lookup failed: The name resolves to an address that PPM never connects to.',
    step: 'Use the mail server’s own name',
  },
  {
    name: 'a server that says nothing',
    change: (mail) => ({ Port: String(mail.silent) }),
    heading: 'Greeting failed: The server accepted the connection, but then sent nothing.',
    step: 'a port that expects TLS sends nothing without it',
  },
  {
    name: 'Implicit TLS on a STARTTLS port',
    change: () => ({}),
    mode: 'Implicit TLS',
    heading: 'TLS failed: This port starts unencrypted, but PPM tried implicit TLS.',
    step: 'Set TLS mode to Automatic or STARTTLS',
  },
  {
    name: 'STARTTLS on a port that wants implicit TLS',
    change: (mail) => ({ Port: String(mail.tls) }),
    mode: 'STARTTLS',
    heading: 'Greeting failed: This port seems to expect implicit TLS.',
    step: 'set TLS mode to Implicit TLS',
  },
  {
    name: 'STARTTLS where none is offered',
    change: (mail) => ({ Port: String(mail.plain) }),
    heading: 'TLS failed: The server offers no encryption on this port, so nothing was sent.',
    step: 'usually 587 or 465',
  },
  {
    name: 'an unknown certificate',
    change: (mail) => ({ Port: String(mail.unknownCa) }),
    mode: 'Implicit TLS',
    heading: 'TLS failed: The server’s certificate was issued by a CA that this machine does not trust.',
    step: '--extra-ca',
  },
  {
    name: 'a certificate signed by itself',
    change: (mail) => ({ Port: String(mail.selfSigned) }),
    mode: 'Implicit TLS',
    heading: 'TLS failed: The server’s certificate is self-signed.',
    step: 'install a certificate from a CA',
  },
  {
    name: 'an expired certificate',
    change: (mail) => ({ Port: String(mail.expired) }),
    mode: 'Implicit TLS',
    heading: 'TLS failed: The server’s certificate has expired.',
    step: 'to renew it',
  },
  {
    name: 'a certificate for another name',
    change: (mail) => ({ Port: String(mail.wrongName) }),
    mode: 'Implicit TLS',
    heading: 'TLS failed: The server’s certificate is for another name.',
    step: 'enter the name that the certificate is for',
  },
  {
    name: 'a wrong password',
    change: () => ({ Password: 'canary-wrong-password' }),
    heading: 'Sign-in failed: The server does not accept this user name with this password.',
    words: /535 5\.7\.8/,
    step: 'Enter the Password again',
  },
  {
    name: 'a server that wants a sign-in',
    change: () => ({ Username: '', Password: '' }),
    heading: 'Sender failed: Username is empty, and the server requires a sign-in.',
    words: /530/,
    step: 'Enter Username and Password',
  },
  {
    name: 'a refused sender',
    change: () => ({ 'Default Sender Email': 'refused-sender@practice.example' }),
    heading: 'Sender failed: The server does not accept mail from this sender.',
    words: /553 5\.7\.1/,
    step: 'enter that address in Default Sender Email',
  },
  {
    name: 'a temporary refusal',
    change: () => ({ 'Default Sender Email': 'later@practice.example' }),
    heading: 'Sender failed: The server is temporarily unable to accept the message.',
    words: /451 4\.7\.1/,
    step: 'Try again in a few minutes',
  },
  {
    name: 'refused content',
    change: () => ({ 'Default Sender Email': 'refused-content@practice.example' }),
    heading: 'Content failed: The server accepted the sender and the recipient, but then refused the message.',
    words: /554 5\.6\.0/,
    step: 'which filter refused it',
  },
];

for (const { name, change, mode, heading, words, step } of FAILURES) {
  test(`${name} is explained`, async ({ page, signIn, product, inbox }) => {
    const form = await signIn();
    await form.fill(form.basic, { ...basic(product.mail), ...change(product.mail) });
    if (mode) await form.field(form.basic, 'TLS mode').selectOption({ label: mode });
    await form.saved();
    await form.sendTest.click();

    const outcome = page.getByRole('status').filter({ has: form.outcome(straight(heading)) });
    await expect(outcome).toBeVisible();
    await expect(outcome.getByRole('listitem').filter({ hasText: straight(step) })).toBeVisible();
    if (words) await expect(outcome).toContainText(words);
    await expect(page.getByRole('listitem').filter({ hasText: 'failed' })).toHaveCount(1);
    expect(await inbox.messages()).toEqual([]);
  });
}

/** Replaces curly apostrophes, because the page has straight ones. */
function straight(text: string): string {
  return text.replaceAll('’', "'");
}

test('a provider-specific reply is explained more precisely than its code', async ({ page, signIn, product, axe, scripted }) => {
  const words = '535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.';
  const server = await scripted({ EHLO: '250-outlook.practice.example\r\n250 AUTH LOGIN PLAIN', AUTH: words });
  const form = await signIn();
  await form.saveBasic(product.mail, { Port: String(server.port), 'Use TLS': false });
  await form.sendTest.click();

  const heading = /^Sign-in failed: Exchange Online has SMTP sign-in turned off for this mailbox/;
  const outcome = page.getByRole('status').filter({ has: form.outcome(heading) });
  await expect(outcome).toContainText(words);
  const steps = outcome.getByRole('listitem');
  await expect(steps.nth(0)).toContainText('Turn Authenticated SMTP on');
  await expect(steps.nth(2)).toContainText('OAuth needs it too');
  await axe();
});

test('a refused recipient is explained', async ({ page, signIn, product, inbox }) => {
  const email = 'refused-ada@practice.example';
  await product.add({ email, name: 'Refused' });
  const form = await signIn(page, email);
  await form.saveBasic(product.mail);
  await form.sendTest.click();
  await expect(form.outcome('Recipient failed: The server does not accept mail for this recipient.')).toBeVisible();
  expect(await inbox.messages()).toEqual([]);
});

test('Send Test Email is disabled while the settings are incomplete, with the reason', async ({ signIn }) => {
  const form = await signIn();
  await expect(form.sendTest).toBeDisabled();
  await expect(form.sendTest).toHaveAccessibleDescription('Fill in and save the required settings first.');
});

test('Send Test Email is disabled while there are unsaved changes, with the reason', async ({ signIn, product }) => {
  const form = await signIn();
  await form.saveBasic(product.mail);
  await expect(form.sendTest).toBeEnabled();
  await form.fill(form.basic, { Port: '25' });
  await expect(form.sendTest).toBeDisabled();
  await expect(form.sendTest).toHaveAccessibleDescription('Save or cancel your changes first.');
});

test('Send Test Email shows the address of the signed-in administrator', async ({ page, signIn }) => {
  await signIn();
  const group = page.getByRole('group', { name: 'Send Test Email', exact: true });
  await expect(group.getByText(ADA.email, { exact: true })).toBeVisible();
});
