// Authentication by a reverse proxy's headers, with the nginx configuration of docs/sign-in.md: roles,
// protection against spoofed headers, and all functions at the proxy's address.

import type { BrowserContext, Page } from '@playwright/test';
import { configure, obtain } from '../support/consent.ts';
import { Form } from '../support/form.ts';
import { SteppedSmtpServer } from '../support/stepped-smtp-server.ts';
import { Nginx, PASSWORD, type User } from '../support/nginx.ts';
import { expect, test as base } from '../support/test.ts';

const ADA = { name: 'Ada Okafor', email: 'ada@example.com' };
/** Headers of a client that impersonates Ada. */
const SPOOFED = { 'X-PPM-User': 'ada', 'X-PPM-Roles': 'ppm-administrator', 'X-PPM-Name': ADA.name, 'X-PPM-Email': ADA.email };

const test = base.extend<{ directives: string; nginx: Nginx; as: (user: User, extraHTTPHeaders?: Record<string, string>) => Promise<Page> }>({
  /** Additional nginx directives. */
  directives: ['', { option: true }],

  nginx: async ({ product, directives }, use) => {
    const nginx = await Nginx.before(product.url, directives);
    await use(nginx);
    await nginx.stop();
  },

  flags: async ({ nginx }, use) => use(nginx.flags),

  /** Opens a page in a user's own browser context, with their HTTP credentials. */
  as: async ({ nginx, baseURL: _, browser, consoleErrors }, use) => {
    const contexts: BrowserContext[] = [];
    await use(async (username, extraHTTPHeaders = {}) => {
      const httpCredentials = { username, password: PASSWORD };
      const context = await browser.newContext({ baseURL: nginx.url, httpCredentials, extraHTTPHeaders });
      consoleErrors.watch(context);
      contexts.push(context);
      return context.newPage();
    });
    await Promise.all(contexts.map((context) => context.close()));
  },
});

test.skip(Boolean(process.env.PPM_EMAIL_TEST_WITHOUT_NGINX), 'nginx is not installed');

test('an administrator saves, and the audit trail names them', async ({ as, product, axe }) => {
  const page = await as('ada');
  await page.goto('/');
  await expect(page).toHaveURL(/\/settings\/email$/);
  await expect(page.getByText(`${ADA.name} · ${ADA.email}`, { exact: true })).toBeVisible();
  const form = new Form(page);
  await form.saveBasic(product.mail);
  await page.reload();
  await expect(form.field(form.basic, 'SMTP Server')).toHaveValue('localhost');

  await page.getByRole('link', { name: 'Audit trail', exact: true }).click();
  const row = page.getByRole('row').filter({ hasText: 'Saved the Email settings' });
  await expect(row).toContainText(`${ADA.name} ${ADA.email}`);
  await axe(page);
});

test('a reader cannot change the settings', async ({ as }) => {
  const page = await as('rita');
  await page.goto('/settings/email');
  await expect(page.getByText('Rita Levi · rita@example.com', { exact: true })).toBeVisible();
  await expect(page.getByRole('note')).toHaveText('You can view these settings, but only an administrator can change them.');
  await expect(page.getByRole('combobox')).toHaveCount(0);
  const asked = await page.request.post('/api/email/send-test', { data: {}, headers: { 'sec-fetch-site': 'same-origin' } });
  expect(asked.status()).toBe(403);
});

test('a user without a role is refused with an explanation', async ({ as, consoleErrors, axe }) => {
  consoleErrors.expectStatus(403, /\/settings\/email$/);
  const page = await as('sam');
  const answer = await page.goto('/settings/email');
  expect(answer?.status()).toBe(403);
  await expect(page.getByRole('main')).toContainText('You are signed in, but your account has no role here.');
  await axe(page);
});

test('nginx refuses a request without a password', async ({ nginx, request }) => {
  const answer = await request.get(`${nginx.url}/settings/email`, { headers: SPOOFED });
  expect(answer.status()).toBe(401);
  expect(answer.headers()['www-authenticate']).toBe('Basic realm="PPM Administrator"');
});

test('nginx replaces identity headers sent by a browser', async ({ as, consoleErrors }) => {
  consoleErrors.expectStatus(403, /\/settings\/email$/);
  const rita = await as('rita', SPOOFED);
  await rita.goto('/settings/email');
  await expect(rita.getByText('Rita Levi · rita@example.com', { exact: true })).toBeVisible();
  await expect(rita.getByRole('combobox')).toHaveCount(0);

  const sam = await as('sam', SPOOFED);
  const answer = await sam.goto('/settings/email');
  expect(answer?.status(), 'nginx replaces a header by an empty one too').toBe(403);
});

