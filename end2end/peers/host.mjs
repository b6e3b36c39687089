// The practice hosts: products around the tab that are not written in Rust, which show it as a custom
// element and in an iframe. Whoever opens their pages is Grace, an administrator. Nothing leaves the
// machine: they listen on 127.0.0.1 only, and the key that they sign with stays in memory.
//
//   node host.mjs --product URL [--port N]
//
// A port left out, or 0, is any free one. When it listens, one line of JSON on stdout says where,
// and with which flags the product has to be started:
//
//   {"ready":true,"url":"http://a.localhost:3200","product":"http://b.localhost:3000",
//    "keys":"http://127.0.0.1:3200/keys","flags":["--host-token-jwks-url",..,"--host-token-issuer",..,
//    "--host-token-audience",..,"--embed-origin",..,"--frame-ancestor",..]}
//
//   url      what hosts there are; each is a folder below
//   product  the product, as the hosts' pages name it, so that a browser takes it for another site
//   keys     the public key (JWK Set)
//
// It ends on SIGTERM and SIGINT, and when its stdin closes: it dies with what started it.

import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { HostPages, embedFlags, hostSite, productSite } from './host-pages.mjs';
import { Signer, tokenFlags } from './host-token.mjs';
import { announce, endWithItsStarter, fail, portNumber } from './program.mjs';
import { finish } from './web.mjs';

const NAME = 'practice hosts';
const ADDRESS = '127.0.0.1';

const { port, product } = readArguments();
const server = createServer();

endWithItsStarter();
server.on('clientError', (_error, socket) => socket.destroy());
server.once('error', (error) => fail(NAME, error.message));
server.listen(port, ADDRESS, () => {
  const { port } = server.address();
  const url = hostSite(port);
  const keys = `http://${ADDRESS}:${port}/keys`;
  server.on('request', answers(url));
  announce({ url, product, keys, flags: [...tokenFlags(keys), ...embedFlags(url)] });
});

function answers(url) {
  const signer = new Signer();
  const pages = new HostPages(url, product, () => signer.token());
  return (request, response) => {
    request.on('error', () => {});
    response.on('error', () => {});
    if (request.url === '/keys') return finish(response, 200, signer.keys, 'application/json');
    return pages.answer(request, response);
  };
}

function readArguments() {
  try {
    const { values } = parseArgs({ options: { port: { type: 'string', default: '0' }, product: { type: 'string' } } });
    if (!values.product) throw new Error('--product says where the product is');
    return { port: portNumber(values.port), product: productSite(values.product) };
  } catch (error) {
    return fail(NAME, error.message);
  }
}
