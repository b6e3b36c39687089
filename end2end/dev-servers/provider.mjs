// The practice provider: an authorization server (RFC 6749) and OpenID provider that issues tokens for
// the practice mail server and counts token requests for the tests. It listens on 127.0.0.1 only and
// keeps everything in memory.
//
//   node provider.mjs [--port N]
//
// An omitted port, or 0, selects a free one. When it listens, it prints its endpoints, accounts and
// clients as a line of JSON:
//
//   {"ready":true,"issuer":"http://127.0.0.1:9090","authorization":"http://127.0.0.1:9090/authorize",
//    "token":..,"introspection":..,"revocation":..,"landing":..,"control":..,
//    "scope":"mail.send offline_access","account":{"email":..,"password":..},
//    "people":{"administrator":{"email":..,"name":..,"password":..,"roles":[..]},"reader":..,"stranger":..},
//    "clients":{"code":{"id":..,"secret":..},"pkce":..,"credentials":..,"basicOnly":..,"public":..,"frame":..},
//    "mailServer":{"id":..,"secret":..}}
//
//   code         authorization code; redirects to /oauth/callback on loopback, any port
//   pkce         the same, and requires PKCE (S256)
//   credentials  client credentials
//   basicOnly    any of these grants; requires HTTP Basic for client authentication
//   public       authorization code with PKCE; a public client without a secret
//   frame        OpenID Connect sign-in; redirects to /oidc/callback on loopback, any port, and after
//                a logout to /sign-in
//   mailServer   may call `introspection`
//   landing      a redirect URI that does not reach the product: a page says that the flow ends here
//
// The scope `offline_access` yields a refresh token. Refresh tokens rotate; reuse revokes the grant.
// Authorization responses contain `iss` (RFC 9207).
//
// The control API at `control`, for all clients at once:
//
//   GET  /practice/counts                    counts token requests by grant type
//   POST /practice/lifetime {"seconds":5}    sets the lifetime of new access tokens
//   POST /practice/length {"characters":30}  sets the length of new access tokens
//   POST /practice/audience {"audience":"https://.."} makes client-credentials tokens JWTs for that
//                                            audience, which the practice mail server refuses
//   POST /practice/failure {"status":503}    fails every token request, optionally with "error" and
//                                            "error_description"; {"status":null} ends it
//   POST /practice/revoke                    revokes every token and grant
//   POST /practice/reset                     resets everything
//
// It exits on SIGTERM and SIGINT, and when its stdin closes, so that it does not outlive its parent.

import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { ACCOUNT, ACCOUNTS, CLIENTS, LANDING, MAIL_SERVER, PEOPLE, ROUTES, SCOPE, authorizationServer } from './authorization-server.mjs';
import { consentPages, noticePage, sendPage, sendStyle } from './consent.mjs';
import { Controls, answerControl } from './controls.mjs';
import { Grants } from './grants.mjs';
import { announce, endWithItsStarter, fail, portNumber } from './program.mjs';
import { finish, isLocal } from './web.mjs';

const NAME = 'practice provider';
const HOST = '127.0.0.1';

const port = readPort();
const server = createServer();

endWithItsStarter();
server.on('clientError', (_error, socket) => socket.destroy());
server.once('error', (error) => fail(NAME, error.message));
server.listen(port, HOST, () => {
  const issuer = `http://${HOST}:${server.address().port}`;
  server.on('request', handler(issuer));
  announce(description(issuer));
});

function description(issuer) {
  const endpoints = Object.entries(ROUTES).map(([name, path]) => [name, issuer + path]);
  return {
    issuer,
    ...Object.fromEntries(endpoints),
    landing: issuer + LANDING,
    control: `${issuer}/practice`,
    scope: SCOPE,
    account: ACCOUNT,
    people: PEOPLE,
    clients: CLIENTS,
    mailServer: MAIL_SERVER,
  };
}

function handler(issuer) {
  const controls = new Controls(new Grants());
  const provider = authorizationServer(issuer, controls);
  const protocol = provider.callback();
  const consent = consentPages(provider, ACCOUNTS);

  return (request, response) => {
    request.on('error', () => {});
    response.on('error', () => {});
    if (!isLocal(request.headers.host)) return finish(response, 421, 'This provider answers on this machine only.\n');
    const path = request.url.split('?')[0];
    if (path.startsWith('/practice/')) return answerControl(controls, request, response);
    if (path.startsWith('/interaction/')) return consent(request, response);
    if (path === '/consent.css') return sendStyle(response);
    if (path === LANDING) return sendPage(response, LANDING_PAGE);
    return protocol(request, response);
  };
}

const LANDING_PAGE = noticePage(
  'This is the end of the way',
  'From here nothing leads back. Copy the whole address of this page and paste it where you began.',
);

function readPort() {
  try {
    const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } });
    return portNumber(values.port);
  } catch (error) {
    return fail(NAME, error.message);
  }
}
