// A provider that consents without interaction and issues known canary values, so that a test can
// search for leaks. It refuses each refresh with a message that repeats the request's secrets.

import { once } from 'node:events';
import { type IncomingMessage, type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** The issued values, in the order of the flow. */
export const CANARIES = { code: 'canary-code-Wm3x', access: 'canary-access-token-Qz8p', refresh: 'canary-refresh-token-Lk5t' };

export class CanaryProvider {
  /** The form fields of each token request. */
  readonly requests: URLSearchParams[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const { pathname, searchParams } = new URL(request.url!, this.address);
      if (pathname === '/authorize') return response.writeHead(302, { location: callback(searchParams) }).end();
      const [status, answer] = await this.#answer(request);
      return response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
  }

  /** Listens on a free port. */
  static async start(): Promise<CanaryProvider> {
    const provider = new CanaryProvider();
    provider.#server.listen(0, '127.0.0.1');
    await once(provider.#server, 'listening');
    return provider;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage): Promise<[number, object]> {
    const fields = new URLSearchParams(await text(request));
    this.requests.push(fields);
    const { access, refresh } = CANARIES;
    if (fields.get('grant_type') !== 'refresh_token') {
      return [200, { access_token: access, refresh_token: refresh, token_type: 'Bearer', expires_in: 4, scope: 'mail.read' }];
    }
    const words = `No ${fields.get('refresh_token')} for ${fields.get('client_id')} with ${fields.get('client_secret')}`;
    return [400, { error: 'invalid_grant', error_description: words }];
  }
}

function callback(request: URLSearchParams): string {
  const url = new URL(request.get('redirect_uri')!);
  url.searchParams.set('code', CANARIES.code);
  url.searchParams.set('state', request.get('state')!);
  return url.href;
}
