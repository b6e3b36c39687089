// HTML injection: text from outside or from other users is shown as text on every page, in the HTML as
// sent, after hydration, and wherever the tab is embedded. Each source sends injection payloads, and
// each page must show them literally.

import { writeFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import { blockPopUps } from '../support/consent.ts';
import { expect, test as base } from '../support/embedded.ts';
import { Form, type Values } from '../support/form.ts';
import { hostile, HostileProvider, startHostileMail, startHostileTls } from '../support/hostile.ts';
import { expectText, expectTextAsSent } from '../support/markup.ts';
import { Planner } from '../support/planner.ts';
import type { Product } from '../support/product.ts';
import { ADA } from '../support/test.ts';

const SETTINGS = '/settings/email';
const HISTORY = '/settings/email/history';
const AUDIT = '/audit';
const CA = 'Trusted CA certificate';

/** Eve, an administrator whose name and address are payloads. */
const EVE = { email: hostile('address'), name: hostile('person') };

/** Controls that accept any text while their group is disabled. */
const OF_OAUTH = ['Default Sender Email', 'Display Name', 'SMTP Server', 'Port', CA];
const OF_AUTHENTICATION = ['Client ID', 'Authorization Endpoint', 'Token Endpoint', 'Redirect URI', 'Scope'];
const TYPED = [...OF_OAUTH, ...OF_AUTHENTICATION, 'basic display name'];

const WHO = ['person', 'address'];
const SAID = ['greeting', 'ehlo', 'capability', 'mechanism', 'auth', 'mail', 'rcpt', 'data', 'accepted'];
const CONSENT = ['consent', 'consent description', 'consent page'];

/** The claims that are shown, one list per token. */
const TOKENS = [
  ['aud', 'scp', 'roles', 'upn', 'tid', 'appid', 'oid'],
  ['aud', 'scope', 'preferred_username', 'azp'],
  ['unique_name', 'client_id'],
  ['email'],
  ['sub'],
];
/** Claims that are never shown; they are payloads too. */
const NEVER_SHOWN = ['iss', 'name', 'idtyp', 'iat', 'nbf', 'exp', 'jti', 'nonce'];

/** Builds claims whose values are payloads named after the claim. */
function claims(names: readonly string[]): Record<string, string | string[]> {
  return Object.fromEntries(names.map((name) => [name, name === 'roles' ? [hostile(name)] : hostile(name)]));
}

interface Stage {
  page: Page;
  form: Form;
  product: Product;
  /** Stopped after the test. */
  provider: HostileProvider;
  mail: Awaited<ReturnType<typeof startHostileMail>>;
  tls: Awaited<ReturnType<typeof startHostileTls>>;
}

const test = base.extend<{ stage: Stage }>({
  stage: async ({ page, product, baseURL: _ }, use) => {
    const [provider, mail, tls] = await Promise.all([HostileProvider.start(), startHostileMail(), startHostileTls()]);
    await use({ page, form: new Form(page), product, provider, mail, tls });
    await Promise.all([provider.stop(), mail.stop(), tls.stop()]);
  },
});

/** Builds payloads for controls, named after their labels. */
function each(labels: readonly string[]): Values {
  return Object.fromEntries(labels.map((label) => [label, hostile(label)]));
}

/** SMTP settings for a local mail server. */
const OF_MAIL: Values = { 'Default Sender Email': 'ppm@practice.example', 'Display Name': hostile('Display Name'), 'SMTP Server': 'localhost' };

/** Saves payloads in every control that accepts them: those of disabled groups. */
async function saveHostile(form: Form, port: number): Promise<void> {
  await form.choose('Authorization Code');
  // A leading line feed must be preserved; HTML drops the first one in a textarea.
  await form.fill(form.oauth, { ...each(OF_OAUTH), [CA]: `\n${hostile(CA)}\n` });
  await form.fill(form.authentication, each(OF_AUTHENTICATION));
  await form.choose('None');
  const account = { 'Use TLS': false, Username: 'eve', Password: 'a password' };
  await form.fill(form.basic, { ...OF_MAIL, 'Display Name': hostile('basic display name'), Port: String(port), ...account });
  await form.saved();
}

/** Signs a user in, by default Eve. Posts the form directly: browsers refuse to submit her address. */
async function signIn(page: Page, email = EVE.email): Promise<void> {
  const form = { email, password: ADA.password };
  await page.request.post('/sign-in', { form, headers: { 'sec-fetch-site': 'same-origin' } });
  await page.goto(SETTINGS);
}

/** Sends a test message and waits for its outcome. */
async function send(form: Form, end: RegExp): Promise<void> {
  await form.sendTest.click();
  await expect(form.outcome(end)).toBeVisible();
}

/** Fills in complete settings for a flow of the provider. */
async function choose(form: Form, flow: 'Authorization Code' | 'Client Credentials', provider: HostileProvider, redirect: string): Promise<void> {
  await form.choose(flow);
  await form.fill(form.oauth, { ...OF_MAIL, Port: '587', [CA]: '' });
  const endpoints = { 'Token Endpoint': `${provider.address}/token`, Scope: 'mail.send' };
  const asking = { 'Authorization Endpoint': `${provider.address}/authorize`, 'Redirect URI': redirect };
  const client = { 'Client ID': 'ppm', 'Client Secret': 'a secret' };
  await form.fill(form.authentication, { ...client, ...endpoints, ...(flow === 'Authorization Code' && asking) });
}

/** Checks pages as sent by the server and as shown by the browser. */
async function visit(page: Page, shown: Record<string, readonly string[]>): Promise<void> {
  for (const [path, sources] of Object.entries(shown)) {
    await expectTextAsSent(page, await (await page.request.get(path)).text(), sources);
    await page.goto(path);
    if (path === SETTINGS) await expect(new Form(page).flow).toBeEnabled();
    await expectText(page, sources);
  }
}

/** Requests a token for each kind of refusal, and checks the shown text. */
async function checkRefusals(form: Form, provider: HostileProvider): Promise<void> {
  // Of a non-OAuth response from a local provider, only the status is shown.
  for (const [answer, said, ...sources] of [
    ['error', 'of_this_provider', 'description', 'error page'],
    ['error with a code', '400 Bad Request'],
    ['page', '404 Not Found'],
  ] as const) {
    provider.answer = answer;
    await form.getToken.click();
    await expect(form.token.getByText(said)).toBeVisible();
    await expectText(form.page, sources);
  }
}

/** Checks the main sources in a tab, wherever it is embedded. `product` is the product's URL. */
async function checkAll(form: Form, { mail, provider }: Stage, product: string): Promise<void> {
  const { page } = form;
  await saveHostile(form, mail.port);
  await send(form, /accepted the message/);
  await expectText(page, [...TYPED, ...SAID]);
  mail.refuse();
  await send(form, /refused|failed/i);
  await page.reload();
  await expect(form.outcome(/refused|failed/i)).toBeVisible();
  await expectText(page, ['refusal', ...TYPED]);

  await choose(form, 'Authorization Code', provider, `${product}/oauth/callback`);
  await form.saved();
  await form.getToken.click();
  await expectText(page, CONSENT);
  await choose(form, 'Client Credentials', provider, '');
  await form.saved();
  await checkRefusals(form, provider);
}

/** Saves as Eve in another browser context; `meanwhile` happens on the test's page before her save. */
async function saveByEve({ form, page, mail, product }: Stage, meanwhile?: () => Promise<void>): Promise<void> {
  await saveHostile(form, mail.port);
  const context = await page.context().browser()!.newContext({ baseURL: product.url });
  const eve = new Form(await context.newPage());
  await signIn(eve.page);
  await signIn(page, ADA.email);
  await meanwhile?.();
  await eve.fill(eve.basic, { 'Display Name': hostile('theirs'), Password: 'a password' });
  await eve.saved();
  await context.close();
}

interface Scene {
  name: string;
  /** Makes the sources send their payloads, and leaves the page on which they are shown. */
  play: (stage: Stage) => Promise<void>;
  /** The sources whose text that page must show. */
  expected?: readonly string[];
  /** Further pages, each with the sources whose text it must show. */
  shown: Record<string, readonly string[]>;
}

const SCENES: Scene[] = [
  {
    name: 'form values, and the name of the user who saved them',
    play: ({ form, mail }) => saveHostile(form, mail.port),
    expected: [...WHO, ...TYPED],
    shown: { [SETTINGS]: [...WHO, ...TYPED], [AUDIT]: WHO, '/preferences/time': WHO },
  },
  {
    name: 'values saved by another administrator meanwhile',
    play: async (stage) => {
      const { form, page } = stage;
      await saveByEve(stage, () => form.fill(form.basic, { 'Display Name': hostile('mine'), Password: 'a password' }));
      await expect(page.getByText('Save puts both together.').first()).toBeVisible();
      await expectText(page, ['person', 'mine']);
      await form.save.click();
      await expect(page.getByRole('heading', { name: 'saved changes at' })).toBeVisible();
    },
    expected: ['person', 'mine', 'theirs'],
    shown: {},
  },
  {
    name: 'the name of another administrator whose save is shown at once',
    play: async (stage) => {
      await saveByEve(stage);
      await expect(stage.page.getByText(/^Updated: /)).toBeVisible();
    },
    expected: ['person', 'theirs'],
    shown: {},
  },
  {
    name: 'replies of a mail server',
    play: async ({ form, mail }) => {
      await saveHostile(form, mail.port);
      await send(form, /accepted the message/);
      await expectText(form.page, SAID);
      mail.refuse();
      await send(form, /refused|failed/i);
    },
    expected: ['greeting', 'refusal'],
    shown: { [HISTORY]: [...WHO, 'refusal', ...SAID], [SETTINGS]: WHO },
  },
  {
    name: 'names in a certificate',
    play: async ({ form, tls }) => {
      await form.fill(form.basic, { ...OF_MAIL, Port: String(tls.port) });
      await form.field(form.basic, 'TLS mode').selectOption({ label: 'Implicit TLS' });
      await form.saved();
      await send(form, /certificate is self-signed/);
    },
    expected: ['certificate'],
    shown: { [HISTORY]: ['certificate'] },
  },
  {
    name: 'metadata of a provider, and a Redirect URI',
    play: async ({ form, page, provider }) => {
      await form.choose('Authorization Code');
      const issuer = form.authentication.getByLabel('Issuer or tenant address', { exact: true });
      const fill = form.authentication.getByRole('button', { name: 'Fill from discovery', exact: true });
      // A wrong issuer is not shown for a local provider.
      for (const [path, ...sources] of [['/bad', 'endpoint', 'authorization endpoint'], ['/other'], ['', 'grant']] as const) {
        await issuer.fill(provider.address + path);
        await fill.click();
        if (path === '/other') await expect(form.authentication.getByRole('heading', { name: 'Its answer is not used' })).toBeVisible();
        await expectText(page, sources);
      }
      await form.fill(form.authentication, { 'Redirect URI': hostile('redirect') });
      await form.authentication.getByRole('button', { name: 'Check this address', exact: true }).click();
      await expect(form.authentication.getByText('Taken from', { exact: true })).toBeVisible();
    },
    expected: ['grant', 'revocation', 'redirect'],
    shown: {},
  },
  {
    name: 'parameters of the authorization response',
    play: async ({ form, page, product, provider }) => {
      await choose(form, 'Authorization Code', provider, `${product.url}/oauth/callback`);
      await form.saved();
      await blockPopUps(page);
      await form.getToken.click();
      await page.waitForURL('**/oauth/result/*');
      const { pathname } = new URL(page.url());
      await visit(page, { [pathname]: CONSENT });
      await page.goto(SETTINGS);
    },
    expected: CONSENT,
    shown: { [AUDIT]: ['person'] },
  },
  {
    name: 'the account of a token',
    play: async ({ form, product, provider }) => {
      Object.assign(provider, { consents: true, answer: 'token', token: { email: hostile('other address') } });
      await choose(form, 'Authorization Code', provider, `${product.url}/oauth/callback`);
      await form.saved();
      await form.getToken.click();
      await expectText(form.page, ['granted', 'other address']);
      await form.page.reload();
      await form.token.getByRole('button', { name: 'Show token details', exact: true }).click();
    },
    expected: ['granted', 'other address'],
    shown: { [SETTINGS]: ['granted'], [AUDIT]: ['person'] },
  },
  {
    name: 'responses of a Token Endpoint',
    play: async ({ form, provider }) => {
      await choose(form, 'Client Credentials', provider, '');
      await form.saved();
      await checkRefusals(form, provider);
    },
    shown: {},
  },
  {
    name: 'claims of a token',
    play: async ({ form, page, provider }) => {
      await choose(form, 'Client Credentials', provider, '');
      await form.saved();
      provider.answer = 'token';
      const showDetails = form.token.getByRole('button', { name: 'Show token details', exact: true });
      for (const [at, names] of TOKENS.entries()) {
        provider.token = claims([...names, ...NEVER_SHOWN]);
        await form.getToken.click();
        await expect.poll(() => provider.issued).toBe(at + 1);
        await expectText(page, ['granted']);
        await expect(async () => {
          await showDetails.click();
          await expectText(page, names, 1_000);
        }).toPass({ timeout: 10_000 });
      }
    },
    shown: { [SETTINGS]: ['granted'] },
  },
];

test.describe('text is text:', () => {
  for (const { name, play, expected = [], shown } of SCENES) {
    test(name, async ({ stage, page, product }) => {
      await product.add(EVE);
      await signIn(page);
      await play(stage);
      await expectText(page, expected);
      await visit(page, shown);
    });
  }
});

for (const host of ['plain', 'react', 'iframe']) {
  test(`text is text: all sources, in the ${host} host`, async ({ stage, page, host: signer, shell }) => {
    signer.claims = { name: hostile('person') };
    await page.goto(`${shell.url}/${host}/`);
    await checkAll(new Form(page, host === 'iframe' ? page.frameLocator('iframe') : page), stage, shell.product);
  });
}

test('text is text: all sources, in the Leptos host', async ({ stage, page, product }, info) => {
  const planner = await Planner.start(product, info.outputPath('planner.db'));
  await planner.signIn(page, 'grace');
  const form = await planner.openMail(page);
  await checkAll(form, stage, planner.url);
  await visit(page, { [page.url()]: ['basic display name'] });
  await page.close();
  await planner.stop();
});

test('text is text: identity headers of a proxy', async ({ stage, page, context, product }) => {
  const headers = { 'X-PPM-User': hostile('subject'), 'X-PPM-Roles': `${hostile('role')}, ppm-administrator`, 'X-PPM-Name': EVE.name, 'X-PPM-Email': EVE.email };
  const flags = ['user', 'roles', 'name', 'email'].flatMap((what) => [`--proxy-${what}-header`, `X-PPM-${what}`]);
  await product.restartWith(['--trusted-proxy', '127.0.0.1', ...flags]);
  await context.setExtraHTTPHeaders(headers);
  await page.goto(SETTINGS);
  await saveHostile(stage.form, stage.mail.port);
  await send(stage.form, /accepted the message/);
  await visit(page, { [SETTINGS]: [...WHO, ...TYPED], [AUDIT]: WHO, [HISTORY]: [...WHO, ...SAID], '/preferences/time': WHO });
  await context.setExtraHTTPHeaders({ ...headers, 'X-PPM-Name': '', 'X-PPM-Email': '' });
  await visit(page, { [SETTINGS]: ['subject'] });
});

test('text is text: claims of an OpenID provider', async ({ stage, page, product }, info) => {
  const { provider } = stage;
  const secret = info.outputPath('client-secret');
  await writeFile(secret, 'a secret\n', { mode: 0o600 });
  const client = ['--oidc-client-id', 'ppm', '--oidc-client-secret-file', secret];
  await product.restartWith(['--oidc-issuer', provider.address, ...client, '--oidc-name', hostile('organisation')]);
  const signIn = page.getByRole('link', { name: /^Sign in with/ });

  const query = encodeURIComponent(hostile('query'));
  await page.goto(`/oidc/callback?state=${query}&error=${query}&error_description=${query}&error_uri=${query}&iss=${query}`);
  await expectText(page, ['organisation']);
  provider.claims = { name: hostile('stranger'), roles: [hostile('role')] };
  await page.goto(`/sign-in?refused=${encodeURIComponent(hostile('code'))}&to=${encodeURIComponent(`/audit?person=${hostile('way')}`)}`);
  await expectText(page, ['organisation']);
  await signIn.click();
  await expect(page.getByRole('alert')).toHaveText(/Your account has no role here/);
  const likes = claims(['locale', 'zoneinfo', 'date_format', 'hour_cycle']);
  provider.claims = { name: hostile('member'), sub: hostile('subject'), email: undefined, ...likes };
  await signIn.click();
  await page.waitForURL('**/settings/email');
  await visit(page, { [AUDIT]: ['stranger', 'member', 'subject'], [SETTINGS]: ['member'] });
});

test('text is text: input to the other pages', async ({ page, product, consoleErrors }) => {
  for (const [status, url] of [[422, /set-up/], [422, /preferences/], [404, /nowhere/], [404, /embed\/frame/], [410, /set-up/]] as const) consoleErrors.expectStatus(status, url);
  await product.restartEmpty();
  await page.goto(await product.setUpLink());
  const typed = { Name: EVE.name, Email: 'eve@practice.example', Password: ADA.password, 'Confirm password': 'another one' };
  for (const [label, value] of Object.entries(typed)) await page.getByLabel(label, { exact: true }).fill(value);
  const become = page.getByRole('button', { name: 'Create administrator' });
  await become.click();
  await expectText(page, ['person']);
  for (const label of ['Password', 'Confirm password']) await page.getByLabel(label, { exact: true }).fill(ADA.password);
  await become.click();
  await page.waitForURL('**/settings/email');

  await page.goto('/preferences/time');
  await page.getByLabel('Time zone', { exact: true }).fill(hostile('zone'));
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expectText(page, ['person', 'zone']);

  const query = encodeURIComponent(hostile('query'));
  await visit(page, {
    [AUDIT]: ['person'],
    [`${AUDIT}?person=${query}&day=${query}&before=${query}`]: ['person'],
    [`/oauth/callback?state=${query}&error=${query}&error_description=${query}&error_uri=${query}&iss=${query}&code=${query}`]: [],
    [`/oauth/result/${query}?fault=${query}`]: [],
    [`/set-up?ticket=${query}`]: [],
    [`/nowhere/${query}?${query}`]: [],
    [`/embed/frame?host=${query}`]: [],
  });
});

/** A greeting of exactly 752 octets with a form that would save the attacker's settings. */
function greetingWithForm(): string {
  const body = `{"save":{"draft":{"flow":"none","smtp":{"server":"smtp.evil.example","port":"587"}},"revision":1},"x":"`;
  const form = `<form id=canary method=post enctype=text/plain action=/api/email/save><input type=hidden name='${body}' value='"}'><button class=primary>Save all changes</button></form>`;
  const beginning = '220 x</textarea></div><dialog open><h2>Your session is about to end</h2>';
  return beginning + 'x'.repeat(752 - beginning.length - form.length) + form;
}

test('a greeting of 752 octets injects no form, and the request of such a form is refused', async ({ stage, page, signIn, consoleErrors }) => {
  const greeting = greetingWithForm();
  expect(greeting).toHaveLength(752);
  const mail = await startHostileMail(greeting.slice('220 '.length));
  const { form } = stage;
  await signIn();
  await form.fill(form.basic, { ...OF_MAIL, Port: String(mail.port), 'Use TLS': false });
  await form.saved();
  await send(form, /accepted the message/);
  await visit(page, { [SETTINGS]: [], [HISTORY]: [] });
  await expect(page.getByRole('button', { name: 'Save all changes', includeHidden: true })).toHaveCount(0);
  expect(await page.getByRole('textbox', { name: 'As text', includeHidden: true }).inputValue()).toContain(greeting);

  consoleErrors.expectStatus(415, /\/api\/email\/save$/);
  await page.evaluate((markup) => document.body.insertAdjacentHTML('beforeend', markup), greeting);
  const answer = page.waitForResponse('**/api/email/save');
  await page.getByRole('button', { name: 'Save all changes', exact: true }).click();
  const request = (await answer).request();
  expect(await request.allHeaders()).toMatchObject({ 'content-type': 'text/plain', 'sec-fetch-site': 'same-origin' });
  expect((await answer).status()).toBe(415);
  await mail.stop();
});

test('the copied transcript contains the exact replies', async ({ stage, page, context, signIn }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await signIn();
  await saveHostile(stage.form, stage.mail.port);
  await send(stage.form, /accepted the message/);
  await page.getByRole('button', { name: 'Copy as text', exact: true }).click();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  for (const source of SAID.filter((source) => source !== 'mechanism')) expect(copied).toContain(hostile(source));
  await page.goto(HISTORY);
  const written = page.getByRole('textbox', { name: 'As text', includeHidden: true });
  expect(await written.inputValue()).toBe(copied.replaceAll('\r\n', '\n'));
});

test('a certificate field preserves any text exactly', async ({ page, signIn }) => {
  const text = `\n\n${hostile('certificate')}\n&amp;&#13; <b>\n\n`;
  const form = await signIn();
  await form.choose('Authorization Code');
  const certificate = form.field(form.oauth, CA);
  await form.fill(form.oauth, { [CA]: text });
  await form.choose('None');
  await form.fill(form.basic, { ...OF_MAIL, Port: '25' });
  await form.saved();
  await page.reload();
  await expect(form.flow).toBeEnabled();
  await expect(certificate).toHaveValue(text);
  await expect(form.save, 'nothing is unsaved').toBeHidden();
});

test('text typed into a certificate field before hydration is kept', async ({ page, signIn }) => {
  await signIn();
  let hydrate = () => {};
  const mayHydrate = new Promise<void>((resolve) => (hydrate = resolve));
  await page.route('**/*.wasm', async (route) => {
    await mayHydrate;
    await route.continue();
  });
  await page.goto(SETTINGS, { waitUntil: 'commit' });
  const form = new Form(page);
  const certificate = form.field(form.basic, CA);
  await form.fill(form.basic, { [CA]: `\n${hostile('certificate')}` });
  hydrate();
  await expect(form.save).toBeVisible();
  await expect(certificate).toHaveValue(`\n${hostile('certificate')}`);
});
