// The tab in products that are not written in Rust, on a site of their own and under a strict policy:
// as a custom element in plain HTML and in React, and in an iframe.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Locator, Page } from '@playwright/test';
import type { PpmEmailSettings } from '../../embed/embed.d.ts';
import { configure, obtain } from '../support/consent.ts';
import { expect, test } from '../support/embedded.ts';
import { basic, Form } from '../support/form.ts';
import type { Shell } from '../support/shell.ts';

// As browsers are about to be: no cookie on another site.
test.use({ launchOptions: async ({ launchOptions }, use) => use({ ...launchOptions, args: [...(launchOptions.args ?? []), '--test-third-party-cookie-phaseout'] }) });

/** What a host may say to every element of its page, and about the one that it embeds. */
const HOSTILE = `
  html, body, ppm-email-settings {
    font: italic 40px/3 cursive !important; color: red !important; letter-spacing: 1em !important; cursor: wait;
    text-transform: uppercase !important; direction: rtl !important; text-align: center !important; word-spacing: 2em;
  }
  * { box-sizing: content-box !important; margin: 9px !important }
  select, input, button, fieldset { display: none !important; border: 9px solid red !important }`;

/** Every computed property of an element that a style sheet can reach. */
async function lookOf(locator: Locator): Promise<Record<string, string>> {
  return locator.evaluate((element) => {
    const style = getComputedStyle(element);
    return Object.fromEntries([...style].filter((name) => !name.startsWith('--')).map((name) => [name, style.getPropertyValue(name)]));
  });
}

/** Opens a host, and gives the tab in it. */
async function open(page: Page, shell: Shell, host: string): Promise<Form> {
  await page.goto(`${shell.url}/${host}/`);
  return new Form(page, host === 'iframe' ? page.frameLocator('iframe') : page);
}

for (const host of ['plain', 'react', 'iframe']) {
  test(`a host in ${host} goes from the empty form to the delivered message`, async ({ page, shell, product, provider, inbox, axe }) => {
    const form = await open(page, shell, host);
    await expect(form.flow).toBeEnabled();
    const redirect = { 'Redirect URI': `${shell.product}/oauth/callback` };
    await configure(form, product, 'Authorization Code with PKCE', provider.address.clients.pkce, redirect);
    await obtain(form, provider);
    await form.sendTest.click();
    await expect(form.outcome(/accepted the message/)).toBeVisible();
    await inbox.waitFor({ to: 'grace@practice.example' });
    await axe();
  });
}

test('a host hears what is unsaved and what is saved', async ({ page, shell, product }) => {
  const form = await open(page, shell, 'plain');
  const state = page.locator('#state');
  await form.fill(form.basic, basic(product.mail));
  await expect(state).toHaveText('Unsaved');
  await form.saved();
  await expect(state).toHaveText('Saved as revision 1');
});

test('a host hears whether there is a token', async ({ page, shell, product, provider }) => {
  const form = await open(page, shell, 'plain');
  await expect(form.flow).toBeEnabled();
  const told = page.locator('ppm-email-settings').evaluate(
    (element: PpmEmailSettings) => new Promise((resolve) => element.addEventListener('ppm-token-change', ({ detail }) => resolve(detail.status))),
  );
  await configure(form, product, 'Client Credentials', provider.address.clients.credentials);
  await form.getToken.click();
  expect(await told).toBe('valid');
});

test('a host token that expires in the middle of an edit is asked for anew, and the form is saved', async ({ page, shell, host, product, complaints }) => {
  const form = await open(page, shell, 'plain');
  await form.fill(form.basic, basic(product.mail));
  host.expireTokens(true);
  complaints.expectStatus(401, /bearer\/api\/email/);
  await form.save.click();
  await expect(page.getByRole('alert').filter({ hasText: 'Nothing was saved.' })).toContainText('Your changes are still here');
  host.expireTokens(false);
  await form.saved();
});

test('a token that is refused is asked for once more, and nobody notices', async ({ page, shell, host, product, complaints }) => {
  const form = await open(page, shell, 'plain');
  await form.fill(form.basic, basic(product.mail));
  host.expireTokens(true);
  const expired = host.token();
  host.expireTokens(false);
  const withExpired = (headers: Record<string, string>) => ({ ...headers, authorization: `Bearer ${expired}` });
  await page.route('**/bearer/api/email/save', (route) => route.continue({ headers: withExpired(route.request().headers()) }), { times: 1 });
  complaints.expectStatus(401, /bearer\/api\/email\/save/);
  await form.saved();
});

