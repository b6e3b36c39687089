// Serves the JavaScript host pages for a product. The test's `Host` signs their tokens.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { embedFlags, HostPages, hostSite, productSite } from '../dev-servers/host-pages.mjs';
import type { Host } from './host.ts';

/** The site of the host pages (`a.localhost`); the product is on another site (`b.localhost`). */
export class Shell {
  private constructor(
    private readonly server: Server,
    readonly url: string,
    /** The product's URL for the browser. */
    readonly product: string,
  ) {}

  /** Serves the host pages for the product at this URL. */
  static async start(host: Host, productUrl: string): Promise<Shell> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const shell = new Shell(server, hostSite(port), productSite(productUrl));
    const pages = new HostPages(shell.url, shell.product, () => host.token());
    server.on('request', (request, response) => void pages.answer(request, response));
    return shell;
  }

  /** Returns the flags of a product that these hosts may embed. */
  static flags(shellUrl: string): string[] {
    return embedFlags(shellUrl);
  }

  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}
