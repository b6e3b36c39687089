// The tab in JavaScript hosts on another site with a strict Content-Security-Policy: as a custom
// element in plain HTML and in React, and in an iframe.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Locator, Page } from '@playwright/test';
import type { PpmEmailSettings } from '../../embed/embed.d.ts';
import { configure, obtain } from '../support/consent.ts';
import { expect, test } from '../support/embedded.ts';
import { basic, Form } from '../support/form.ts';
import type { Shell } from '../support/shell.ts';

// Third-party cookies are blocked, as in future browsers.
test.use({ launchOptions: async ({ launchOptions }, use) => use({ ...launchOptions, args: [...(launchOptions.args ?? []), '--test-third-party-cookie-phaseout'] }) });

/** Host styles that try to reach into the custom element. */
const HOSTILE = `
  html, body, ppm-email-settings {
    font: italic 40px/3 cursive !important; color: red !important; letter-spacing: 1em !important; cursor: wait;
    text-transform: uppercase !important; direction: rtl !important; text-align: center !important; word-spacing: 2em;
  }
  * { box-sizing: content-box !important; margin: 9px !important }
  select, input, button, fieldset { display: none !important; border: 9px solid red !important }`;

/** Returns all computed style properties of an element. */
async function computedStyle(locator: Locator): Promise<Record<string, string>> {
  return locator.evaluate((element) => {
    const style = getComputedStyle(element);
    return Object.fromEntries([...style].filter((name) => !name.startsWith('--')).map((name) => [name, style.getPropertyValue(name)]));
  });
}

/** Opens a host and returns the tab in it. */
async function open(page: Page, shell: Shell, host: string): Promise<Form> {
  await page.goto(`${shell.url}/${host}/`);
  return new Form(page, host === 'iframe' ? page.frameLocator('iframe') : page);
}

for (const host of ['plain', 'react', 'iframe']) {
  test(`a message is delivered from the empty form in the ${host} host`, async ({ page, shell, product, provider, inbox, axe }) => {
    const form = await open(page, shell, host);
    await expect(form.flow).toBeEnabled();
    const redirect = { 'Redirect URI': `${shell.product}/oauth/callback` };
    await configure(form, product, 'Authorization Code with PKCE', provider.address.clients.pkce, redirect);
    await obtain(form, provider);
    await form.deliverTest();
    await inbox.waitFor({ to: 'grace@practice.example' });
    await axe();
  });
}

test('a host receives events for unsaved changes and for a save', async ({ page, shell, product }) => {
  const form = await open(page, shell, 'plain');
  const state = page.locator('#state');
  await form.fill(form.basic, basic(product.mail));
  await expect(state).toHaveText('Unsaved');
  await form.saved();
  await expect(state).toHaveText('Saved as revision 1');
});

test('a host receives an event with the token status', async ({ page, shell, product, provider }) => {
  const form = await open(page, shell, 'plain');
  await expect(form.flow).toBeEnabled();
  const told = page.locator('ppm-email-settings').evaluate(
    (element: PpmEmailSettings) => new Promise((resolve) => element.addEventListener('ppm-token-change', ({ detail }) => resolve(detail.status))),
  );
  await configure(form, product, 'Client Credentials', provider.address.clients.credentials);
  await form.getToken.click();
  expect(await told).toBe('valid');
});

test('if the host token expires during an edit, the save works with a new token', async ({ page, shell, host, product, consoleErrors }) => {
  const form = await open(page, shell, 'plain');
  await form.fill(form.basic, basic(product.mail));
  host.expireTokens(true);
  consoleErrors.expectStatus(401, /bearer\/api\/email/);
  await form.save.click();
  await expect(page.getByRole('alert').filter({ hasText: 'Nothing was saved.' })).toContainText('Your changes are still here');
  host.expireTokens(false);
  await form.saved();
});

test('a refused request is repeated with a new token without an error', async ({ page, shell, host, product, consoleErrors }) => {
  const form = await open(page, shell, 'plain');
  await form.fill(form.basic, basic(product.mail));
  host.expireTokens(true);
  const expired = host.token();
  host.expireTokens(false);
  const withExpired = (headers: Record<string, string>) => ({ ...headers, authorization: `Bearer ${expired}` });
  await page.route('**/bearer/api/email/save', (route) => route.continue({ headers: withExpired(route.request().headers()) }), { times: 1 });
  consoleErrors.expectStatus(401, /bearer\/api\/email\/save/);
  await form.saved();
});

