// The steps of a test message: their facts, duration and server replies, the step that failed, and
// the transcript as text for a support ticket.

import { AUTHENTICATION, basic, oauth, type Values } from '../support/form.ts';
import { expect, test } from '../support/test.ts';
import type { Locator, Page } from '@playwright/test';

function steps(page: Page): Locator {
  return page.getByRole('list', { name: 'Steps of the test message' });
}

/** Locates the row of a step by its name. */
function row(page: Page, name: string): Locator {
  return steps(page).locator('> li').filter({ has: page.getByText(name, { exact: true }) });
}

/** Unfolds the steps, which are folded after a success. */
async function unfold(page: Page): Promise<void> {
  await page.getByText(/^Last test: /).click();
}

/** Locates a fact of a step. */
function fact(place: Locator, name: string): Locator {
  return place.getByText(name, { exact: true }).locator('xpath=following-sibling::dd[1]');
}

async function names(page: Page): Promise<string[]> {
  return steps(page).locator('> li > .name').allTextContents();
}

test('each step of a delivered message shows its facts', async ({ page, signIn, product, axe }) => {
  const form = await signIn();
  await form.saveBasic(product.mail);
  await form.deliverTest();
  await expect(steps(page)).toBeHidden();
  await unfold(page);

  expect(await names(page)).toEqual([
    'Name lookup',
    'Connection',
    'Greeting',
    'TLS',
    'Capabilities',
    'Sign-in',
    'Sender',
    'Recipient',
    'Content',
    'Accepted',
  ]);
  for (const step of await steps(page).locator('> li').all()) {
    await expect(step).toContainText('done');
    await expect(step).toContainText(/\d+ ms/);
  }
  await expect(fact(row(page, 'Name lookup'), 'Addresses')).toContainText('127.0.0.1');
  await expect(fact(row(page, 'Connection'), 'Connected to')).toHaveText(new RegExp(`:${product.mail.starttls}$`));
  const tls = row(page, 'TLS');
  await expect(fact(tls, 'Version')).toHaveText(/^TLS 1\.[23]$/);
  await expect(fact(tls, 'Cipher')).toHaveText(/^TLS_/);
  await expect(fact(tls, 'Certificate for')).toContainText('CN=');
  await expect(fact(tls, 'Issued by')).toContainText('CN=');
  await expect(fact(tls, 'Certificate validity')).toHaveText(/^valid for \d+ more days$/);
  const offered = row(page, 'Capabilities');
  await expect(fact(offered, 'Sign-in methods')).toContainText('PLAIN');
  await expect(fact(offered, 'Size limit')).toHaveText(/^\d+ MB \([\d,]+ bytes\)$/);
  await expect(fact(offered, 'SMTPUTF8')).toHaveText(/^(not )?offered$/);
  await expect(fact(row(page, 'Sign-in'), 'Method')).toHaveText('PLAIN');
  await expect(fact(row(page, 'Accepted'), 'Queue ID')).toHaveText(/^\S+$/);
  await axe();
});

test("the server's reply is expanded by keyboard", async ({ page, signIn, product }) => {
  const form = await signIn();
  await form.saveBasic(product.mail);
  await form.deliverTest();
  const words = row(page, 'Greeting').getByText(/^220 /);
  await expect(words).toBeHidden();
  await unfold(page);
  await expect(words).toBeHidden();
  await row(page, 'Greeting').locator('summary').focus();
  await page.keyboard.press('Enter');
  await expect(words).toBeVisible();
  await expect(fact(row(page, 'Greeting'), 'Server reply')).toContainText('220 ');
});

