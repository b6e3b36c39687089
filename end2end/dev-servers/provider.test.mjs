// Tests of the practice provider, and of the practice mail server with its tokens. Run by
// `npm run test:dev-servers`.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createTransport } from 'nodemailer';
import { startPeer } from '../support/peer.mjs';

const CALLBACK = 'http://127.0.0.1:61234/oauth/callback';
const FRAME = 'http://127.0.0.1:61234/oidc/callback';
const VERIFIER = 'a-verifier-of-at-least-forty-three-characters';

let dir;
let provider;
let mailServer;
let where;
let mail;
let ca;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'practice-provider-'));
  provider = await startPeer('provider.mjs', []);
  where = provider.ready;
  mailServer = await startPeer('mail-server.mjs', ['--dir', dir, ...asking(where.introspection)]);
  mail = mailServer.ready;
  ca = await readFile(mail.ca, 'utf8');
});

beforeEach(async () => {
  await control('reset');
  await fetch(inbox(), { method: 'DELETE' });
});

after(async () => {
  await mailServer.stop();
  await provider.stop();
  await rm(dir, { recursive: true });
});

const inbox = () => `http://127.0.0.1:${mail.inbox}/api/messages`;

function asking(introspection) {
  const { id, secret } = where.mailServer;
  return ['--introspection', introspection, '--introspection-client', `${id}:${secret}`];
}

async function control(action, body = {}) {
  const answer = await fetch(`${where.control}/${action}`, { method: 'POST', body: JSON.stringify(body) });
  assert.equal(answer.status, 200, await answer.text());
}

async function counts() {
  return (await fetch(`${where.control}/counts`)).json();
}

/** A minimal browser: keeps cookies and follows redirects. */
class Browser {
  #cookies = new Map();

  /** Follows redirects until a page of the provider, or a redirect to another origin. */
  async open(address, form) {
    let url = new URL(address, where.issuer);
    let method = form ? { method: 'POST', body: new URLSearchParams(form) } : {};
    while (url.origin === where.issuer) {
      const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const answer = await fetch(url, { ...method, redirect: 'manual', headers: { cookie } });
      for (const line of answer.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
        this.#cookies.set(name, value);
      }
      if (answer.status !== 303) return { url, status: answer.status, text: await answer.text() };
      url = new URL(answer.headers.get('location'), url);
      method = {};
    }
    return { url, away: Object.fromEntries(url.searchParams) };
  }

  async signIn(address, { email, password } = where.account) {
    const page = await this.open(address);
    return this.open(page.url, { action: 'sign-in', email, password });
  }

  /** Signs in and consents; returns the parameters of the authorization response. */
  async consent(address, account) {
    const page = await this.signIn(address, account);
    return (await this.open(page.url, { action: 'allow' })).away;
  }
}

function authorization(client, over = {}) {
  const url = new URL(where.authorization);
  const parameters = {
    response_type: 'code',
    client_id: client.id,
    redirect_uri: CALLBACK,
    scope: where.scope,
    state: 'as-it-was',
    ...(client === where.clients.pkce && { code_challenge: challenge(), code_challenge_method: 'S256' }),
    ...over,
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url;
}

function challenge() {
  return createHash('sha256').update(VERIFIER).digest('base64url');
}

async function post(address, form, headers = {}) {
  const answer = await fetch(address, { method: 'POST', headers, body: new URLSearchParams(form) });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text.startsWith('{') ? JSON.parse(text) : text };
}

function ask({ id, secret }, form) {
  return post(where.token, { client_id: id, client_secret: secret, ...form });
}

function exchange(client, code, over = {}) {
  return ask(client, { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, ...over });
}

function refresh(client, token) {
  return ask(client, { grant_type: 'refresh_token', refresh_token: token });
}

async function applicationToken() {
  const { body } = await ask(where.clients.credentials, { grant_type: 'client_credentials', scope: 'mail.send' });
  return body.access_token;
}

async function accountToken(scope = where.scope) {
  const { code } = await new Browser().consent(authorization(where.clients.code, { scope }));
  return (await exchange(where.clients.code, code)).body;
}

function introspect(token) {
  return post(where.introspection, { token }, basic(where.mailServer));
}

function basic({ id, secret }) {
  const [a, b] = [id, secret].map((text) => new URLSearchParams({ '': text }).toString().slice(1));
  return { authorization: `Basic ${Buffer.from(`${a}:${b}`).toString('base64')}` };
}