test.describe(() => {
  test.use({ changesNothing: true });

  test('confirmLeave asks only while there are unsaved changes', async ({ page, shell, product }) => {
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

  test('an element that fails to load shows an error and can be retried', async ({ page, shell, consoleErrors }) => {
    consoleErrors.expectStatus(503, /\.wasm$/);
    await page.route('**/*.wasm', (route) => route.fulfill({ status: 503 }), { times: 1 });
    const form = await open(page, shell, 'plain');
    await expect(page.getByRole('alert')).toContainText('The email settings could not be loaded.');
    await page.getByRole('button', { name: 'Try again', exact: true }).click();
    await expect(form.flow).toBeEnabled();
  });

  test('the theme attribute selects light or dark', async ({ page, shell }) => {
    const form = await open(page, shell, 'plain');
    await expect(form.flow).toBeEnabled();
    const surface = () => form.basic.evaluate((group) => getComputedStyle(group).backgroundColor);
    const light = await surface();
    await page.locator('ppm-email-settings').evaluate((element) => element.setAttribute('theme', 'dark'));
    expect(await surface()).not.toBe(light);
  });

  test('an element that is removed and reinserted keeps unsaved input', async ({ page, shell, product }) => {
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

  test("the host's styles do not reach the element", async ({ page, shell }) => {
    const form = await open(page, shell, 'plain');
    await expect(form.flow).toBeEnabled();
    const before = await computedStyle(form.flow);
    await page.evaluate((css) => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
      document.adoptedStyleSheets.push(sheet);
    }, HOSTILE);
    expect(await computedStyle(form.flow)).toEqual(before);
    await expect(form.flow).toBeVisible();
  });

  test("the element's styles do not reach the host's page", async ({ page, shell, consoleErrors }) => {
    consoleErrors.expectFailure(/embed\.js/);
    await page.route('**/embed.js', (route) => route.abort());
    const heading = page.getByRole('heading', { level: 1 });
    await page.goto(`${shell.url}/plain/`);
    const alone = await computedStyle(heading);
    await page.unroute('**/embed.js');
    const form = await open(page, shell, 'plain');
    await expect(form.flow).toBeEnabled();
    expect(await computedStyle(heading)).toEqual(alone);
  });

  test('the token request is repeated until a late host script answers', async ({ page, shell }) => {
    const framed = page.waitForResponse('**/embed/frame.js');
    await page.route('**/iframe/host.js', async (route) => {
      await (await framed).finished();
      await page.frameLocator('iframe').getByText('Loading…', { exact: true }).waitFor();
      await route.continue();
    });
    const form = await open(page, shell, 'iframe');
    await expect(form.flow).toBeEnabled();
  });

  test('a host with an iframe can ask before leaving with unsaved changes', async ({ page, shell, product }) => {
    const form = await open(page, shell, 'iframe');
    await form.fill(form.basic, basic(product.mail));
    await expect(page.locator('#state')).toHaveText('Unsaved');
    // By keyboard: right after scrolling, Chromium may dispatch a click on the page to the iframe.
    const leave = page.getByRole('button', { name: 'Elsewhere', exact: true });
    const asked = page.waitForEvent('dialog');
    const pressed = leave.press('Enter');
    await (await asked).dismiss();
    await pressed;
    await expect(page).toHaveURL(/iframe/);
    page.once('dialog', (dialog) => void dialog.accept());
    await leave.press('Enter');
    await expect(page).toHaveURL(/plain/);
  });

  test('a page of an origin that is not allowed cannot frame the tab', async ({ page, shell, consoleErrors }) => {
    consoleErrors.expectFailure(/embed\/frame/);
    consoleErrors.expectConsole(/frame-ancestors/);
    await page.goto(`${shell.url.replace('a.localhost', 'c.localhost')}/iframe/`);
    await expect(page.frameLocator('iframe').getByLabel('OAuth Flow', { exact: true })).toHaveCount(0);
  });
});

test('a host receives an error event with its code', async ({ page, shell, product, host, consoleErrors }) => {
  const form = await open(page, shell, 'plain');
  await form.fill(form.basic, basic(product.mail));
  const told = page.locator('ppm-email-settings').evaluate(
    (element: PpmEmailSettings) => new Promise((resolve) => element.addEventListener('ppm-error', ({ detail }) => resolve(detail.code))),
  );
  host.expireTokens(true);
  consoleErrors.expectStatus(401, /bearer\/api\/email/);
  await form.save.click();
  expect(await told).toBe('host-token-expired');
});

for (const refused of ['expired', 'malformed'] as const) {
  test(`in an element whose token is ${refused}, the message names the host and not this server's sign-in page`, async ({ page, shell, product, host, consoleErrors }) => {
    consoleErrors.expectStatus(401, /bearer\/api\/email/);
    const form = await open(page, shell, 'plain');
    await form.fill(form.basic, basic(product.mail));
    if (refused === 'expired') host.expireTokens(true);
    else await page.route('**/bearer/api/email/save', (route) => route.continue({ headers: { ...route.request().headers(), authorization: 'Bearer x' } }));
    await form.save.click();
    const notice = page.getByRole('alert').filter({ hasText: 'Nothing was saved.' });
    await expect(notice).toContainText('Your changes are still here: sign in again to the product you came from, in a new tab, then try again.');
    await expect(notice.getByRole('link')).toHaveCount(0);
  });
}

/** Opens the plain host with its element replaced by other markup before any script runs. */
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

// A host without a Content-Security-Policy that would stop the token from being sent to another server.
test.describe('on a page without a policy', () => {
  test.use({ bypassCSP: true });

  for (const [how, written] of [
    ['in full', (site: string) => site],
    ['without a scheme', (site: string) => site.replace('http:', '')],
    ["behind the product's name", (site: string, product: string) => `${product}@${new URL(site).host}`],
    ['with a path', (site: string, product: string) => `${site}/${product}`],
  ] as const) {
    test(`an injected element whose base names an attacker's server ${how} sends it nothing`, async ({ page, shell, consoleErrors }) => {
      const heard: string[] = [];
      const attacker = createServer((request, response) => {
        heard.push(`${request.method} ${request.url} ${request.headers.authorization}`);
        response.writeHead(204, { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*' }).end();
      }).listen(0, '127.0.0.1');
      await once(attacker, 'listening');
      const site = `http://c.localhost:${(attacker.address() as AddressInfo).port}`;
      const base = written(site, shell.product);
      consoleErrors.expectConsole(/attribute base names http:\/\/c\.localhost:\d+, but embed\.js came from http:\/\/b\.localhost/);
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

  test('the property base, set by script, may name another origin and overrides the attribute', async ({ page, shell, consoleErrors }) => {
    consoleErrors.expectConsole(/attribute base names http:\/\/d\.localhost/);
    const form = await openWith(page, shell, '<ppm-email-settings base="http://d.localhost">');
    await expect(page.getByRole('alert')).toContainText('this page names a server that they do not belong to');
    const other = shell.product.replace('b.localhost', 'c.localhost');
    const called = page.waitForRequest(`${other}/bearer/api/email/load`);
    await page.locator('ppm-email-settings').evaluate((element: PpmEmailSettings, base) => (element.base = base), other);
    expect(await (await called).headerValue('authorization')).toMatch(/^Bearer /);
    await expect(form.flow).toBeEnabled();
  });
});

test('an element that is moved keeps unsaved input', async ({ page, shell, product }) => {
  const form = await open(page, shell, 'plain');
  await form.fill(form.basic, basic(product.mail));
  await page.evaluate(() => document.body.prepend(document.querySelector('ppm-email-settings')!));
  await expect(form.field(form.basic, 'SMTP Server')).toHaveValue('localhost');
  await form.saved();
});

test('the iframe adapts to its content height, and its host receives dirty messages', async ({ page, shell, product }) => {
  const form = await open(page, shell, 'iframe');
  await expect(form.flow).toBeEnabled();
  const overflow = () => page.frameLocator('iframe').locator('html').evaluate((html) => html.scrollHeight - html.clientHeight);
  await expect.poll(overflow).toBe(0);
  await form.fill(form.basic, basic(product.mail));
  await expect(page.locator('#state')).toHaveText('Unsaved');
  await form.saved();
  await expect(page.locator('#state')).toHaveText('Saved');
});

test('the parts that a page can style are there', async ({ page, shell }) => {
  const form = await open(page, shell, 'plain');
  await expect(form.flow).toBeEnabled();
  await form.field(form.basic, 'Port').fill('x');
  const parts = await page
    .locator('ppm-email-settings')
    .evaluate((element) => [...element.shadowRoot!.querySelectorAll('[part]')].flatMap((found) => [...found.part]));
  for (const part of ['strip', 'group', 'legend', 'field', 'label', 'tag', 'help', 'error', 'input', 'button', 'primary', 'dialog', 'save-bar']) {
    expect.soft(parts).toContain(part);
  }
});

test('a page sets the gaps and the corners of the controls', async ({ page, shell }) => {
  const form = await open(page, shell, 'plain');
  const server = form.field(form.basic, 'SMTP Server');
  await page.locator('ppm-email-settings').evaluate((element: PpmEmailSettings) => {
    element.style.setProperty('--ppm-space', '10px');
    element.style.setProperty('--ppm-control-radius', '1px');
  });
  await expect(server).toHaveCSS('border-top-left-radius', '1px');
  await expect(form.basic).toHaveCSS('margin-bottom', '30px');
});
