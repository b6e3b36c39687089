// Secrets are write-only: the page knows that one is stored, but never receives its value.

import { readFile, readdir } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import { CANARIES, CanaryProvider } from '../support/canary-provider.ts';
import { blockPopUps, configure } from '../support/consent.ts';
import { AUTHENTICATION, basic } from '../support/form.ts';
import type { Product } from '../support/product.ts';
import { ADA, expect, test } from '../support/test.ts';

const CANARY = 'canary-7Zq-password';

/** Records further responses: the URL as returned by `shown`, headers and body; `undefined` skips one. */
function answersTo(page: Page, shown: (url: string) => string | undefined): string[] {
  const answers: string[] = [];
  page.on('response', async (response) => {
    const address = shown(response.url());
    if (address === undefined) return;
    const body = await response.body().catch(() => Buffer.of());
    answers.push(`${address} ${JSON.stringify(response.headers())} ${body.toString('latin1')}`);
  });
  return answers;
}

/** Expects none of the secrets in the responses, on the page or in the product's log. */
async function expectNoLeak(secrets: string[], answers: string[], page: Page, product: Product): Promise<void> {
  for (const secret of secrets) {
    expect(answers.filter((answer) => answer.includes(secret))).toEqual([]);
    expect(await page.content()).not.toContain(secret);
    expect(product.log).not.toContain(secret);
  }
}

test('a stored secret is in no response, page or log', async ({ page, signIn, product }) => {
  const answers = answersTo(page, (url) => url);
  const form = await signIn();
  await form.fillOauth('Authorization Code');
  await form.saveBasic(product.mail, { Password: CANARY });
  await form.choose('None');
  await form.saved();
  await form.sendTest.click();
  await expect(form.outcome(/Sign-in failed/)).toBeVisible();
  await page.reload();
  await expect(form.field(form.basic, 'Password')).toHaveValue('');
  await expect(form.flow).toBeEnabled();

  expect(answers.length).toBeGreaterThan(5);
  await expectNoLeak([CANARY, AUTHENTICATION['Client Secret'] as string, ADA.password], answers, page, product);
  expect(page.url()).not.toContain('?');
});

test('OAuth codes, tokens and secrets are in no response, page or log, even if the provider repeats them', async ({ page, signIn, product }) => {
  // URLs are recorded without their query, where code and state belong.
  const answers = answersTo(page, (url) => (url.startsWith(product.url) ? url.split('?')[0] : undefined));
  const provider = await CanaryProvider.start();
  const form = await signIn();
  const client = { id: 'canary', secret: 'canary-client-secret-Rv2h' };
  await configure(form, product, 'Authorization Code with PKCE', client, {
    'Authorization Endpoint': `${provider.address}/authorize`,
    'Token Endpoint': `${provider.address}/token`,
  });
  await blockPopUps(page);
  await form.getToken.click();
  await page.waitForURL('**/oauth/result/*');
  await page.getByRole('link', { name: 'Back to the Email settings' }).click();
  await expect(form.token.getByText('The provider granted a different scope than requested: mail.read')).toBeVisible();
  const setback = form.setback(/^Token renewal failed/);
  await expect(setback).toContainText('invalid_grant: No');
  await expect(form.tokenStatus).toHaveText('Expired');
  await page.reload();
  await expect(setback).toBeVisible();
  await expect(form.flow).toBeEnabled();
  provider.stop();

  const verifier = provider.requests[0]!.get('code_verifier');
  expect(verifier).toMatch(/^[\w~.-]{43,128}$/);
  expect(answers.some((answer) => answer.includes('/oauth/callback'))).toBe(true);
  await expectNoLeak([client.secret, verifier!, ...Object.values(CANARIES)], answers, page, product);
});

test('the browser bundle contains no server code', async () => {
  const site = process.env.PPM_EMAIL_SITE_ROOT ?? '../target/site';
  const files = (await readdir(`${site}/pkg`)).filter((file) => /\.(js|wasm)$/.test(file));
  expect(files.length).toBeGreaterThan(1);
  for (const file of files) {
    const text = (await readFile(`${site}/pkg/${file}`)).toString('latin1');
    for (const word of ['sqlx', 'argon2', 'chacha20', 'lettre', 'INSERT INTO']) {
      expect(text.includes(word), `${word} in ${file}`).toBe(false);
    }
  }
});