function send(accessToken, { user = mail.username, port = mail.tokenOnly } = {}) {
  return deliver(user, port, { type: 'OAuth2', user, accessToken });
}

/** Sends a message over STARTTLS, authenticated with `auth` if it is given. */
function deliver(from, port, auth) {
  const tls = { ca, servername: 'localhost' };
  const transport = createTransport({ host: '127.0.0.1', port, requireTLS: true, tls, auth });
  return transport
    .sendMail({ from, to: 'ada@practice.example', subject: 'Greetings', text: 'A line.' })
    .finally(() => transport.close());
}

async function received() {
  return (await fetch(inbox())).json();
}

/** Sends commands to the plaintext listener and returns the last line of each reply. */
async function conversation(port, commands) {
  const socket = connect(port, '127.0.0.1');
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  const reply = async () => {
    let line;
    do line = (await lines.next()).value;
    while (line[3] === '-');
    return line;
  };
  const replies = [await reply()];
  for (const command of commands) {
    socket.write(`${command}\r\n`);
    replies.push(await reply());
  }
  socket.destroy();
  return replies;
}

function xoauth2(user, token) {
  return Buffer.from(`user=${user}\x01auth=Bearer ${token}\x01\x01`).toString('base64');
}

for (const flow of ['code', 'pkce']) {
  test(`the ${flow} client gets a token after sign-in and consent`, async () => {
    const client = where.clients[flow];
    const { code, state, iss } = await new Browser().consent(authorization(client));
    assert.deepEqual([state, iss], ['as-it-was', where.issuer]);
    const { status, body } = await exchange(client, code, flow === 'pkce' ? { code_verifier: VERIFIER } : {});
    assert.equal(status, 200);
    assert.deepEqual([body.token_type, body.expires_in, body.scope], ['Bearer', 3600, where.scope]);
    assert.ok(body.access_token && body.refresh_token);
    assert.equal(body.id_token, undefined);
  });
}

test('the credentials client gets a token without a consent and without a refresh token', async () => {
  const form = { grant_type: 'client_credentials', scope: 'mail.send' };
  const { status, body } = await ask(where.clients.credentials, form);
  assert.equal(status, 200);
  assert.deepEqual([body.scope, body.refresh_token], ['mail.send', undefined]);
});

test('the pkce client is refused without a code challenge, and with a wrong verifier', async () => {
  const client = where.clients.pkce;
  const without = authorization(client);
  without.searchParams.delete('code_challenge');
  without.searchParams.delete('code_challenge_method');
  const { away } = await new Browser().open(without);
  assert.equal(away.error, 'invalid_request');

  const { code } = await new Browser().consent(authorization(client));
  const { status, body } = await exchange(client, code, { code_verifier: VERIFIER.toUpperCase() });
  assert.deepEqual([status, body.error], [400, 'invalid_grant']);
});

test('declining redirects with access_denied and the issuer', async () => {
  const browser = new Browser();
  const page = await browser.signIn(authorization(where.clients.code));
  const { away } = await browser.open(page.url, { action: 'decline' });
  assert.deepEqual([away.error, away.state, away.iss], ['access_denied', 'as-it-was', where.issuer]);
  assert.match(away.error_description, /declined/);
});

test('cancelling the sign-in redirects with access_denied', async () => {
  const browser = new Browser();
  const page = await browser.open(authorization(where.clients.code));
  const { away } = await browser.open(page.url, { action: 'decline' });
  assert.equal(away.error, 'access_denied');
});

test('the frame client gets an ID token with the claims of the user', async () => {
  const { frame } = where.clients;
  for (const { email, name, password, roles } of Object.values(where.people)) {
    const over = { redirect_uri: FRAME, scope: 'openid profile email', nonce: 'as-it-was' };
    const { code } = await new Browser().consent(authorization(frame, over), { email, password });
    const form = { grant_type: 'authorization_code', code, redirect_uri: FRAME };
    const { body } = await post(where.token, form, basic(frame));
    const claims = JSON.parse(Buffer.from(body.id_token.split('.')[1], 'base64url'));
    const { iss, aud, nonce, sub, email_verified } = claims;
    assert.deepEqual({ iss, aud, nonce, sub }, { iss: where.issuer, aud: frame.id, nonce: 'as-it-was', sub: email });
    const told = [claims.name, claims.email, email_verified, claims.roles];
    assert.deepEqual(told, [name, email, true, roles]);
  }
});