test('identity headers from an untrusted address are ignored and audited', async ({ nginx, product, browser, consoleErrors, page, signIn }) => {
  // Without the public URL, because the browser connects to the product directly.
  const flags = nginx.flags.toSpliced(nginx.flags.indexOf('--public-url'), 2);
  await product.restartWith(flags.map((flag) => (flag === '127.0.0.1' ? '192.0.2.1' : flag)));
  const context = await browser.newContext({ baseURL: product.url, extraHTTPHeaders: SPOOFED });
  consoleErrors.watch(context);
  const spoofing = await context.newPage();
  await spoofing.goto('/settings/email');
  await expect(spoofing).toHaveURL(/\/sign-in\b/);
  const call = await spoofing.request.post('/api/email/save', { data: {}, headers: { 'sec-fetch-site': 'same-origin' } });
  expect(call.status()).toBe(401);
  await context.close();

  await signIn();
  // The row is written asynchronously.
  await expect(async () => {
    await page.goto('/audit');
    await expect(page.getByRole('row').filter({ hasText: 'proxy-header-spoofed' })).toHaveText(/Unknown.*Was refused/, { timeout: 1_000 });
  }).toPass();
});

test('a test message goes to the address in the proxy header', async ({ as, product, inbox }) => {
  const page = await as('ada');
  await page.goto('/settings/email');
  const form = new Form(page);
  await form.saveBasic(product.mail);
  await form.deliverTest();
  await inbox.waitFor({ to: ADA.email });
});

test('without an email header, Send Test Email is disabled with the reason', async ({ nginx, as, product, axe }) => {
  const at = nginx.flags.indexOf('--proxy-email-header');
  await product.restartWith(nginx.flags.toSpliced(at, 2));
  const page = await as('ada');
  await page.goto('/settings/email');
  await expect(page.getByText(ADA.name, { exact: true })).toBeVisible();
  const form = new Form(page);
  await form.saveBasic(product.mail);
  await expect(form.sendTest).toBeDisabled();
  await expect(form.sendTest).toHaveAccessibleDescription('A test message goes only to your own email address, and your account has no verified one. Ask the administrator of your accounts to add one.');
  await axe(page);

  await page.goto('/audit');
  const row = page.getByRole('row').filter({ hasText: 'Saved the Email settings' });
  await expect(row, 'the user is recorded without an address').toContainText(`${ADA.name} proxy ada`);
});

test('a consent returns to the proxy’s address', async ({ nginx, as, product, provider, inbox }) => {
  const page = await as('ada');
  await page.goto('/settings/email');
  const form = new Form(page);
  const changes = { 'Redirect URI': `${nginx.url}/oauth/callback` };
  await configure(form, product, 'Authorization Code with PKCE', provider.address.clients.pkce, changes);
  await obtain(form, provider);
  await form.deliverTest();
  await inbox.waitFor({ to: ADA.email });
});

/** nginx configurations: whether they close event streams, and whether the page has to poll. */
const STREAM_CASES = [
  { name: 'with its defaults', directives: '', cuts: false, polls: false },
  { name: 'that closes idle streams after a second', directives: 'proxy_read_timeout 1s;', cuts: true, polls: false },
  { name: 'that buffers streams', directives: 'proxy_ignore_headers X-Accel-Buffering;', cuts: false, polls: true },
];

for (const { name, directives, cuts, polls } of STREAM_CASES) {
  test.describe(`an nginx ${name}`, () => {
    test.use({ directives });

    test('still shows the steps of a message live', async ({ nginx, as, product }) => {
      const slow = await SteppedSmtpServer.start();
      await product.restartWith([...nginx.flags, '--smtp-reply-seconds', '30']);
      const page = await as('ada');
      const requests: string[] = [];
      page.on('request', (request) => requests.push(new URL(request.url()).pathname));
      const count = (path: string) => requests.filter((requested) => requested === path).length;
      if (!polls) await page.route('**/api/email/run', (route) => route.abort('aborted'));
      await page.goto('/settings/email');
      const form = new Form(page);
      await form.fill(form.basic, slow.settings);
      await form.saved();
      await form.sendTest.click();
      const steps = page.getByRole('list', { name: 'Steps of the test message', exact: true });
      const row = (step: string) => steps.getByRole('listitem').filter({ has: page.getByText(step, { exact: true }) });
      await expect(row('Greeting')).toContainText('running');
      const streams = count('/api/email/events');
      if (cuts) await expect.poll(() => count('/api/email/events')).toBeGreaterThan(streams);
      if (polls) await expect.poll(() => count('/api/email/run')).toBeGreaterThan(0);
      slow.answer(2);
      await expect(row('Greeting')).toContainText('done');
      slow.goOn();
      await expect(form.outcome(/accepted the message/)).toBeVisible();
      await slow.stop();
    });
  });
}
