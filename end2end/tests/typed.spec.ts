// "Test these settings": tests unsaved settings; a stored secret is used only for its destination.

import { basic } from '../support/form.ts';
import { ADA, expect, test } from '../support/test.ts';

const TEST = { name: 'Test these settings', exact: true } as const;

test('unsaved settings are tested and not saved', async ({ page, signIn, product, inbox, axe }) => {
  const form = await signIn();
  await expect(page.getByRole('button', TEST)).toBeHidden();
  await form.fill(form.basic, basic(product.mail));
  await page.getByRole('button', TEST).click();

  const outcome = page.getByRole('status').filter({ has: form.outcome(/accepted the message/) });
  await expect(outcome).toContainText('Tested the form as it was; nothing was saved.');
  await inbox.waitFor({ to: ADA.email });
  await expect(form.save).toBeVisible();
  await axe();
  await form.cancel.click();
  await expect(form.field(form.basic, 'SMTP Server')).toHaveValue('');
});

test('a test of saved settings says so', async ({ page, signIn, product }) => {
  const form = await signIn();
  await form.saveBasic(product.mail);
  await form.sendTest.click();
  const outcome = page.getByRole('status').filter({ has: form.outcome(/accepted the message/) });
  await expect(outcome).toContainText('Tested the saved settings.');
});

test('invalid settings are not tested, and the problem is shown', async ({ page, signIn, product, inbox }) => {
  const form = await signIn();
  await form.fill(form.basic, { ...basic(product.mail), Port: '70000' });
  await page.getByRole('button', TEST).click();
  await expect(page.getByRole('alert').getByRole('heading', { name: 'Nothing was sent. Correct one field.' })).toBeVisible();
  await expect(form.field(form.basic, 'Port')).toBeFocused();
  expect(await inbox.messages()).toEqual([]);
});

test('a stored password is used for the server that it is bound to', async ({ page, signIn, product, inbox }) => {
  const form = await signIn();
  await form.saveBasic(product.mail);
  await form.fill(form.basic, { 'Display Name': 'Another name' });
  await page.getByRole('button', TEST).click();
  await expect(form.outcome(/accepted the message/)).toBeVisible();
  expect((await inbox.waitFor({ to: ADA.email })).from).toContain('Another name');
});

test('a stored password must be entered again to test another server', async ({ page, signIn, product, inbox }) => {
  const form = await signIn();
  await form.saveBasic(product.mail);
  await form.fill(form.basic, { 'SMTP Server': '127.0.0.1' });
  await page.getByRole('button', TEST).click();
  await expect(form.field(form.basic, 'Password')).toBeFocused();
  await expect(form.field(form.basic, 'Password')).toHaveAccessibleDescription(/Enter it again/);
  expect(await inbox.messages()).toEqual([]);
});

test('the pressed button shows the progress, and the other one does not', async ({ page, signIn, product, scripted }) => {
  const server = await scripted({}, '220-The greeting has no end'); // So the test has none, either.
  const form = await signIn();
  await form.saveBasic(product.mail);
  await form.fill(form.basic, { Password: 'another', Port: String(server.port), 'Use TLS': false });
  await page.getByRole('button', TEST).click();
  await expect(page.getByRole('button', { name: 'Testing…', exact: true })).toBeFocused();
  await expect(form.sendTest).toBeVisible();
});

test('a button beside Save leads to the test of unsaved settings', async ({ page, signIn, product }) => {
  const form = await signIn();
  await form.fill(form.basic, basic(product.mail));
  await page.getByRole('region', { name: 'Unsaved changes' }).getByRole('button', { name: 'Test first ↓', exact: true }).click();
  await expect(page.getByRole('button', TEST)).toBeFocused();
});

test('an outcome from before the last save is marked, and its steps are folded', async ({ page, signIn, product }) => {
  const form = await signIn();
  await form.saveBasic(product.mail, { Password: 'wrong' });
  await form.sendTest.click();
  await expect(form.outcome(/^Sign-in failed/)).toBeInViewport();
  const steps = page.getByRole('list', { name: 'Steps of the test message' });
  await expect(steps).toBeVisible();
  expect((await form.outcome(/^Sign-in failed/).boundingBox())!.y, 'the outcome is above the steps').toBeLessThan((await steps.boundingBox())!.y);
  const mark = page.getByText('This outcome is from before your last save.', { exact: true });
  await expect(mark).toBeHidden();
  await form.fill(form.basic, { Password: product.mail.password });
  await form.saved();
  await expect(mark).toBeVisible();
  await expect(steps).toBeHidden();
});
