// The practice provider: the authorization server from which an administrator can obtain a token
// for the practice mail server, and which the tests count at. Nothing leaves the machine: it
// listens on 127.0.0.1 only, and everything it issues stays in memory.
//
//   node provider.mjs [--port N]
//
// A port left out, or 0, is any free one. When it listens, one line of JSON on stdout says where
// and who is known:
//
//   {"ready":true,"issuer":"http://127.0.0.1:9090","authorization":"http://127.0.0.1:9090/authorize",
//    "token":..,"introspection":..,"revocation":..,"landing":..,"control":..,
//    "scope":"mail.send offline_access","account":{"email":..,"password":..},
//    "people":{"administrator":{"email":..,"name":..,"password":..,"roles":[..]},"reader":..,"stranger":..},
//    "clients":{"code":{"id":..,"secret":..},"pkce":..,"credentials":..,"basicOnly":..,"public":..,"frame":..},
//    "mailServer":{"id":..,"secret":..}}
//
//   code         authorization code; comes back to /oauth/callback on this machine, on any port
//   pkce         the same, and refused without PKCE (S256)
//   credentials  client credentials
//   basicOnly    any of these; refuses id and secret in the body and asks for HTTP Basic
//   public       authorization code with PKCE; has no secret and refuses one
//   frame        signs people in (OpenID Connect); comes back to /oidc/callback on this machine, on any
//                port, and after a sign-out to /sign-in
//   mailServer   may ask about tokens at `introspection`
//   landing      a redirect address that does not lead back: a page says that this is the end
//
// A refresh token comes with the scope `offline_access`. It is replaced at every use; one used
// twice ends the whole grant. Callbacks carry `iss`.
//
// What a test can set and ask at `control`, for all clients at once:
//
//   GET  /practice/counts                    requests to the token endpoint, by grant type
//   POST /practice/lifetime {"seconds":5}    of the access tokens to come
//   POST /practice/length {"characters":30}  of the access tokens to come
//   POST /practice/audience {"audience":"https://.."} makes the tokens of a client itself JWTs for
//                                            that resource, which the practice mail server refuses
//   POST /practice/failure {"status":503}    for every token request, with "error" and
//                                            "error_description" as JSON; {"status":null} ends it
//   POST /practice/revoke                    makes every token and grant void
//   POST /practice/reset                     everything as at the start
//
// It ends on SIGTERM and SIGINT, and when its stdin closes: it dies with what started it.

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
  server.on('request', answers(issuer));
  announce(where(issuer));
});

function where(issuer) {
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

function answers(issuer) {
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