test("PPM's own findings are collapsed and not labelled as the server's reply", async ({ page, signIn, product, axe }) => {
  const form = await signIn();
  await form.fill(form.basic, { ...basic(product.mail), Port: String(product.mail.unknownCa) });
  await form.field(form.basic, 'TLS mode').selectOption({ label: 'Implicit TLS' });
  await form.saved();
  await form.sendTest.click();

  const outcome = page.getByRole('status').filter({ has: form.outcome(/^TLS failed: /) });
  for (const place of [row(page, 'TLS'), outcome]) {
    await expect(place.getByText('Server reply', { exact: true })).toHaveCount(0);
    const details = place.locator('code').filter({ hasText: 'invalid peer certificate' });
    await expect(details).toBeHidden();
    await place.locator('summary').first().click();
    await expect(place.getByText('Details (found by PPM)', { exact: true })).toBeVisible();
    await expect(details).toBeVisible();
  }
  await axe();
});

test('the EHLO name is shown, and its refusal at a later step is explained', async ({ page, signIn, product, scripted }) => {
  const words = '504 5.5.2 <[127.0.0.1]>: Helo command rejected: need fully-qualified hostname';
  const server = await scripted({ ...FINE, RCPT: words });
  const form = await signIn();
  await form.saveBasic(product.mail, plain(server.port));
  await form.sendTest.click();

  const heading = form.outcome(/^Recipient failed: The server does not accept the name by which PPM introduces itself/);
  const outcome = page.getByRole('status').filter({ has: heading });
  await expect(outcome.getByRole('listitem').filter({ hasText: 'PPM introduced itself as [127.0.0.1].' })).toBeVisible();
  await expect(outcome.getByRole('listitem').filter({ hasText: '--smtp-client-name' })).toBeVisible();
  await expect(fact(row(page, 'Capabilities'), 'PPM introduced itself as')).toHaveText('[127.0.0.1]');
});

/** Changes for a scripted server, without TLS and without a sign-in. */
function plain(port: number): Values {
  return { Port: String(port), 'Use TLS': false, Username: '', Password: '' };
}

const FINE = {
  EHLO: '250-mail.practice.example\r\n250 SIZE 1000000',
  MAIL: '250 2.1.0 Ok',
  RCPT: '250 2.1.5 Ok',
  DATA: '354 Go ahead',
  '.': '250 2.0.0 Ok: queued as 4711',
};

const ENDS: { step: string; answers: Record<string, string | null>; heading: RegExp; words?: string; next: string }[] = [
  {
    step: 'Capabilities',
    answers: { ...FINE, EHLO: '554 5.7.1 Not from there' },
    heading: /^Capabilities failed: The server does not accept mail from this machine\./,
    words: '554 5.7.1 Not from there',
    next: 'allow this machine',
  },
  {
    step: 'Sender',
    answers: { ...FINE, MAIL: '550 5.7.60 SMTP; Client does not have permissions to send as this sender' },
    heading: /^Sender failed: The account that signed in is not allowed to send as this sender\./,
    words: '550 5.7.60',
    next: 'Default Sender Email',
  },
  {
    step: 'Recipient',
    answers: { ...FINE, RCPT: '550 5.7.1 Unable to relay' },
    heading: /^Recipient failed: The server does not relay mail/,
    words: '550 5.7.1 Unable to relay',
    next: 'enter Username and Password',
  },
  {
    step: 'Content',
    answers: { ...FINE, '.': '554 5.7.1 Spam' },
    heading: /^Content failed: The server accepted the sender and the recipient, but then refused the message\./,
    words: '554 5.7.1 Spam',
    next: 'which filter refused it',
  },
  {
    step: 'Accepted',
    answers: { ...FINE, '.': null },
    heading: /^Accepted failed: The connection ended before the server confirmed the message\. It may have been delivered\./,
    next: 'Check your inbox',
  },
];

/** The names of all steps without TLS and sign-in, in order. */
const ALL = ['Token', 'Name lookup', 'Connection', 'Greeting', 'Capabilities', 'Sender', 'Recipient', 'Content', 'Accepted'];

/** Expects only this step to have failed, and the later ones not to have been reached. */
async function expectEndAt(page: Page, step: string): Promise<void> {
  await expect(row(page, step)).toContainText('failed');
  await expect(steps(page).locator('> li').filter({ hasText: 'failed' })).toHaveCount(1);
  const done = await names(page);
  for (const later of ALL.slice(ALL.indexOf(step) + 1)) {
    expect(done).not.toContain(later);
    await expect(row(page, 'Not reached')).toContainText(later);
  }
}

