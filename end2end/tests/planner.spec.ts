// The example Leptos host: its own sign-in, the tab on one of its pages, and mail sent with the saved
// settings.

import { basic } from '../support/form.ts';
import { Planner } from '../support/planner.ts';
import { expect, test } from '../support/test.ts';

// Only the product's practice servers are used.
test.use({ changesNothing: true });

let planner: Planner;

test.beforeEach(async ({ product, inbox }, info) => {
  await inbox.clear();
  planner = await Planner.start(product, info.outputPath('planner.db'));
});

// Closes the pages first: a page that is still loading would report the stopped server as an error.
test.afterEach(async ({ context }) => {
  await context.close();
  await planner.stop();
});

test('the host sends mail with the settings saved in the tab', async ({ page, product, inbox, axe }) => {
  await planner.signIn(page, 'grace');
  const form = await planner.openMail(page);
  await form.saveBasic(product.mail);
  await axe();
  await form.sendTest.click();
  await expect(form.outcome(/accepted/)).toBeVisible();

  await page.getByRole('link', { name: 'Plans', exact: true }).click();
  await page.getByRole('button', { name: "Send me the week's report" }).click();
  await expect(page.getByRole('status')).toHaveText('The report is on its way to grace@practice.example.');
  await inbox.waitFor({ to: 'grace@practice.example', subject: "The week's report" });
});

test('the host hands reminders over to the outbox as an application, and its workers send them', async ({ page, product, inbox }) => {
  await planner.signIn(page, 'grace');
  const form = await planner.openMail(page);
  await form.saveBasic(product.mail);
  await page.getByRole('link', { name: 'Plans', exact: true }).click();
  const remind = page.getByRole('button', { name: 'Remind everyone' });
  await remind.click();
  await expect(page.getByRole('status')).toHaveText('Grace Hopper was not reminded: there is no such application');
  planner.addApplication('PPM Planner');
  await remind.click();
  await expect(page.getByRole('status')).toHaveText('3 reminders are in the outbox.');
  for (const name of ['grace', 'rita', 'tom']) {
    await inbox.waitFor({ to: `${name}@practice.example`, subject: 'The plan for next week' });
  }
});

test('a failed report shows the step and the reason', async ({ page, product }) => {
  await planner.signIn(page, 'grace');
  const form = await planner.openMail(page);
  await form.saveBasic(product.mail, { Password: 'wrong' });
  await page.getByRole('link', { name: 'Plans', exact: true }).click();
  await page.getByRole('button', { name: "Send me the week's report" }).click();
  await expect(page.getByRole('status')).toContainText('The report was not sent: it failed at Sign-in:');
});

test('a host session that ends during an edit loses no input', async ({ page, context, product, consoleErrors }) => {
  await planner.signIn(page, 'grace');
  const form = await planner.openMail(page);
  await form.fill(form.basic, basic(product.mail));
  await context.clearCookies();
  consoleErrors.expectStatus(401, /api\/email\/save/);
  await form.save.click();
  await expect(page.getByRole('alert')).toContainText('Your session has ended. Your changes are still here');

  const other = await context.newPage();
  await planner.signIn(other, 'grace');
  await other.close();
  await form.saved();
  await page.reload();
  await expect(form.field(form.basic, 'SMTP Server')).toHaveValue('localhost');
});

test('a reader of the host cannot change the settings', async ({ page }) => {
  await planner.signIn(page, 'rita');
  const form = await planner.openMail(page);
  await expect(page.getByRole('note')).toHaveText('You can view these settings, but only an administrator can change them.');
  await expect(form.save).toHaveCount(0);
});

test('a user without a role is refused on the page with the tab', async ({ page }) => {
  await planner.signIn(page, 'tom');
  await planner.openMail(page);
  await expect(page.getByRole('alert')).toContainText('Your account is not allowed to do this. Only an administrator can.');
});
