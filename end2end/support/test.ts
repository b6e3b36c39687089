// Why: what every spec imports. `test` comes with a product of the worker's own, a database with one
// administrator and no settings, and a page that reports what the browser complained of.

import { AxeBuilder } from '@axe-core/playwright';
import { test as base, expect, type Page } from '@playwright/test';
import { Complaints } from './complaints.ts';
import type { Inbox } from './inbox.ts';
import { ADA, GRACE, Product } from './product.ts';
import type { Provider } from './provider.ts';

interface OfTest {
  /** What the product is started with, beside the usual flags. */
  flags: string[];
  /** Whether a test saves nothing and sends nothing: such tests share one start of the product. */
  changesNothing: boolean;
  /** What the browser complained of; tells it what to expect. */
  complaints: Complaints;
  /** What arrived at the practice mail server. */
  inbox: Inbox;
  /** Where tokens for the practice mail server come from. */
  provider: Provider;
  /** Signs Ada in on `page` (the test's own by default), or another person with her password, and opens the tab. */
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

  flags: async ({}, use) => use([]),

  changesNothing: [false, { option: true }],

  baseURL: async ({ product, flags, changesNothing }, use) => {
    await product.prepare(flags, changesNothing);
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

  // By a request: a page less to load. What a person does on the sign-in page, frame.spec.ts does.
  signIn: async ({ page: own }, use) => {
    await use(async (page = own, email = ADA.email) => {
      const form = { email, password: ADA.password };
      const answer = await page.request.post('/sign-in', { form, headers: { 'sec-fetch-site': 'same-origin' }, maxRedirects: 0 });
      expect(answer.headers(), 'signed in').toMatchObject({ location: '/settings/email' });
      await page.goto('/settings/email');
    });
  },

  axe: async ({ page: own }, use) => {
    await use(async (page = own) => {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        const axe = new AxeBuilder({ page });
        // In the dark nothing differs but the colours.
        if (colorScheme === 'dark') axe.withRules(['color-contrast', 'link-in-text-block']);
        const { violations } = await axe.analyze();
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
