// The host product that embeds the tab. Its page sets a signed token as a cookie, which the browser
// sends to every port of the machine, and it publishes its public key (JWK Set).

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BrowserContext } from '@playwright/test';
import { Signer, tokenFlags, USUAL_LIFETIME } from '../dev-servers/host-token.mjs';

export { GRACE } from '../dev-servers/host-token.mjs';

const COOKIE = 'host-token';

export class Host {
  /** The flags with which the product has to be started. */
  readonly flags: string[];
  /** Claims that override the usual ones. */
  claims: object = {};
  #secondsLeft = USUAL_LIFETIME;

  private constructor(
    private readonly server: Server,
    private readonly url: string,
    private readonly signer: Signer,
  ) {
    this.flags = [...tokenFlags(`${url}/keys`), '--host-token-cookie', COOKIE];
  }

  static async start(): Promise<Host> {
    const signer = new Signer();
    const server = createServer((request, response) => {
      if (request.url === '/keys') return response.end(signer.keys);
      response.setHeader('set-cookie', `${COOKIE}=${host.token()}; Path=/; HttpOnly; SameSite=Lax`);
      response.setHeader('content-type', 'text/html');
      return response.end('<!DOCTYPE html><link rel="icon" href="data:,"><title>Host</title><h1>Signed in</h1>');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const host = new Host(server, `http://127.0.0.1:${port}`, signer);
    return host;
  }

  /** Signs Grace in, or renews her token, on the host's page in another tab. */
  async signIn(context: BrowserContext, secondsLeft = USUAL_LIFETIME): Promise<void> {
    this.#secondsLeft = secondsLeft;
    const page = await context.newPage();
    await page.goto(this.url);
    await page.getByRole('heading', { name: 'Signed in' }).waitFor();
    await page.close();
  }

  /** Makes the host issue expired tokens, or valid ones again. */
  expireTokens(areExpired: boolean): void {
    this.#secondsLeft = areExpired ? 0 : USUAL_LIFETIME;
  }

  /** Sets an expired token in the browser. */
  async expire(context: BrowserContext): Promise<void> {
    await this.signIn(context, 0);
  }

  /** Resets claims and lifetime to their defaults. */
  forget(): void {
    this.claims = {};
    this.#secondsLeft = USUAL_LIFETIME;
  }

  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  /** Returns a token that the product accepts for the remaining lifetime. */
  token(): string {
    return this.signer.token(this.#secondsLeft, this.claims);
  }
}
