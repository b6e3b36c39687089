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

test('a reader sees the settings as text, and no control', async ({ signIn, product, asRita, axe }) => {
  const ada = await signIn();
  await ada.saveBasic(product.mail);
  const rita = await asRita();
  await expect(rita.page.getByRole('note')).toHaveText('You can view these settings, but only an administrator can change them.');
  await expect(rita.value(rita.basic, 'SMTP Server')).toHaveText('localhost');
  await expect(rita.value(rita.basic, 'Password')).toHaveText('Stored');
  await expect(rita.value(rita.basic, 'Use TLS')).toHaveText('on');
  for (const role of ['textbox', 'combobox', 'checkbox'] as const) await expect(rita.page.getByRole(role)).toHaveCount(0);
  await expect(rita.page.getByRole('main').getByRole('button')).toHaveCount(0);
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
  await expect(rita.getToken).toHaveCount(0);
  await expect(rita.value(rita.authentication, 'Client ID')).toHaveText('empty');
  await rita.page.getByRole('link', { name: 'Test messages' }).click();
  await expect(rita.page.getByRole('listitem').filter({ hasText: ADA.name })).toHaveCount(1);
});

test('a reader sees how mail is sent with an OAuth flow, too', async ({ signIn, product, provider, asRita }) => {
  await configure(await signIn(), product, 'Client Credentials', provider.address.clients.credentials);
  const rita = await asRita();
  await expect(rita.page.getByText('Mail goes through', { exact: true })).toBeVisible();
  await expect(rita.page.getByText(`${product.mail.username}, by token`, { exact: true })).toBeVisible();
});