test('another server requires the stored Password again', async ({ page, signIn, product }) => {
  const form = await signIn();
  await form.saveBasic(product.mail);
  await form.fill(form.basic, { 'SMTP Server': '127.0.0.1' });
  await expect(form.field(form.basic, 'Password')).toHaveAccessibleDescription(/stored one was entered for localhost/);
  await form.save.click();
  await expect(page.getByRole('alert').getByRole('link')).toHaveText([/^Password: Enter it again/]);
  await form.fill(form.basic, { Password: product.mail.password });
  await form.saved();
});

test('the server refuses a stored Password for another mail server', async ({ page, signIn, product }) => {
  const form = await signIn();
  await form.fill(form.basic, basic(product.mail));
  const request = page.waitForRequest(/api\/email\/save/);
  await form.saved();
  const save = (await request).postDataJSON().save;
  save.revision = 1;
  save.draft.basic.server = 'evil.example';
  save.draft.sign_in.password = 'untouched';
  const answer = await page.request.post('/api/email/save', {
    data: { save },
    headers: { 'sec-fetch-site': 'same-origin' },
  });
  expect(await answer.json()).toEqual({ problems: [['password', 'enter-again']] });
});

test('Clear removes a stored Password, and Keep stored undoes that', async ({ signIn, product }) => {
  const form = await signIn();
  await form.saveBasic(product.mail);
  const password = form.field(form.basic, 'Password');
  await form.basic.getByRole('button', { name: 'Clear' }).click();
  await expect(password).toHaveAccessibleDescription(/removed when you save/);
  await form.basic.getByRole('button', { name: 'Keep stored' }).click();
  await expect(form.save).toBeHidden();
  await form.basic.getByRole('button', { name: 'Clear' }).click();
  await form.fill(form.basic, { Username: '' });
  await form.saved();
  await expect(form.basic.getByRole('button', { name: 'Clear' })).toBeHidden();
});

test('clearing Username removes the stored Password, with a note', async ({ page, signIn, product }) => {
  const form = await signIn();
  await form.saveBasic(product.mail);
  await form.fill(form.basic, { Username: '' });
  await expect(form.field(form.basic, 'Password')).toHaveAccessibleDescription(/Without a Username/);
  await form.saved();
  await page.reload();
  await expect(form.basic.getByRole('button', { name: 'Clear' })).toBeHidden();
});

test('Client ID is masked, and Reveal shows it', async ({ signIn }) => {
  const form = await signIn();
  await form.choose('Client Credentials');
  const clientId = form.field(form.authentication, 'Client ID');
  await clientId.fill('an-id');
  await expect(clientId).toHaveAttribute('type', 'password');
  await form.authentication.getByRole('button', { name: 'Reveal' }).click();
  await expect(clientId).toHaveAttribute('type', 'text');
  await expect(clientId).toHaveValue('an-id');
  await form.authentication.getByRole('button', { name: 'Hide' }).click();
  await expect(clientId).toHaveAttribute('type', 'password');
});

test('a Client Secret that looks like a secret’s ID is warned of while typing', async ({ signIn }) => {
  const form = await signIn();
  await form.choose('Client Credentials');
  const secret = form.field(form.authentication, 'Client Secret');
  await secret.fill('aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee');
  await expect(secret).toHaveAccessibleDescription(/looks like the secret's ID/);
  await expect(form.authentication.getByRole('strong').filter({ hasText: "looks like the secret's ID" })).toBeVisible();
  await secret.fill('a-value-of-a-secret');
  await expect(secret).not.toHaveAccessibleDescription(/looks like/);
});

test('password managers are asked to leave the controls alone, and to suggest no password for Client ID', async ({ signIn }) => {
  const form = await signIn();
  const expected = [
    [form.basic, 'Username', 'off'],
    [form.basic, 'Password', 'new-password'],
    [form.authentication, 'Client ID', 'off'],
    [form.authentication, 'Client Secret', 'new-password'],
  ] as const;
  for (const [group, label, autocomplete] of expected) {
    const control = form.field(group, label);
    await expect(control).toHaveAttribute('autocomplete', autocomplete);
    for (const mark of ['data-1p-ignore', 'data-lpignore', 'data-bwignore']) await expect(control).toHaveAttribute(mark, 'true');
  }
});
