// The example of a host in Rust: its own sign-in, the tab on a page of its own, and its mail through
// what is saved there.

import type { Page } from '@playwright/test';
import { basic, Form } from '../support/form.ts';
import { binary, Program, siteRoot } from '../support/program.ts';
import { expect, test } from '../support/test.ts';

let planner: Program;

test.beforeEach(async ({ product, inbox }, info) => {
  await inbox.clear();
  const database = `sqlite://${info.outputPath('planner.db')}`;
  const args = ['--listen', '127.0.0.1:0', '--database', database, '--extra-ca', product.mail.ca, '--egress-allow', '127.0.0.0/8'];
  planner = await Program.start(binary('planner'), [...args, '--site-root', siteRoot()], process.env);
});

test.afterEach(() => planner.stop());

/** Signs in to the host; everybody's password is their name. */
async function signIn(page: Page, name: string): Promise<void> {
  await page.goto(`${planner.url}/sign-in`);
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Password', { exact: true }).fill(name);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Plans' })).toBeVisible();
}

async function openMail(page: Page): Promise<Form> {
  await page.getByRole('link', { name: 'Mail', exact: true }).click();
  return new Form(page);
}

test('what an administrator of the host saves is what the host sends with', async ({ page, product, inbox, axe }) => {
  await signIn(page, 'grace');
  const form = await openMail(page);
  await form.fill(form.basic, basic(product.mail));
  await form.saved();
  await axe();
  await form.sendTest.click();
  await expect(form.outcome(/accepted/)).toBeVisible();

  await page.getByRole('link', { name: 'Plans', exact: true }).click();
  await page.getByRole('button', { name: "Send me the week's report" }).click();
  await expect(page.getByRole('status')).toHaveText('The report is on its way to grace@practice.example.');
  await inbox.waitFor({ to: 'grace@practice.example', subject: "The week's report" });
});

test('a report that cannot be sent says at which step and why', async ({ page, product }) => {
  await signIn(page, 'grace');
  const form = await openMail(page);
  await form.fill(form.basic, { ...basic(product.mail), Password: 'wrong' });
  await form.saved();
  await page.getByRole('link', { name: 'Plans', exact: true }).click();
  await page.getByRole('button', { name: "Send me the week's report" }).click();
  await expect(page.getByRole('status')).toContainText('The report was not sent: it ended at Sign-in:');
});

test('a session of the host that ends in the middle of an edit loses nothing', async ({ page, context, product, complaints }) => {
  await signIn(page, 'grace');
  const form = await openMail(page);
  await form.fill(form.basic, basic(product.mail));
  await context.clearCookies();
  complaints.expectStatus(401, /api\/email\/save/);
  await form.save.click();
  await expect(page.getByRole('alert')).toContainText('Your session has ended. What you typed is still here');

  const other = await context.newPage();
  await signIn(other, 'grace');
  await other.close();
  await form.saved();
  await page.reload();
  await expect(form.field(form.basic, 'SMTP Server')).toHaveValue('localhost');
});

test('a reader of the host looks and changes nothing', async ({ page }) => {
  await signIn(page, 'rita');
  const form = await openMail(page);
  await expect(page.getByRole('note')).toHaveText('You can look at these settings. Only an administrator changes them.');
  await expect(form.save).toHaveCount(0);
});

test('whoever has no role is told so on the page with the tab and nowhere else', async ({ page }) => {
  await signIn(page, 'tom');
  await openMail(page);
  await expect(page.getByRole('alert')).toContainText('Your account may not do this. An administrator may.');
});
