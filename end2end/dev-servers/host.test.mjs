// Tests of the practice hosts. Run by `npm run test:dev-servers`.

import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { after, before, test } from 'node:test';
import { startPeer } from '../support/peer.mjs';

let hosts;
let where;

before(async () => {
  hosts = await startPeer('host.mjs', ['--product', 'http://127.0.0.1:3000']);
  where = hosts.ready;
});

after(() => hosts.stop());

const here = (path) => new URL(path, where.keys);
const flag = (name) => where.flags[where.flags.indexOf(name) + 1];
const decoded = (part) => JSON.parse(Buffer.from(part, 'base64url'));

test('the flags name the keys, the issuer and the audience of the tokens, and the site of the hosts', async () => {
  const token = await (await fetch(here('/token'), { method: 'POST' })).text();
  const [head, claims, signature] = token.split('.');
  const { keys } = await (await fetch(flag('--host-token-jwks-url'))).json();
  const key = createPublicKey({ key: keys.find(({ kid }) => kid === decoded(head).kid), format: 'jwk' });
  assert.ok(verify('sha256', Buffer.from(`${head}.${claims}`), key, Buffer.from(signature, 'base64url')));
  const { iss, aud } = decoded(claims);
  assert.deepEqual([iss, aud], [flag('--host-token-issuer'), flag('--host-token-audience')]);
  assert.deepEqual([where.url, where.url], [flag('--embed-origin'), flag('--frame-ancestor')]);
});

for (const path of ['/', '/plain/', '/react/', '/iframe/']) {
  test(`${path} refers to the product as another site, and its policy allows nothing else`, async () => {
    const answer = await fetch(here(path));
    assert.equal(where.product, 'http://b.localhost:3000');
    assert.ok((await answer.text()).includes(where.product));
    assert.match(answer.headers.get('content-security-policy'), /^default-src 'none'; script-src 'self' http:\/\/b\.localhost:3000 /);
  });
}

test('the React host is served as one bundled script', async () => {
  const answer = await fetch(here('/react/host.js'));
  assert.equal(answer.headers.get('content-type'), 'text/javascript');
  assert.match(await answer.text(), /ppm-email-settings/);
});

test('a page of another site gets no token', async () => {
  const answer = await fetch(here('/token'), { method: 'POST', headers: { 'sec-fetch-site': 'cross-site' } });
  assert.equal(answer.status, 403);
});

test('a request with a foreign Host header is refused', async () => {
  const asking = httpRequest(here('/token'), { headers: { host: 'elsewhere.example' } });
  const [answer] = await once(asking.end(), 'response');
  answer.resume();
  assert.equal(answer.statusCode, 421);
});

for (const path of ['/nothing', '/plain', '/../package.json', '/%2e%2e/package.json', '//elsewhere/../../package.json']) {
  test(`${path} is not found`, async () => {
    const asking = httpRequest(here('/'), { path });
    const [answer] = await once(asking.end(), 'response');
    answer.resume();
    assert.equal(answer.statusCode, 404);
  });
}