test('a wrong password shows the sign-in page again', async () => {
  const wrong = { email: where.account.email, password: 'wrong' };
  const page = await new Browser().signIn(authorization(where.clients.code), wrong);
  assert.match(page.text, /role="alert"[^>]*>Wrong email address or password/);
  assert.match(page.text, /value="noreply@practice\.example"/);
  assert.doesNotMatch(page.text, /value="wrong"/);
});

test('the consent page shows the client, the scope and the redirect host', async () => {
  const page = await new Browser().signIn(authorization(where.clients.code));
  assert.equal(page.status, 200);
  for (const words of ['PPM Administrator asks for access', where.account.email, 'Send email as you', '127.0.0.1:61234']) {
    assert.ok(page.text.includes(words), words);
  }
});

test('a signed-in user is asked for consent on every request, without a new sign-in', async () => {
  const browser = new Browser();
  await browser.consent(authorization(where.clients.code));
  const page = await browser.open(authorization(where.clients.code));
  assert.match(page.text, /asks for access/);
});

for (const back of ['http://localhost:3000/oauth/callback', 'http://127.0.0.1/oauth/callback']) {
  test(`${back} is accepted as a redirect URI`, async () => {
    const browser = new Browser();
    const page = await browser.signIn(authorization(where.clients.code, { redirect_uri: back }));
    const { url } = await browser.open(page.url, { action: 'allow' });
    assert.equal(url.origin + url.pathname, back);
  });
}

for (const [what, over] of [
  ['an unregistered redirect URI', { redirect_uri: 'https://elsewhere.example/oauth/callback' }],
  ['an unknown client', { client_id: 'unknown' }],
]) {
  test(`${what} is answered with an error page and no redirect`, async () => {
    const page = await new Browser().open(authorization(where.clients.code, over));
    assert.equal(page.status, 400);
    assert.match(page.text, /This request cannot be answered/);
  });
}

test('the landing page does not redirect to the product', async () => {
  const browser = new Browser();
  const page = await browser.signIn(authorization(where.clients.code, { redirect_uri: where.landing }));
  const end = await browser.open(page.url, { action: 'allow' });
  assert.equal(end.url.pathname, '/landing');
  assert.ok(end.url.searchParams.get('code'));
  assert.match(end.text, /Copy the whole address/);
});

test('without offline_access there is no refresh token', async () => {
  const token = await accountToken('mail.send');
  assert.deepEqual([token.scope, token.refresh_token], ['mail.send', undefined]);
});

test('a refresh token is rotated at every use', async () => {
  const first = await accountToken();
  const second = (await refresh(where.clients.code, first.refresh_token)).body;
  const third = (await refresh(where.clients.code, second.refresh_token)).body;
  assert.equal(new Set([first, second, third].map(({ refresh_token }) => refresh_token)).size, 3);
  assert.equal(new Set([first, second, third].map(({ access_token }) => access_token)).size, 3);
});

test('reuse of a refresh token revokes the grant', async () => {
  const first = await accountToken();
  const second = (await refresh(where.clients.code, first.refresh_token)).body;
  const again = await refresh(where.clients.code, first.refresh_token);
  assert.deepEqual([again.status, again.body.error], [400, 'invalid_grant']);
  assert.equal((await refresh(where.clients.code, second.refresh_token)).body.error, 'invalid_grant');
  assert.deepEqual((await introspect(second.access_token)).body, { active: false });
});

test('reuse of an authorization code revokes the grant', async () => {
  const { code } = await new Browser().consent(authorization(where.clients.code));
  const token = (await exchange(where.clients.code, code)).body;
  assert.equal((await exchange(where.clients.code, code)).body.error, 'invalid_grant');
  assert.equal((await introspect(token.access_token)).body.active, false);
});

test('introspection describes a token to the mail server only', async () => {
  const token = await accountToken();
  const { body } = await introspect(token.access_token);
  assert.deepEqual([body.active, body.sub, body.scope], [true, where.account.email, where.scope]);
  const { id, secret } = where.clients.code;
  const other = await post(where.introspection, { token: token.access_token, client_id: id, client_secret: secret });
  assert.deepEqual(other.body, { active: false });
});

test('revoking a refresh token revokes the access token', async () => {
  const token = await accountToken();
  const { id, secret } = where.clients.code;
  const { status } = await post(where.revocation, { token: token.refresh_token, client_id: id, client_secret: secret });
  assert.equal(status, 200);
  assert.equal((await introspect(token.access_token)).body.active, false);
});