test.describe(() => {
  test.use({ changesNothing: true });

  test('whoever leaves by the host is asked where something is unsaved', async ({ page, shell, product }) => {
    const form = await open(page, shell, 'plain');
    const mayLeave = () => page.locator('ppm-email-settings').evaluate((element: PpmEmailSettings) => element.confirmLeave());
    await expect(form.flow).toBeEnabled();
    expect(await mayLeave()).toBe(true);
    await form.fill(form.basic, basic(product.mail));
    for (const agrees of [false, true]) {
      page.once('dialog', (dialog) => void (agrees ? dialog.accept() : dialog.dismiss()));
      expect(await mayLeave()).toBe(agrees);
    }
  });

  test('an element that cannot be loaded says so and can be tried again', async ({ page, shell, complaints }) => {
    complaints.expectStatus(503, /\.wasm$/);
    await page.route('**/*.wasm', (route) => route.fulfill({ status: 503 }), { times: 1 });
    const form = await open(page, shell, 'plain');
    await expect(page.getByRole('alert')).toContainText('The email settings could not be loaded.');
    await page.getByRole('button', { name: 'Try again', exact: true }).click();
    await expect(form.flow).toBeEnabled();
  });

  test('an element is as dark or light as its theme says', async ({ page, shell }) => {
    const form = await open(page, shell, 'plain');
    await expect(form.flow).toBeEnabled();
    const surface = () => form.basic.evaluate((group) => getComputedStyle(group).backgroundColor);
    const light = await surface();
    await page.locator('ppm-email-settings').evaluate((element) => element.setAttribute('theme', 'dark'));
    expect(await surface()).not.toBe(light);
  });

  test('an element that is taken out and put back keeps what was typed', async ({ page, shell, product }) => {
    const form = await open(page, shell, 'plain');
    await form.fill(form.basic, basic(product.mail));
    const element = await page.evaluateHandle(() => {
      const found = document.querySelector('ppm-email-settings')!;
      found.remove();
      return found;
    });
    await expect(form.flow).toHaveCount(0);
    await page.evaluate((found) => document.body.append(found), element);
    await expect(form.field(form.basic, 'SMTP Server')).toHaveValue('localhost');
  });

  test('several elements fetch each file once', async ({ page, shell }) => {
    const fetched: string[] = [];
    page.on('request', (request) => fetched.push(new URL(request.url()).pathname));
    await open(page, shell, 'plain');
    await page.evaluate(() => {
      const first = document.querySelector<HTMLElement & { getToken: unknown }>('ppm-email-settings')!;
      const second = first.cloneNode() as typeof first;
      second.getToken = first.getToken;
      first.after(second);
    });
    await expect(page.getByLabel('OAuth Flow', { exact: true })).toHaveCount(2);
    const files = fetched.filter((path) => path.startsWith('/pkg/') || path === '/embed.js');
    expect(files.length).toBe(new Set(files).size);
  });

  test("neither side's styles reach the other", async ({ page, shell }) => {
    const form = await open(page, shell, 'plain');
    await expect(form.flow).toBeEnabled();
    const before = await lookOf(form.flow);
    await page.evaluate((css) => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
      document.adoptedStyleSheets.push(sheet);
    }, HOSTILE);
    expect(await lookOf(form.flow)).toEqual(before);
    await expect(form.flow).toBeVisible();
  });

  test("our styles do not reach the host's own page", async ({ page, shell, complaints }) => {
    complaints.expectFailure(/embed\.js/);
    await page.route('**/embed.js', (route) => route.abort());
    const heading = page.getByRole('heading', { level: 1 });
    await page.goto(`${shell.url}/plain/`);
    const alone = await lookOf(heading);
    await page.unroute('**/embed.js');
    const form = await open(page, shell, 'plain');
    await expect(form.flow).toBeEnabled();
    expect(await lookOf(heading)).toEqual(alone);
  });

  test('a host whose script comes after the frame is there is asked again', async ({ page, shell }) => {
    const framed = page.waitForResponse('**/embed/frame.js');
    await page.route('**/iframe/host.js', async (route) => {
      await (await framed).finished();
      await page.frameLocator('iframe').getByText('Loading…', { exact: true }).waitFor();
      await route.continue();
    });
    const form = await open(page, shell, 'iframe');
    await expect(form.flow).toBeEnabled();
  });

  test('whoever leaves a host with an iframe is asked where something is unsaved', async ({ page, shell, product }) => {
    const form = await open(page, shell, 'iframe');
    await form.fill(form.basic, basic(product.mail));
    await expect(page.locator('#state')).toHaveText('Unsaved');
    // By the keyboard: right after scrolling, Chromium may take a place on the page for one in the frame.
    const elsewhere = page.getByRole('button', { name: 'Elsewhere', exact: true });
    const asked = page.waitForEvent('dialog');
    const pressed = elsewhere.press('Enter');
    await (await asked).dismiss();
    await pressed;
    await expect(page).toHaveURL(/iframe/);
    page.once('dialog', (dialog) => void dialog.accept());
    await elsewhere.press('Enter');
    await expect(page).toHaveURL(/plain/);
  });

  test('a page that is no host of the iframe cannot show it', async ({ page, shell, complaints }) => {
    complaints.expectFailure(/embed\/frame/);
    complaints.expectConsole(/frame-ancestors/);
    await page.goto(`${shell.url.replace('a.localhost', 'c.localhost')}/iframe/`);
    await expect(page.frameLocator('iframe').getByLabel('OAuth Flow', { exact: true })).toHaveCount(0);
  });
});

