// Why: the product around the tab as a test plays it. It has a page of its own, which gives whoever
// opens it a signed token in a cookie (browsers know a machine's cookies on all its ports), and it
// shows its public key.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BrowserContext } from '@playwright/test';
import { Signer, tokenFlags, USUAL_LIFETIME } from '../peers/host-token.mjs';

export { GRACE } from '../peers/host-token.mjs';

const COOKIE = 'host-token';

export class Host {
  /** What the product inside it is started with. */
  readonly flags: string[];
  /** What its tokens say instead of what they usually say. */
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

  /** Signs Grace in, or once more, on a page of the host's own in another tab. */
  async signIn(context: BrowserContext, secondsLeft = USUAL_LIFETIME): Promise<void> {
    this.#secondsLeft = secondsLeft;
    const page = await context.newPage();
    await page.goto(this.url);
    await page.getByRole('heading', { name: 'Signed in' }).waitFor();
    await page.close();
  }

  /** Gives out tokens that are over from now on, or good ones again. */
  expireTokens(areOver: boolean): void {
    this.#secondsLeft = areOver ? 0 : USUAL_LIFETIME;
  }

  /** Leaves the browser with a token that is over, as one that nobody renewed. */
  async expire(context: BrowserContext): Promise<void> {
    await this.signIn(context, 0);
  }

  /** Gives out tokens as at the start: undoes what a test has changed. */
  forget(): void {
    this.claims = {};
    this.#secondsLeft = USUAL_LIFETIME;
  }

  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  /** A token that the product believes for some seconds yet. */
  token(): string {
    return this.signer.token(this.#secondsLeft, this.claims);
  }
}
