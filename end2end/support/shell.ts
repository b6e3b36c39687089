// Why: the products that embed the tab and are not written in Rust, as the documentation shows them:
// the pages of `hosts/`, served on a site of their own under a strict policy.

import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Host } from './host.ts';

const FOLDER = fileURLToPath(new URL('../hosts', import.meta.url));
const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

/** The site of the hosts; the product is on another (`b.localhost`). */
export class Shell {
  /** What a page's own policy says beside what the tab needs. */
  extraPolicy = '';

  private constructor(
    private readonly server: Server,
    private readonly host: Host,
    readonly url: string,
    /** The product, as a browser reaches it. */
    readonly product: string,
  ) {}

  /** Serves the hosts on `a.localhost`, for a product that listens at this address. */
  static async start(host: Host, productUrl: string): Promise<Shell> {
    const server = createServer((request, response) => void shell.#answer(request, response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const product = `http://b.localhost:${new URL(productUrl).port}`;
    const shell = new Shell(server, host, `http://a.localhost:${port}`, product);
    return shell;
  }

  /** The flags of a product that these hosts may embed. */
  static flags(shellUrl: string): string[] {
    return ['--embed-origin', shellUrl, '--frame-ancestor', shellUrl];
  }

  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', this.url).pathname;
    if (path === '/token') return void response.end(this.host.token());
    const file = path.endsWith('/') ? `${path}index.html` : path;
    try {
      const content = await this.#content(file);
      response.setHeader('content-type', TYPES[extname(file)] ?? 'text/plain');
      response.setHeader('content-security-policy', this.#policy());
      response.end(content.replaceAll('PRODUCT', this.product).replaceAll('HOST', encodeURIComponent(this.url)));
    } catch {
      response.writeHead(404).end();
    }
  }

  async #content(file: string): Promise<string> {
    if (file !== '/react/host.js') return readFile(join(FOLDER, file), 'utf8');
    const entry = join(FOLDER, 'react/host.jsx');
    const bundle = await build({ entryPoints: [entry], bundle: true, write: false, format: 'esm', jsx: 'automatic' });
    return bundle.outputFiles[0]?.text ?? '';
  }

  /** As strict as a host can be: its own files, and of the product what the documentation names. */
  #policy(): string {
    const { product } = this;
    const rules = [
      "default-src 'none'",
      `script-src 'self' ${product} 'wasm-unsafe-eval'`,
      `connect-src 'self' ${product}`,
      "style-src 'self'",
      'img-src data:',
      `frame-src ${product}`,
      "base-uri 'none'",
      "form-action 'none'",
    ];
    return [...rules, this.extraPolicy].filter(Boolean).join('; ');
  }
}
