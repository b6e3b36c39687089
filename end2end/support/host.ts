// Why: the product around the tab as a test plays it. It has a page of its own, which gives whoever
// opens it a signed token in a cookie (browsers know a machine's cookies on all its ports), and it
// shows its public key.

import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BrowserContext } from '@playwright/test';

const ISSUER = 'https://host.practice.example';
const AUDIENCE = 'ppm-email';
const COOKIE = 'host-token';
const KEY_ID = 'practice-1';
/** How far the host's clock and the product's may be apart, in seconds. */
const SKEW = 60;
const USUAL_LIFETIME = 600;

/** Grace as the host knows her, and how she likes times. */
export const GRACE = {
  sub: 'grace',
  name: 'Grace Hopper',
  email: 'grace@practice.example',
  email_verified: true,
  roles: ['ppm-administrator'],
  locale: 'en-US',
  zoneinfo: 'Asia/Kathmandu',
  date_format: 'DD.MM.YYYY',
  hour_cycle: 'h12',
};

export class Host {
  /** What the product inside it is started with. */
  readonly flags: string[];
  #secondsLeft = USUAL_LIFETIME;

  private constructor(
    private readonly server: Server,
    private readonly url: string,
    private readonly key: KeyObject,
  ) {
    const names = ['--host-token-issuer', ISSUER, '--host-token-audience', AUDIENCE, '--host-token-cookie', COOKIE];
    this.flags = ['--host-token-jwks-url', `${url}/keys`, ...names];
  }

  static async start(): Promise<Host> {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const keys = [{ ...publicKey.export({ format: 'jwk' }), kid: KEY_ID, alg: 'RS256', use: 'sig' }];
    const server = createServer((request, response) => {
      if (request.url === '/keys') return response.end(JSON.stringify({ keys }));
      response.setHeader('set-cookie', `${COOKIE}=${host.token()}; Path=/; HttpOnly; SameSite=Lax`);
      response.setHeader('content-type', 'text/html');
      return response.end('<!DOCTYPE html><link rel="icon" href="data:,"><title>Host</title><h1>Signed in</h1>');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const host = new Host(server, `http://127.0.0.1:${port}`, privateKey);
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

  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  /** A JWT (RFC 7519), signed with RS256, that the product believes for some seconds yet. */
  token(): string {
    const now = Math.floor(Date.now() / 1000);
    const claims = { ...GRACE, iss: ISSUER, aud: AUDIENCE, iat: now - USUAL_LIFETIME, exp: now + this.#secondsLeft - SKEW };
    const signed = [{ alg: 'RS256', typ: 'JWT', kid: KEY_ID }, claims].map(inBase64).join('.');
    return `${signed}.${sign('sha256', Buffer.from(signed), this.key).toString('base64url')}`;
  }
}

function inBase64(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