for (const { step, answers, heading, words, next } of ENDS) {
  test(`a failure at ${step} is shown there, with next steps`, async ({ page, signIn, product, scripted }) => {
    const server = await scripted(answers);
    const form = await signIn();
    await form.saveBasic(product.mail, plain(server.port));
    await form.sendTest.click();

    const outcome = page.getByRole('status').filter({ has: form.outcome(heading) });
    await expect(outcome.getByRole('listitem').filter({ hasText: next })).toBeVisible();
    if (words) await expect(outcome).toContainText(words);
    await expectEndAt(page, step);
  });
}

test('a failure at Token is shown there, with next steps', async ({ page, signIn, product }) => {
  const form = await signIn();
  await form.choose('Client Credentials');
  await form.fill(form.oauth, oauth(product.mail));
  const { 'Client ID': id, 'Client Secret': secret, Scope } = AUTHENTICATION;
  const authentication = { 'Client ID': id!, 'Client Secret': secret!, Scope: Scope! };
  await form.fill(form.authentication, { ...authentication, 'Token Endpoint': 'http://127.0.0.1:1/token' });
  await page.getByRole('button', { name: 'Test these settings', exact: true }).click();
  const heading = form.outcome(/^Token failed: The machine in Token Endpoint answers, but nothing is listening on that port\./);
  const outcome = page.getByRole('status').filter({ has: heading });
  await expect(outcome.getByRole('listitem').filter({ hasText: 'Check Token Endpoint' })).toBeVisible();
  await expectEndAt(page, 'Token');
});

test('the copied transcript contains no secrets', async ({ page, signIn, product, context, scripted }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const password = 'canary-Password-7Zq';
  const encoded = Buffer.from(`\0${product.mail.username}\0${password}`).toString('base64');
  const server = await scripted({
    ...FINE,
    EHLO: '250-mail.practice.example\r\n250 AUTH PLAIN',
    AUTH: `535 5.7.8 You said ${password}, or ${encoded}`,
  });
  const form = await signIn();
  await form.saveBasic(product.mail, { Port: String(server.port), Password: password, 'Use TLS': false });
  await form.sendTest.click();
  await expect(form.outcome(/^Sign-in failed: /)).toBeVisible();
  await page.getByRole('button', { name: 'Copy as text', exact: true }).click();
  await expect(page.getByText('Copied.', { exact: true })).toBeVisible();

  const text = await page.evaluate(() => navigator.clipboard.readText());
  expect(text).toContain('Sign-in: failed');
  expect(text).toContain('535 5.7.8 You said');
  expect(text).toContain('Enter the Password again');
  expect(text).not.toContain(password);
  expect(text).not.toContain(encoded);
  await expect(page.getByRole('textbox', { name: 'Copy as text' })).toHaveValue(text);
});

test("suggested commands contain the administrator's own values", async ({ page, signIn, product, axe, scripted }) => {
  const words = '535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.';
  const server = await scripted({ ...FINE, EHLO: '250-outlook.practice.example\r\n250 AUTH LOGIN PLAIN', AUTH: words });
  const form = await signIn();
  await form.saveBasic(product.mail, { Port: String(server.port), 'Use TLS': false });
  await form.sendTest.click();
  // The banner about the incident has them, too.
  const group = page.getByRole('group', { name: 'Send Test Email', exact: true });
  const lines = group.getByRole('textbox', { name: 'Copy these lines' });
  await expect(lines).toHaveValue(
    `Connect-ExchangeOnline\nSet-CASMailbox -Identity '${product.mail.username}' -SmtpClientAuthenticationDisabled $false`,
  );
  await axe();
  expect(await form.stickingOut()).toEqual([]);
  await page.getByRole('button', { name: 'Copy as text', exact: true }).click();
  await expect(page.getByRole('textbox', { name: 'Copy as text' })).toHaveValue(/^ {3}Set-CASMailbox -Identity /m);
});