test('client credentials are accepted in the body and by HTTP Basic', async () => {
  const form = { grant_type: 'client_credentials', scope: 'mail.send' };
  assert.equal((await ask(where.clients.credentials, form)).status, 200);
  assert.equal((await post(where.token, form, basic(where.clients.credentials))).status, 200);
});

test('the basicOnly client is refused without HTTP Basic, with WWW-Authenticate', async () => {
  const form = { grant_type: 'client_credentials', scope: 'mail.send' };
  const refused = await ask(where.clients.basicOnly, form);
  assert.deepEqual([refused.status, refused.body.error], [401, 'invalid_client']);
  assert.match(refused.headers.get('www-authenticate'), /^Basic realm=/);
  assert.equal((await post(where.token, form, basic(where.clients.basicOnly))).status, 200);
});

test('a wrong secret is refused', async () => {
  const { id } = where.clients.credentials;
  const { status, body } = await ask({ id, secret: 'wrong' }, { grant_type: 'client_credentials' });
  assert.deepEqual([status, body.error], [401, 'invalid_client']);
});

test('lifetime and length apply to new tokens', async () => {
  await control('lifetime', { seconds: 1 });
  await control('length', { characters: 2500 });
  const token = await accountToken();
  assert.deepEqual([token.expires_in, token.access_token.length], [1, 2500]);
  const deadline = Date.now() + 5_000;
  while ((await introspect(token.access_token)).body.active) assert.ok(Date.now() < deadline, 'it ends');
});

test('a client-credentials token is a JWT for the set audience until the reset', async () => {
  const form = { grant_type: 'client_credentials', scope: 'mail.send' };
  await control('audience', { audience: 'https://graph.microsoft.com/' });
  const { body } = await ask(where.clients.credentials, form);
  const claims = JSON.parse(Buffer.from(body.access_token.split('.')[1], 'base64url'));
  assert.equal(claims.aud, 'https://graph.microsoft.com/');
  assert.equal(claims.client_id, where.clients.credentials.id);
  await control('reset');
  const again = await ask(where.clients.credentials, form);
  assert.ok(!again.body.access_token.includes('.'));
});

test('token requests are counted by grant type, including refused ones', async () => {
  const { refresh_token } = await accountToken();
  await refresh(where.clients.code, refresh_token);
  await refresh(where.clients.code, 'unknown');
  await applicationToken();
  await ask(where.clients.code, { grant_type: 'password' });
  const expected = { authorization_code: 1, refresh_token: 2, client_credentials: 1, other: 1 };
  assert.deepEqual(await counts(), expected);
  await control('reset');
  assert.deepEqual(Object.values(await counts()), [0, 0, 0, 0]);
});

test('the token endpoint fails until the failure is ended, and failed requests are counted', async () => {
  const form = { grant_type: 'client_credentials', scope: 'mail.send' };
  await control('failure', { status: 503 });
  assert.equal((await ask(where.clients.credentials, form)).status, 503);
  await control('failure', { status: 401, error: 'unauthorized_client', error_description: 'Not yet' });
  const refused = await ask(where.clients.credentials, form);
  assert.deepEqual(refused.body, { error: 'unauthorized_client', error_description: 'Not yet' });
  await control('failure', { status: null });
  assert.equal((await ask(where.clients.credentials, form)).status, 200);
  assert.equal((await counts()).client_credentials, 3);
});

test('the revoke control revokes every token', async () => {
  const token = await accountToken();
  const other = await applicationToken();
  await control('revoke');
  for (const value of [token.access_token, other]) assert.equal((await introspect(value)).body.active, false);
  assert.equal((await refresh(where.clients.code, token.refresh_token)).body.error, 'invalid_grant');
});

test('an invalid control request is refused', async () => {
  for (const [path, body] of [['lifetime', '{"seconds":0}'], ['lifetime', 'no json'], ['failure', '{}']]) {
    const answer = await fetch(`${where.control}/${path}`, { method: 'POST', body });
    assert.equal(answer.status, 400, path);
  }
});

test('a control request from another site is refused', async () => {
  const headers = { 'sec-fetch-site': 'same-site' };
  const answer = await fetch(`${where.control}/revoke`, { method: 'POST', headers });
  assert.equal(answer.status, 403);
});

test('the provider refuses a request with a foreign Host header', async () => {
  const asking = httpRequest(`${where.control}/counts`, { headers: { host: 'elsewhere.example' } });
  const [answer] = await once(asking.end(), 'response');
  answer.resume();
  assert.equal(answer.statusCode, 421);
});

