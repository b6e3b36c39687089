// Whatever comes from outside or from another person is text on every page: in the pages as they are
// sent and once they are hydrated, and wherever the tab is embedded. Every text that a source may
// choose is hostile, and each page must show it as it was said.

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

/** Eve, an administrator whose name and address tell what she is up to. */
const EVE = { email: hostile('address'), name: hostile('person') };

/** What a control of each group may hold while the group takes no part. */
const OF_OAUTH = ['Default Sender Email', 'Display Name', 'SMTP Server', 'Port', CA];
const OF_AUTHENTICATION = ['Client ID', 'Authorization Endpoint', 'Token Endpoint', 'Redirect URI', 'Scope'];
const TYPED = [...OF_OAUTH, ...OF_AUTHENTICATION, 'basic display name'];

const WHO = ['person', 'address'];
const SAID = ['greeting', 'ehlo', 'capability', 'mechanism', 'auth', 'mail', 'rcpt', 'data', 'accepted'];
const CONSENT = ['consent', 'consent description', 'consent page'];

/** Tokens by the claims that are shown of them. Another one's text is hostile too, where it is never shown. */
const TOKENS = [
  ['aud', 'scp', 'roles', 'upn', 'tid', 'appid', 'oid'],
  ['aud', 'scope', 'preferred_username', 'azp'],
  ['unique_name', 'client_id'],
  ['email'],
  ['sub'],
];
const NEVER_SHOWN = ['iss', 'name', 'idtyp', 'iat', 'nbf', 'exp', 'jti', 'nonce'];

/** Claims that are hostile, each by its own name. */
function claims(names: readonly string[]): Record<string, string | string[]> {
  return Object.fromEntries(names.map((name) => [name, name === 'roles' ? [hostile(name)] : hostile(name)]));
}

