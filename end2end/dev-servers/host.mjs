// The practice hosts: pages that embed the tab as a custom element and in an iframe. Every visitor is
// signed in as Grace, an administrator. They listen on 127.0.0.1 only, and their signing key is kept
// in memory.
//
//   node host.mjs --product URL [--port N]
//
// An omitted port, or 0, selects a free one. When it listens, it prints its URLs, and the flags with
// which the product has to be started, as a line of JSON:
//
//   {"ready":true,"url":"http://a.localhost:3200","product":"http://b.localhost:3000",
//    "keys":"http://127.0.0.1:3200/keys","flags":["--host-token-jwks-url",..,"--host-token-issuer",..,
//    "--host-token-audience",..,"--embed-origin",..,"--frame-ancestor",..]}
//
//   url      the list of hosts; each is a folder below it
//   product  the product's URL in the hosts' pages, which makes it another site for browsers
//   keys     the public key (JWK Set, RFC 7517)
//
// It exits on SIGTERM and SIGINT, and when its stdin closes, so that it does not outlive its parent.

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
  server.on('request', handler(url));
  announce({ url, product, keys, flags: [...tokenFlags(keys), ...embedFlags(url)] });
});

function handler(url) {
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