test('text from a request is escaped', async () => {
  const page = await new Browser().open(authorization(where.clients.code, { client_id: '<b>bold</b>' }));
  assert.doesNotMatch(page.text, /<b>/);
  const wrong = { email: '"><b>', password: 'wrong' };
  const again = await new Browser().signIn(authorization(where.clients.code), wrong);
  assert.doesNotMatch(again.text, /<b>/);
});

test('a token authenticates its account at the token-only port', async () => {
  const { access_token } = await accountToken();
  await send(access_token);
  const [message] = await received();
  assert.deepEqual([message.listener, message.secure], ['tokenOnly', true]);
  assert.deepEqual([message.user, message.signInMethod], ['noreply@practice.example', 'XOAUTH2']);
});

test('the other ports accept a token too', async () => {
  await send(await applicationToken(), { port: mail.starttls });
  const [message] = await received();
  assert.deepEqual([message.listener, message.signInMethod], ['starttls', 'XOAUTH2']);
});

test('a client-credentials token authenticates any user of practice.example', async () => {
  await send(await applicationToken(), { user: 'reports@practice.example' });
  assert.equal((await received())[0].user, 'reports@practice.example');
  await assert.rejects(send(await applicationToken(), { user: 'reports@elsewhere.example' }), { code: 'EAUTH' });
});

for (const characters of [30, 2500, 6000]) {
  test(`a token of ${characters} characters is accepted`, async () => {
    await control('length', { characters });
    const token = xoauth2('reports@practice.example', await applicationToken());
    const replies = await conversation(mail.plain, ['EHLO here', 'AUTH XOAUTH2', token]);
    assert.match(replies[2], /^334 ?$/);
    assert.match(replies[3], /^235 /);
  });
}

test('an invalid token is refused with a 401 challenge, then with 535', async () => {
  const replies = await conversation(mail.plain, ['EHLO here', `AUTH XOAUTH2 ${xoauth2(mail.username, 'dead')}`, '']);
  const [, code, encoded] = /^(\d{3}) (.+)$/.exec(replies[2]);
  assert.equal(code, '334');
  const said = JSON.parse(Buffer.from(encoded, 'base64').toString());
  assert.deepEqual(said, { status: '401', schemes: 'bearer', scope: 'mail.send' });
  assert.match(replies[3], /^535 /);
});

test('a token of another account, or without the mail scope, is refused with a 403 challenge', async () => {
  const ofAnother = xoauth2('another@practice.example', (await accountToken()).access_token);
  const forNothing = xoauth2(mail.username, (await accountToken('openid')).access_token);
  for (const token of [ofAnother, forNothing]) {
    const [, , reply] = await conversation(mail.plain, ['EHLO here', `AUTH XOAUTH2 ${token}`]);
    assert.equal(JSON.parse(Buffer.from(reply.slice(4), 'base64').toString()).status, '403');
  }
});

test('the token-only port accepts no password, and no message without a token', async () => {
  const account = { user: mail.username, pass: mail.password, method: 'PLAIN' };
  await assert.rejects(deliver(mail.username, mail.tokenOnly, account), { code: 'EAUTH' });
  await assert.rejects(deliver(mail.username, mail.tokenOnly), { responseCode: 530 });
  assert.deepEqual(await received(), []);
});

test('a token is refused temporarily while the provider is unreachable', async () => {
  const elsewhere = await mkdtemp(join(tmpdir(), 'practice-mail-'));
  const alone = await startPeer('mail-server.mjs', ['--dir', elsewhere, ...asking('http://127.0.0.1:9/introspect')]);
  try {
    const sent = [`AUTH XOAUTH2 ${xoauth2(mail.username, await applicationToken())}`];
    const [, , reply] = await conversation(alone.ready.plain, ['EHLO here', ...sent]);
    assert.equal(reply, '454 4.7.0 Temporary authentication failure');
  } finally {
    await alone.stop();
    await rm(elsewhere, { recursive: true });
  }
});

test('the provider prints exactly one line, and exits when its stdin closes', async () => {
  const path = fileURLToPath(new URL('provider.mjs', import.meta.url));
  const second = spawn(process.execPath, [path]);
  const said = Promise.all([second.stdout, second.stderr].map((stream) => stream.setEncoding('utf8').toArray()));
  await once(second.stdout, 'readable');
  second.stdin.end();
  const [[out, err], [code]] = await Promise.all([said, once(second, 'exit')]);
  assert.match(out.join(''), /^\{"ready":true,.+\}\n$/);
  assert.deepEqual([err, code], [[], 0]);
});
