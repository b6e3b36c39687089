// The reader role: sees everything except secrets, and no enabled control that would be refused.

import { configure, obtain } from '../support/consent.ts';
import { Form } from '../support/form.ts';
import { ADA, type Person, expect, test as base } from '../support/test.ts';

const RITA: Person = { email: 'rita@practice.example', name: 'Rita Levi', role: 'reader' };

/** The tab of Rita, a reader, in her own browser context. */
const test = base.extend<{ asRita: () => Promise<Form> }>({
  asRita: async ({ product, browser, consoleErrors, signIn }, use) => {
    const context = await browser.newContext({ baseURL: product.url });
    consoleErrors.watch(context);
    await use(async () => {
      await product.add(RITA);
      const page = await context.newPage();
      await signIn(page, RITA.email);
      return new Form(page);
    });
    await context.close();
  },
});

test('a reader sees the settings with all controls disabled', async ({ signIn, product, asRita, axe }) => {
  const ada = await signIn();
  await ada.saveBasic(product.mail);
  const rita = await asRita();
  await expect(rita.page.getByRole('note')).toHaveText('You can view these settings, but only an administrator can change them.');
  await expect(rita.field(rita.basic, 'SMTP Server')).toHaveValue('localhost');
  await expect(rita.flow).toBeDisabled();
  for (const role of ['textbox', 'spinbutton', 'checkbox'] as const) {
    for (const control of await rita.page.getByRole(role).all()) await expect(control).toBeDisabled();
  }
  await expect(rita.save).toBeHidden();
  await expect(rita.sendTest).toBeDisabled();
  await expect(rita.page.getByRole('link', { name: 'Audit trail' })).toHaveCount(0);
  await axe(rita.page);
});

test('a reader sees the token status and the history, and cannot obtain a token', async ({ signIn, product, provider, asRita }) => {
  const ada = await signIn();
  await configure(ada, product, 'Authorization Code', provider.address.clients.code);
  await obtain(ada, provider);
  await ada.deliverTest();
  const rita = await asRita();
  await expect(rita.tokenStatus).toHaveText('Valid');
  await expect(rita.getToken).toBeDisabled();
  await expect(rita.field(rita.authentication, 'Client ID')).toHaveValue('');
  await rita.page.getByRole('link', { name: 'Test messages' }).click();
  await expect(rita.page.getByRole('listitem').filter({ hasText: ADA.name })).toHaveCount(1);
});
