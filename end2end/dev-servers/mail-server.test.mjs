// Tests of the practice mail server. Run by `npm run test:dev-servers`.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { after, before, beforeEach, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { createTransport } from 'nodemailer';
import { startPeer } from '../support/peer.mjs';

let dir;
let server;
let ready;
let ca;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'practice-mail-'));
  server = await startPeer('mail-server.mjs', ['--dir', dir]);
  ready = server.ready;
  ca = await readFile(ready.ca, 'utf8');
});

beforeEach(() => fetch(api(), { method: 'DELETE' }));

after(async () => {
  await server.stop();
  await rm(dir, { recursive: true });
});

const api = () => `http://127.0.0.1:${ready.inbox}/api/messages`;
const account = () => ({ user: ready.username, pass: ready.password });
const exampleMessage = (over = {}) => ({
  from: '"Practice" <noreply@practice.example>',
  to: 'ada@practice.example',
  subject: 'Grüße',
  text: 'A line of text.',
  ...over,
});

function send(options, message = exampleMessage()) {
  const transport = createTransport({ host: '127.0.0.1', tls: { ca, servername: 'localhost' }, ...options });
  return transport.sendMail(message).finally(() => transport.close());
}

async function received() {
  return (await fetch(api())).json();
}

test('a message by STARTTLS arrives, encrypted and signed in', async () => {
  const info = await send({ port: ready.starttls, requireTLS: true, auth: account() });
  const [message, ...others] = await received();
  assert.equal(others.length, 0);
  assert.equal(message.listener, 'starttls');
  assert.equal(message.secure, true);
  assert.equal(message.user, 'noreply@practice.example');
  assert.deepEqual(message.envelope, { from: 'noreply@practice.example', to: ['ada@practice.example'] });
  assert.equal(message.subject, 'Grüße');
  assert.equal(message.text.trim(), 'A line of text.');
  assert.match(message.raw, /^Subject: =\?UTF-8\?/m);
  assert.equal(info.response, `250 2.0.0 Ok: queued as ${message.id}`);
});

test('a message by implicit TLS arrives', async () => {
  await send({ port: ready.tls, secure: true, auth: account() });
  const [message] = await received();
  assert.equal(message.listener, 'tls');
  assert.equal(message.secure, true);
  assert.match(message.tlsVersion, /^TLSv1\.[23]$/);
});

test('a message without TLS arrives, signed in or not', async () => {
  await send({ port: ready.plain, ignoreTLS: true });
  await send({ port: ready.plain, ignoreTLS: true, auth: { ...account(), method: 'LOGIN' } });
  const [second, first] = await received();
  assert.deepEqual([first.secure, first.user], [false, null]);
  assert.deepEqual([second.secure, second.user], [false, 'noreply@practice.example']);
});

for (const method of ['PLAIN', 'LOGIN']) {
  test(`a wrong password is refused with 535 by ${method}`, async () => {
    const auth = { user: ready.username, pass: 'wrong', method };
    await assert.rejects(send({ port: ready.tls, secure: true, auth, authMethod: method }), (error) => {
      assert.equal(error.code, 'EAUTH');
      assert.equal(error.response, '535 5.7.8 Authentication credentials invalid');
      return true;
    });
    assert.deepEqual(await received(), []);
  });
}

test('sending without sign-in is refused on the ports with TLS', async () => {
  await assert.rejects(send({ port: ready.starttls, requireTLS: true }), { responseCode: 530 });
  await assert.rejects(send({ port: ready.tls, secure: true }), { responseCode: 530 });
});

test('sign-in before STARTTLS is refused', async () => {
  const answer = send({ port: ready.starttls, ignoreTLS: true, auth: account() });
  await assert.rejects(answer, { responseCode: 538 });
});

for (const [what, over, responseCode, reply] of [
  ['a refused sender', { from: 'refused-sender@practice.example' }, 553, /5\.7\.1/],
  ['a temporarily refused sender', { from: 'later@practice.example' }, 451, /4\.7\.1/],
  ['a refused recipient', { to: 'refused.another@practice.example' }, 550, /5\.1\.1/],
  ['refused content', { from: 'refused-content@practice.example' }, 554, /5\.6\.0/],
]) {
  test(`${what} gets ${responseCode}`, async () => {
    const answer = send({ port: ready.tls, secure: true, auth: account() }, exampleMessage(over));
    await assert.rejects(answer, (error) => error.responseCode === responseCode && reply.test(error.response));
    assert.deepEqual(await received(), []);
  });
}

for (const [listener, code] of [
  ['expired', 'CERT_HAS_EXPIRED'],
  ['wrongName', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ['unknownCa', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ['selfSigned', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
]) {
  test(`the certificate of the ${listener} listener has only that fault`, async () => {
    const socket = connectTls({ host: '127.0.0.1', port: ready[listener], ca, servername: 'localhost' });
    await assert.rejects(once(socket, 'secureConnect'), { code });
    socket.destroy();
  });
}

test('the silent listener accepts a connection and says nothing', async () => {
  const socket = connect(ready.silent, '127.0.0.1');
  await once(socket, 'connect');
  const word = await Promise.race([once(socket, 'data'), new Promise((done) => setTimeout(done, 100, null))]);
  assert.equal(word, null);
  socket.destroy();
});

test('hostile clients do not crash the server', async () => {
  for (const port of [ready.starttls, ready.tls, ready.plain, ready.inbox, ready.silent]) {
    for (const words of ['\0\x01\x02\r\n\r\n', 'EHLO x\r\nSTARTTLS\r\nnot tls\r\n', 'MAIL FROM:<\r\n'.repeat(50)]) {
      const closing = connect(port, '127.0.0.1').on('error', () => {}).resume();
      closing.end(words);
      await once(closing, 'close');
      const reset = connect(port, '127.0.0.1').on('error', () => {}).resume();
      reset.write(words, () => reset.resetAndDestroy());
      await once(reset, 'close');
    }
  }
  await send({ port: ready.plain, ignoreTLS: true });
  assert.equal((await received()).length, 1);
});

test('the inbox refuses a request with a foreign Host header', async () => {
  const socket = connect(ready.inbox, '127.0.0.1').setEncoding('utf8');
  socket.write('GET /api/messages HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n');
  const [answer] = await once(socket, 'data');
  assert.match(answer, /^HTTP\/1\.1 421 /);
});

test('the inbox page and its files are served', async () => {
  const page = await fetch(`http://127.0.0.1:${ready.inbox}/`);
  assert.equal(page.status, 200);
  const html = await page.text();
  assert.match(html, new RegExp(`port ${ready.starttls}\\s`));
  for (const [, part] of html.matchAll(/(?:href|src)="(\/inbox[^"]+)"/g)) {
    assert.equal((await fetch(new URL(part, page.url))).status, 200, part);
  }
});

test('the certificate authority is kept for the next start, and the server exits when its stdin closes', async () => {
  const second = await startPeer('mail-server.mjs', ['--dir', dir]);
  assert.equal(await readFile(second.ready.ca, 'utf8'), ca);
  second.process.stdin.end();
  const [code] = await once(second.process, 'exit');
  assert.equal(code, 0);
});
