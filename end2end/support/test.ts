// Why: what every spec imports. `test` comes with a product of the worker's own, a database that
// is fresh for each test, and a page that reports whatever the browser complained of.

import { AxeBuilder } from '@axe-core/playwright';
import { test as base, expect, type Page } from '@playwright/test';
import { Complaints } from './complaints.ts';
import type { Inbox } from './inbox.ts';
import { ADA, GRACE, Product } from './product.ts';
import type { Provider } from './provider.ts';

interface OfTest {
  /** Whether a test starts with one administrator and no settings; off for tests that change nothing. */
  freshDatabase: boolean;
  /** What the browser complained of; tells it what to expect. */
  complaints: Complaints;
  /** What arrived at the practice mail server. */
  inbox: Inbox;
  /** Where tokens for the practice mail server come from. */
  provider: Provider;
  /** Signs Ada, or whoever has this address and her password, in on `page` (the test's own by default). */
  signIn: (page?: Page, email?: string) => Promise<void>;
  /** Expects no accessibility violation on `page` (the test's own by default), in light and in dark. */
  axe: (page?: Page) => Promise<void>;
}

interface OfWorker {
  product: Product;
}

export const test = base.extend<OfTest, OfWorker>({
  product: [
    async ({}, use) => {
      const product = await Product.start();
      await use(product);
      await product.stop();
    },
    { scope: 'worker', timeout: 60_000 },
  ],

  freshDatabase: [true, { option: true }],

  baseURL: async ({ product, freshDatabase }, use) => {
    if (freshDatabase) await product.reset();
    await use(product.url);
  },

  complaints: [
    async ({ context }, use) => {
      const complaints = new Complaints();
      complaints.watch(context);
      await use(complaints);
      expect(complaints.all(), 'the browser complains of nothing unexpected').toEqual([]);
    },
    { auto: true },
  ],

  inbox: async ({ product }, use) => use(product.inbox),

  provider: async ({ product }, use) => use(product.provider),

  signIn: async ({ page: own }, use) => {
    await use(async (page = own, email = ADA.email) => {
      await page.goto('/sign-in');
      await page.getByLabel('Email', { exact: true }).fill(email);
      await page.getByLabel('Password', { exact: true }).fill(ADA.password);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.waitForURL('**/settings/email');
    });
  },

  axe: async ({ page: own }, use) => {
    await use(async (page = own) => {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        const { violations } = await new AxeBuilder({ page }).analyze();
        const found = violations.flatMap(({ id, help, nodes }) =>
          nodes.map(({ target, failureSummary }) => `${id}: ${help}\n  at ${target.join(' ')}\n  ${failureSummary}`),
        );
        expect(found, `accessibility in ${colorScheme}`).toEqual([]);
      }
      await page.emulateMedia({ colorScheme: null });
    });
  },
});

export { ADA, GRACE, expect };
export type { Message } from './inbox.ts';
export type { MailServer, Person } from './product.ts';
export type { Client, Counts } from './provider.ts';