test('a host hears by its code why something was not done', async ({ page, shell, product, host, complaints }) => {
  const form = await open(page, shell, 'plain');
  await form.fill(form.basic, basic(product.mail));
  const told = page.locator('ppm-email-settings').evaluate(
    (element: PpmEmailSettings) => new Promise((resolve) => element.addEventListener('ppm-error', ({ detail }) => resolve(detail.code))),
  );
  host.expireTokens(true);
  complaints.expectStatus(401, /bearer\/api\/email/);
  await form.save.click();
  expect(await told).toBe('host-token-expired');
});

/** Opens the plain host with other markup in the place of its element, before any of its scripts runs. */
async function openWith(page: Page, shell: Shell, markup: string): Promise<Form> {
  await page.addInitScript((injected) => {
    const watch = new MutationObserver(() => {
      const element = document.querySelector('ppm-email-settings');
      if (!element) return;
      watch.disconnect();
      element.outerHTML = injected;
    });
    watch.observe(document, { childList: true, subtree: true });
  }, markup);
  return open(page, shell, 'plain');
}

// A host with no Content-Security-Policy that would keep the token from leaving it.
test.describe('on a page without a policy', () => {
  test.use({ bypassCSP: true });

  for (const [how, written] of [
    ['in full', (site: string) => site],
    ['without a scheme', (site: string) => site.replace('http:', '')],
    ["behind the product's name", (site: string, product: string) => `${product}@${new URL(site).host}`],
    ['with a path', (site: string, product: string) => `${site}/${product}`],
  ] as const) {
    test(`an injected element whose base names an attacker's server ${how} sends it nothing`, async ({ page, shell, complaints }) => {
      const heard: string[] = [];
      const attacker = createServer((request, response) => {
        heard.push(`${request.method} ${request.url} ${request.headers.authorization}`);
        response.writeHead(204, { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*' }).end();
      }).listen(0, '127.0.0.1');
      await once(attacker, 'listening');
      const site = `http://c.localhost:${(attacker.address() as AddressInfo).port}`;
      const base = written(site, shell.product);
      complaints.expectConsole(/attribute base names http:\/\/c\.localhost:\d+, but embed\.js came from http:\/\/b\.localhost/);
      const bundle: string[] = [];
      page.on('request', (request) => bundle.push(...(request.url().includes('/pkg/') ? [request.url()] : [])));

      await openWith(page, shell, `<ppm-email-settings base="${base}">`);

      await expect(page.getByRole('alert')).toBeVisible();
      expect(heard).toEqual([]);
      expect(bundle).toEqual([]);
      await expect(page.getByRole('alert')).toHaveText('The email settings are not shown: this page names a server that they do not belong to.');
      attacker.close();
      attacker.closeAllConnections();
      await once(attacker, 'close');
    });
  }

  test('a server of another origin is called where a script sets it as a property, whatever the attribute names', async ({ page, shell, complaints }) => {
    complaints.expectConsole(/attribute base names http:\/\/d\.localhost/);
    const form = await openWith(page, shell, '<ppm-email-settings base="http://d.localhost">');
    await expect(page.getByRole('alert')).toContainText('this page names a server that they do not belong to');
    const elsewhere = shell.product.replace('b.localhost', 'c.localhost');
    const called = page.waitForRequest(`${elsewhere}/bearer/api/email/load`);
    await page.locator('ppm-email-settings').evaluate((element: PpmEmailSettings, base) => (element.base = base), elsewhere);
    expect(await (await called).headerValue('authorization')).toMatch(/^Bearer /);
    await expect(form.flow).toBeEnabled();
  });
});

test('an element that is moved keeps what was typed', async ({ page, shell, product }) => {
  const form = await open(page, shell, 'plain');
  await form.fill(form.basic, basic(product.mail));
  await page.evaluate(() => document.body.prepend(document.querySelector('ppm-email-settings')!));
  await expect(form.field(form.basic, 'SMTP Server')).toHaveValue('localhost');
  await form.saved();
});

test('an iframe is as high as what is in it, and its host hears what is unsaved', async ({ page, shell, product }) => {
  const form = await open(page, shell, 'iframe');
  await expect(form.flow).toBeEnabled();
  const overflow = () => page.frameLocator('iframe').locator('html').evaluate((html) => html.scrollHeight - html.clientHeight);
  await expect.poll(overflow).toBe(0);
  await form.fill(form.basic, basic(product.mail));
  await expect(page.locator('#state')).toHaveText('Unsaved');
  await form.saved();
  await expect(page.locator('#state')).toHaveText('Saved');
});
