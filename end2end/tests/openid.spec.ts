// OpenID Connect sign-in: roles, the page after sign-in, refusals, and logout.

import { writeFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import { expect, test as base } from '../support/test.ts';

const NAME = 'Practice Accounts';

const test = base.extend({
  flags: async ({ provider }, use, info) => {
    const { issuer, clients } = provider.address;
    const secret = info.outputPath('client-secret');
    await writeFile(secret, `${clients.frame.secret}\n`, { mode: 0o600 });
    const client = ['--oidc-client-id', clients.frame.id, '--oidc-client-secret-file', secret];
    await use(['--oidc-issuer', issuer, ...client, '--oidc-name', NAME]);
  },
});

/** Clicks the link on the sign-in page. */
async function startSignIn(page: Page): Promise<void> {
  await page.getByRole('link', { name: `Sign in with ${NAME}`, exact: true }).click();
}

test('an administrator returns to the requested page', async ({ page, provider, axe }) => {
  const { administrator } = provider.address.people;
  await page.goto('/audit');
  await axe();
  await startSignIn(page);
  await provider.allow(page, administrator);
  await expect(page).toHaveURL(/\/audit$/);
  await expect(page.getByText(`${administrator.name} · ${administrator.email}`)).toBeVisible();
  await page.goto('/settings/email');
  await expect(page.getByLabel('SMTP Server').first()).toBeEnabled();
});

test('without local accounts, OpenID Connect is the only sign-in', async ({ page, product, flags, provider, signIn, axe }) => {
  await signIn();
  await page.goto('/preferences/time');
  await product.restartWith([...flags, '--no-local-accounts']);
  await page.goto('/audit');
  await expect(page, 'the session of a local account has ended').toHaveURL(/\/sign-in\?to=/);
  await expect(page.getByLabel('Password')).toHaveCount(0);
  await axe();
  await startSignIn(page);
  await provider.allow(page, provider.address.people.administrator);
  await expect(page).toHaveURL(/\/audit$/);
});

test('a reader sees the settings and cannot change them', async ({ page, provider }) => {
  await page.goto('/');
  await startSignIn(page);
  await provider.allow(page, provider.address.people.reader);
  const words = 'You can view these settings, but only an administrator can change them.';
  await expect(page.getByRole('note')).toHaveText(words);
  await expect(page.getByRole('textbox')).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Save', exact: true })).toHaveCount(0);
});

test('an account without a role is refused', async ({ page, provider }) => {
  await page.goto('/audit');
  await startSignIn(page);
  await provider.allow(page, provider.address.people.stranger);
  await expect(page.getByRole('alert')).toHaveText(/Your account has no role here/);
  await page.goto('/settings/email');
  await expect(page).toHaveURL(/\/sign-in$/);
});

test('a declined sign-in is reported and can be repeated', async ({ page, provider }) => {
  await page.goto('/audit');
  await startSignIn(page);
  await provider.decline(page, provider.address.people.administrator);
  await expect(page.getByRole('alert')).toHaveText(/The sign-in was declined/);
  await startSignIn(page);
  await provider.allow(page, provider.address.people.administrator);
  await expect(page).toHaveURL(/\/audit$/);
});

test('a sign-out ends the session here and at the provider', async ({ page, context, provider }) => {
  await page.goto('/');
  await startSignIn(page);
  await provider.allow(page, provider.address.people.administrator);
  await expect(page).toHaveURL(/\/settings\/email$/);
  const cookies = await context.cookies();

  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await expect(page).toHaveURL(/\/end-session/);
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await expect(page).toHaveURL(/\/sign-in$/);
  await startSignIn(page);
  await expect(page.getByLabel('Password', { exact: true })).toBeVisible();

  await context.addCookies(cookies.filter(({ name }) => name === 'ppm-email'));
  await page.goto('/settings/email');
  await expect(page, 'the session has ended on the server').toHaveURL(/\/sign-in$/);
});

test('a callback address works once', async ({ page, provider }) => {
  await page.goto('/');
  await startSignIn(page);
  const back = page.waitForRequest(/\/oidc\/callback\?/);
  await provider.allow(page, provider.address.people.administrator);
  await expect(page).toHaveURL(/\/settings\/email$/);
  await page.goto((await back).url());
  await expect(page.getByRole('alert')).toHaveText(/This sign-in has expired \(10 minutes\) or was already completed/);
});
