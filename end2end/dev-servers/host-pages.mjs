// Serves the example host pages of `hosts/`, which embed the tab as the documentation shows, on a
// separate site and with a strict Content-Security-Policy.

import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HEADERS, finish, isFromElsewhere, isLocal } from './web.mjs';

const FOLDER = fileURLToPath(new URL('../hosts', import.meta.url));
const NO_FILE = ['ENOENT', 'EISDIR'];
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

/** Returns the URL of the hosts on this loopback port. */
export function hostSite(port) {
  return `http://a.localhost:${port}`;
}

/** Returns the product's URL under a name that makes it another site than the hosts. */
export function productSite(url) {
  return `http://b.localhost:${new URL(url).port}`;
}

/** Returns the flags of a product that hosts on this site may embed. */
export function embedFlags(site) {
  return ['--embed-origin', site, '--frame-ancestor', site];
}

export class HostPages {
  #site;
  #product;
  #token;
  #react;

  /**
   * @param {string} site The hosts' URL.
   * @param {string} product The product's URL.
   * @param {() => string} token Signs a token for the user.
   */
  constructor(site, product, token) {
    this.#site = site;
    this.#product = product;
    this.#token = token;
  }

  /** Serves a page, one of its files, or a token for it. */
  async answer(request, response) {
    if (!isLocal(request.headers.host)) return finish(response, 421, 'These hosts answer on this machine only.\n');
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    const path = request.url.split('?')[0];
    if (path === '/token') return this.#sendToken(request, response);
    try {
      await this.#send(path.endsWith('/') ? `${path}index.html` : path, response);
    } catch (error) {
      finish(response, NO_FILE.includes(error.code) ? 404 : 500, `${error.message}\n`);
    }
  }

  #sendToken(request, response) {
    if (isFromElsewhere(request)) return finish(response, 403, 'A token is for pages of this site.\n');
    return finish(response, 200, this.#token());
  }

  async #send(file, response) {
    const content = await this.#content(file);
    const filled = content.replaceAll('PRODUCT', this.#product).replaceAll('HOST', encodeURIComponent(this.#site));
    response.setHeader('content-security-policy', this.#policy());
    finish(response, 200, filled, TYPES[extname(file)]);
  }

  /** Returns the content of a file. The React host's script is bundled on first request. */
  async #content(file) {
    if (file !== '/react/host.js') return readFile(join(FOLDER, new URL(file, this.#site).pathname), 'utf8');
    this.#react ??= bundle(join(FOLDER, 'react/host.jsx'));
    return this.#react;
  }

  /** The strictest policy for a host: its own files, and the documented sources of the product. */
  #policy() {
    const rules = [
      "default-src 'none'",
      `script-src 'self' ${this.#product} 'wasm-unsafe-eval'`,
      `connect-src 'self' ${this.#product}`,
      "style-src 'self'",
      'img-src data:',
      `frame-src ${this.#product}`,
      "base-uri 'none'",
      "form-action 'none'",
    ];
    return rules.join('; ');
  }
}

async function bundle(entry) {
  const { build } = await import('esbuild');
  const made = await build({ entryPoints: [entry], bundle: true, write: false, format: 'esm', jsx: 'automatic' });
  return made.outputFiles[0].text;
}