interface Stage {
  page: Page;
  form: Form;
  product: Product;
  /** Ends with the test. */
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

/** Hostile values for controls, each by its own label. */
function each(labels: readonly string[]): Values {
  return Object.fromEntries(labels.map((label) => [label, hostile(label)]));
}

/** A mail server on this machine. */
const OF_MAIL: Values = { 'Default Sender Email': 'ppm@practice.example', 'Display Name': hostile('Display Name'), 'SMTP Server': 'localhost' };

/** Saves a form in which every control holds hostile text that may: those of a group that takes no part. */
async function saveHostile(form: Form, port: number): Promise<void> {
  await form.choose('Authorization Code');
  // A line feed at the beginning is the text's own.
  await form.fill(form.oauth, { ...each(OF_OAUTH), [CA]: `\n${hostile(CA)}\n` });
  await form.fill(form.authentication, each(OF_AUTHENTICATION));
  await form.choose('None');
  const account = { 'Use TLS': false, Username: 'eve', Password: 'a password' };
  await form.fill(form.basic, { ...OF_MAIL, 'Display Name': hostile('basic display name'), Port: String(port), ...account });
  await form.saved();
}

/** Signs somebody in, Eve above all. No browser sends the form with her address, though it is one. */
async function signIn(page: Page, email = EVE.email): Promise<void> {
  const form = { email, password: ADA.password };
  await page.request.post('/sign-in', { form, headers: { 'sec-fetch-site': 'same-origin' } });
  await page.goto(SETTINGS);
}

/** Sends a test message, and waits until its end is shown. */
async function send(form: Form, end: RegExp): Promise<void> {
  await form.sendTest.click();
  await expect(form.outcome(end)).toBeVisible();
}

/** A form that is complete, for a provider's flow. */
async function choose(form: Form, flow: 'Authorization Code' | 'Client Credentials', provider: HostileProvider, redirect: string): Promise<void> {
  await form.choose(flow);
  await form.fill(form.oauth, { ...OF_MAIL, Port: '587', [CA]: '' });
  const endpoints = { 'Token Endpoint': `${provider.address}/token`, Scope: 'mail.send' };
  const asking = { 'Authorization Endpoint': `${provider.address}/authorize`, 'Redirect URI': redirect };
  const client = { 'Client ID': 'ppm', 'Client Secret': 'a secret' };
  await form.fill(form.authentication, { ...client, ...endpoints, ...(flow === 'Authorization Code' && asking) });
}

/** Looks at pages as they are sent, and as a browser shows them. */
async function visit(page: Page, shown: Record<string, readonly string[]>): Promise<void> {
  for (const [path, sources] of Object.entries(shown)) {
    await expectTextAsSent(page, await (await page.request.get(path)).text(), sources);
    await page.goto(path);
    if (path === SETTINGS) await expect(new Form(page).flow).toBeEnabled();
    await expectText(page, sources);
  }
}

/** Asks for a token again and again, and hears each way in which it is refused. */
async function hearRefusals(form: Form, provider: HostileProvider): Promise<void> {
  // Of what is no OAuth, from a provider on this machine, the status is shown and nothing that it says.
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

/** Goes through the main sources in a tab, wherever it is embedded, and looks at each. The product is at this address. */
async function hearAll(form: Form, { mail, provider }: Stage, product: string): Promise<void> {
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
  await hearRefusals(form, provider);
}

interface Scene {
  name: string;
  /** Lets the sources speak, and leaves the page where they are heard. */
  play: (stage: Stage) => Promise<void>;
  /** Whose text is on that page then. */
  heard?: readonly string[];
  /** The pages that tell of it, each with whose text it shows. */
  shown: Record<string, readonly string[]>;
}

const SCENES: Scene[] = [
  {
    name: 'what is typed into the form, and the name of who saved it',
    play: ({ form, mail }) => saveHostile(form, mail.port),
    heard: [...WHO, ...TYPED],
    shown: { [SETTINGS]: [...WHO, ...TYPED], [AUDIT]: WHO, '/preferences/time': WHO },
  },
  {
    name: 'what another administrator saves meanwhile',
    play: async ({ form, page, mail, product }) => {
      await saveHostile(form, mail.port);
      const context = await page.context().browser()!.newContext({ baseURL: product.url });
      const eve = new Form(await context.newPage());
      await signIn(eve.page);
      await signIn(page, ADA.email);
      await eve.fill(eve.basic, { 'Display Name': hostile('theirs'), Password: 'a password' });
      await eve.saved();
      await context.close();
      await form.fill(form.basic, { 'Display Name': hostile('mine'), Password: 'a password' });
      await form.save.click();
      await expect(page.getByRole('heading', { name: 'saved changes at' })).toBeVisible();
    },
    heard: ['person', 'mine', 'theirs'],
    shown: {},
  },
  {
    name: 'what a mail server says',
    play: async ({ form, mail }) => {
      await saveHostile(form, mail.port);
      await send(form, /accepted the message/);
      await expectText(form.page, SAID);
      mail.refuse();
      await send(form, /refused|failed/i);
    },
    heard: ['greeting', 'refusal'],
    shown: { [HISTORY]: [...WHO, 'refusal', ...SAID], [SETTINGS]: WHO },
  },
  {
    name: 'what a certificate says',
    play: async ({ form, tls }) => {
      await form.fill(form.basic, { ...OF_MAIL, Port: String(tls.port) });
      await form.field(form.basic, 'TLS mode').selectOption({ label: 'Implicit TLS' });
      await form.saved();
      await send(form, /certificate is self-signed/);
    },
    heard: ['certificate'],
    shown: { [HISTORY]: ['certificate'] },
  },
  {
    name: 'what a provider says of itself, and of a Redirect URI',
    play: async ({ form, page, provider }) => {
      await form.choose('Authorization Code');
      const issuer = form.authentication.getByLabel('Issuer or tenant address', { exact: true });
      const fill = form.authentication.getByRole('button', { name: 'Fill from discovery', exact: true });
      // What it calls itself instead is not shown of a provider on this machine.
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
    heard: ['grant', 'revocation', 'redirect'],
    shown: {},
  },
  {
    name: 'what comes back from the consent page',
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
    heard: CONSENT,
    shown: { [AUDIT]: ['person'] },
  },
  {
    name: 'whose account a token is for',
    play: async ({ form, product, provider }) => {
      Object.assign(provider, { consents: true, answer: 'token', token: { email: hostile('other address') } });
      await choose(form, 'Authorization Code', provider, `${product.url}/oauth/callback`);
      await form.saved();
      await form.getToken.click();
      await expectText(form.page, ['granted', 'other address']);
      await form.page.reload();
      await form.token.getByRole('button', { name: 'Show token details', exact: true }).click();
    },
    heard: ['granted', 'other address'],
    shown: { [SETTINGS]: ['granted'], [AUDIT]: ['person'] },
  },
  {
    name: 'what a Token Endpoint says',
    play: async ({ form, provider }) => {
      await choose(form, 'Client Credentials', provider, '');
      await form.saved();
      await hearRefusals(form, provider);
    },
    shown: {},
  },
  {
    name: 'what a token says',
    play: async ({ form, page, provider }) => {
      await choose(form, 'Client Credentials', provider, '');
      await form.saved();
      provider.answer = 'token';
      const whatItSays = form.token.getByRole('button', { name: 'Show token details', exact: true });
      for (const [at, names] of TOKENS.entries()) {
        provider.token = claims([...names, ...NEVER_SHOWN]);
        await form.getToken.click();
        await expect.poll(() => provider.issued).toBe(at + 1);
        await expectText(page, ['granted']);
        await expect(async () => {
          await whatItSays.click();
          await expectText(page, names, 1_000);
        }).toPass({ timeout: 10_000 });
      }
    },
    shown: { [SETTINGS]: ['granted'] },
  },
];

test.describe('text is text:', () => {
  for (const { name, play, heard = [], shown } of SCENES) {
    test(name, async ({ stage, page, product }) => {
      await product.add(EVE);
      await signIn(page);
      await play(stage);
      await expectText(page, heard);
      await visit(page, shown);
    });
  }
});

for (const host of ['plain', 'react', 'iframe']) {
  test(`text is text: whatever there is, in a host in ${host}`, async ({ stage, page, host: signer, shell }) => {
    signer.claims = { name: hostile('person') };
    await page.goto(`${shell.url}/${host}/`);
    await hearAll(new Form(page, host === 'iframe' ? page.frameLocator('iframe') : page), stage, shell.product);
  });
}

test('text is text: whatever there is, in a host in Rust', async ({ stage, page, product }, info) => {
  const planner = await Planner.start(product, info.outputPath('planner.db'));
  await planner.signIn(page, 'grace');
  const form = await planner.openMail(page);
  await hearAll(form, stage, planner.url);
  await visit(page, { [page.url()]: ['basic display name'] });
  await page.close();
  await planner.stop();
});

test('text is text: what a proxy says of a person', async ({ stage, page, context, product }) => {
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

test('text is text: what an organisation says of its people', async ({ stage, page, product }, info) => {
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

test('text is text: what is sent to the pages around the tab', async ({ page, product, complaints }) => {
  for (const [status, url] of [[422, /set-up/], [422, /preferences/], [404, /nowhere/], [404, /embed\/frame/], [410, /set-up/]] as const) complaints.expectStatus(status, url);
  await product.restartEmpty();
  const link = () => /open (\S+\/set-up\?ticket=\S+) within 10 minutes/.exec(product.log)?.[1] ?? '';
  await expect.poll(link).not.toBe('');
  await page.goto(link());
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

/** What a mail server greets with that wants a reader of the transcript to save its own settings, in exactly 752 octets. */
function greetingWithForm(): string {
  const body = `{"save":{"draft":{"flow":"none","smtp":{"server":"smtp.evil.example","port":"587"}},"revision":1},"x":"`;
  const form = `<form id=canary method=post enctype=text/plain action=/api/email/save><input type=hidden name='${body}' value='"}'><button class=primary>Save all changes</button></form>`;
  const beginning = '220 x</textarea></div><dialog open><h2>Your session is about to end</h2>';
  return beginning + 'x'.repeat(752 - beginning.length - form.length) + form;
}

test('a greeting of 752 octets puts no form on a page, and what such a form posts is not taken', async ({ stage, page, signIn, complaints }) => {
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

  complaints.expectStatus(415, /\/api\/email\/save$/);
  await page.evaluate((markup) => document.body.insertAdjacentHTML('beforeend', markup), greeting);
  const answer = page.waitForResponse('**/api/email/save');
  await page.getByRole('button', { name: 'Save all changes', exact: true }).click();
  const request = (await answer).request();
  expect(await request.allHeaders()).toMatchObject({ 'content-type': 'text/plain', 'sec-fetch-site': 'same-origin' });
  expect((await answer).status()).toBe(415);
  await mail.stop();
});

test('the transcript that is copied is what was said', async ({ stage, page, context, signIn }) => {
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

test('a certificate field holds what was typed, whatever it is', async ({ page, signIn }) => {
  const text = `\n\n${hostile('certificate')}\n&amp;&#13; <b>\n\n`;
  await signIn();
  const form = new Form(page);
  await form.choose('Authorization Code');
  const certificate = form.field(form.oauth, CA);
  await certificate.fill(text);
  await form.choose('None');
  await form.fill(form.basic, { ...OF_MAIL, Port: '25' });
  await form.saved();
  await page.reload();
  await expect(form.flow).toBeEnabled();
  await expect(certificate).toHaveValue(text);
  await expect(form.save, 'nothing is unsaved').toBeHidden();
});

test('what is typed into a certificate field before the page is hydrated stays', async ({ page, signIn }) => {
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
  await certificate.fill(`\n${hostile('certificate')}`);
  hydrate();
  await expect(form.save).toBeVisible();
  await expect(certificate).toHaveValue(`\n${hostile('certificate')}`);
});
