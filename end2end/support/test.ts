// Fixtures for every spec. `test` has one product per worker, a database with one administrator and no
// settings, and a page on which browser errors fail the test.

import { AxeBuilder } from '@axe-core/playwright';
import { test as base, expect, type Page } from '@playwright/test';
import { ConsoleErrors } from './console-errors.ts';
import { Form } from './form.ts';
import type { Inbox } from './inbox.ts';
import { ADA, GRACE, Product } from './product.ts';
import type { Provider } from './provider.ts';
import { startScripted } from './scripted.ts';

interface OfTest {
  /** Additional flags of the product. */
  flags: string[];
  /** Whether a test saves and sends nothing. Such tests share one start of the product. */
  changesNothing: boolean;
  /** The browser errors; a test declares the expected ones. */
  consoleErrors: ConsoleErrors;
  /** The inbox of the practice mail server. */
  inbox: Inbox;
  /** The practice provider, which issues tokens for the practice mail server. */
  provider: Provider;
  /** Signs in as Ada, or as another user with her password, and opens the tab (default: on `page`). */
  signIn: (page?: Page, email?: string) => Promise<Form>;
  /** Starts a mail server with these replies, which stops after the test. */
  scripted: typeof startScripted;
  /** Expects no accessibility violations on `page` (default: the test's own), in light and dark mode. */
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

  consoleErrors: [
    async ({ context }, use) => {
      const consoleErrors = new ConsoleErrors();
      consoleErrors.watch(context);
      await use(consoleErrors);
      expect(consoleErrors.all(), 'unexpected browser errors').toEqual([]);
    },
    { auto: true },
  ],

  inbox: async ({ product }, use) => use(product.inbox),

  provider: async ({ product }, use) => use(product.provider),

  // Posts the form directly, to save loading a page. frame.spec.ts tests the sign-in page itself.
  signIn: async ({ page: own }, use) => {
    await use(async (page = own, email = ADA.email) => {
      const form = { email, password: ADA.password };
      const answer = await page.request.post('/sign-in', { form, headers: { 'sec-fetch-site': 'same-origin' }, maxRedirects: 0 });
      expect(answer.headers(), 'signed in').toMatchObject({ location: '/settings/email' });
      await page.goto('/settings/email');
      return new Form(page);
    });
  },

  scripted: async ({}, use) => {
    const stops: (() => Promise<void>)[] = [];
    await use(async (...args) => {
      const server = await startScripted(...args);
      stops.push(server.stop);
      return server;
    });
    await Promise.all(stops.map((stop) => stop()));
  },

  axe: async ({ page: own }, use) => {
    await use(async (page = own) => {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        // By default axe runs its rules for WCAG and best practices, except for those of WCAG 2.2.
        const axe = new AxeBuilder({ page }).options({ rules: { 'target-size': { enabled: true } } });
        // Dark mode differs in colours only.
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
