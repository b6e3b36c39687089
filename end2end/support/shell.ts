// Why: the hosts that are not written in Rust as a test opens them: beside a product of its own, for
// whom the test's host signs.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { embedFlags, HostPages, hostSite, productSite } from '../peers/host-pages.mjs';
import type { Host } from './host.ts';

/** The site of the hosts; the product is on another (`b.localhost`). */
export class Shell {
  private constructor(
    private readonly server: Server,
    readonly url: string,
    /** The product, as a browser reaches it. */
    readonly product: string,
  ) {}

  /** Serves the hosts on `a.localhost`, for a product that listens at this address. */
  static async start(host: Host, productUrl: string): Promise<Shell> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const shell = new Shell(server, hostSite(port), productSite(productUrl));
    const pages = new HostPages(shell.url, shell.product, () => host.token());
    server.on('request', (request, response) => void pages.answer(request, response));
    return shell;
  }

  /** The flags of a product that these hosts may embed. */
  static flags(shellUrl: string): string[] {
    return embedFlags(shellUrl);
  }

  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}
