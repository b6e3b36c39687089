// Injection payloads, and servers that send them: a mail server, a provider, and an OpenID provider.
// Every value that they control is a payload.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { createServer as createTlsServer } from 'node:tls';
import { selfSign } from '../dev-servers/certificates.mjs';
import { Signer } from '../dev-servers/host-token.mjs';
import { startScripted } from './scripted.ts';

const DAY = 86_400_000;

/** Payloads that are valid email addresses (RFC 5321 4.1.2) of the greatest length, by their source. */
const ADDRESSES = new Map(['address', 'other address'].map((source, at) => [source, `"></option><b/id=canary><!--"@${at}.example`]));

/**
 * Returns the payload of a source: closes any enclosing element, then opens elements marked as
 * canaries. It contains the source's name, so that a page shows which text has arrived. It survives
 * upper-casing, splitting at `=`, and the escaping of distinguished names (RFC 4514). For an address
 * source it is a valid email address.
 */
export function hostile(source: string): string {
  const address = ADDRESSES.get(source);
  if (address) return address;
  const ends = ['textarea', 'script', 'style', 'title', 'option'].map((name) => `</${name}></${name.toUpperCase()} >`);
  return `"'>${ends.join('')}<b id=canary >${source}<i/canary >&lt;b id=canary&gt;<!--`;
}

interface Started {
  port: number;
  stop: () => Promise<void>;
}

/** Starts a plaintext SMTP server whose replies are payloads. It accepts messages until `refuse()`. */
export async function startHostileMail(greeting = hostile('greeting')): Promise<Started & { refuse: () => void }> {
  const answers: Record<string, string> = {
    EHLO: `250-${hostile('ehlo')}\r\n250-${hostile('capability')}\r\n250 AUTH PLAIN ${hostile('mechanism')}`,
    AUTH: `235 ${hostile('auth')}`,
    MAIL: `250-\r\n250 ${hostile('mail')}`,
    RCPT: `250 ${hostile('rcpt')}`,
    DATA: `354 ${hostile('data')}`,
    '.': `250 2.0.0 ${hostile('accepted')}`,
  };
  const server = await startScripted(answers, `220 ${greeting}`);
  return { ...server, refuse: () => void (answers.MAIL = `550 5.7.1 ${hostile('refusal')}`) };
}

/** Starts an implicit-TLS server with a self-signed certificate whose common name is a payload. */
export async function startHostileTls(): Promise<Started> {
  const commonName = hostile('certificate').replace(/["+,;<>\\]/g, '\\$&');
  const [notBefore, notAfter] = [new Date(Date.now() - DAY), new Date(Date.now() + DAY)];
  const names = [{ type: 'dns', value: 'localhost' }];
  const server = createTlsServer(await selfSign({ commonName, names, notBefore, notAfter }));
  return await started(server.on('tlsClientError', () => {}));
}

/** The Token Endpoint's response: an OAuth error, one with a payload as code, an HTML page, or a token. */
type Answer = 'error' | 'error with a code' | 'page' | 'token';

/** A local provider whose every response contains payloads. */
export class HostileProvider {
  /** The Token Endpoint's response. */
  answer: Answer = 'error';
  /** The claims of its access tokens: payloads, each named after its claim, or valid values. */
  token: Record<string, unknown> = {};
  /** The number of access tokens issued. */
  issued = 0;
  /** Whether consent to a mail token is granted. */
  consents = false;
  /** The claims of its ID tokens. */
  claims: object = {};
  readonly #signer = new Signer();
  #nonce = '';

  private constructor(
    private readonly server: Server,
    readonly address: string,
  ) {}

  static async start(): Promise<HostileProvider> {
    const server = createServer((request, response) => void provider.#reply(request, response));
    const { port } = await started(server);
    const provider = new HostileProvider(server, `http://127.0.0.1:${port}`);
    return provider;
  }

  async stop(): Promise<void> {
    await stopped(this.server);
  }

  async #reply(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, this.address);
    const json = (body: object, status = 200) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const [, issuer, document] = /^(.*)\/\.well-known\/(.*)$/.exec(pathname) ?? [];
    if (document) return void json(this.#description(issuer!));
    if (pathname === '/keys') return void response.end(this.#signer.keys);
    if (pathname === '/authorize') return void response.writeHead(302, { location: this.#callback(searchParams) }).end();
    const asked = new URLSearchParams(await text(request));
    if (this.#nonce && asked.get('grant_type') === 'authorization_code') return void json(this.#idToken(asked));
    switch (this.answer) {
      case 'error':
        return void json({ error: 'of_this_provider', error_description: hostile('description'), error_uri: `https://a.example/${hostile('error page')}` }, 400);
      case 'error with a code':
        return void json({ error: hostile('code'), error_description: hostile('description') }, 400);
      case 'token':
        this.issued += 1;
        return void json({ access_token: jwt(this.token), token_type: 'Bearer', expires_in: 3600, scope: hostile('granted') });
      case 'page':
        return void response.writeHead(404, { 'content-type': `text/html;${hostile('media type')}` }).end(`<title>${encoded(hostile('title'))}</title>`);
    }
  }

  /** Returns metadata: with invalid endpoints for `/bad`, another issuer for `/other`, else valid. */
  #description(issuer: string): object {
    return {
      issuer: issuer === '/other' ? hostile('issuer') : this.address + issuer,
      authorization_endpoint: issuer === '/bad' ? hostile('authorization endpoint') : `${this.address}/authorize`,
      token_endpoint: issuer === '/bad' ? hostile('endpoint') : `${this.address}/token`,
      grant_types_supported: [hostile('grant')],
      code_challenge_methods_supported: [hostile('challenge method')],
      revocation_endpoint: hostile('revocation'),
      jwks_uri: `${this.address}/keys`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
    };
  }

  /** Returns the redirect to the client. A sign-in succeeds; mail consent only if `consents` is set. */
  #callback(asked: URLSearchParams): string {
    const back = new URL(asked.get('redirect_uri')!);
    back.searchParams.set('state', asked.get('state')!);
    this.#nonce = asked.get('nonce') ?? '';
    if (this.#nonce || this.consents) back.searchParams.set('code', 'a-code');
    else {
      back.searchParams.set('error', hostile('consent'));
      back.searchParams.set('error_description', hostile('consent description'));
      back.searchParams.set('error_uri', `https://a.example/${hostile('consent page')}`);
    }
    return back.href;
  }

  #idToken(asked: URLSearchParams): object {
    const aud = asked.get('client_id') ?? 'ppm';
    const claims = { iss: this.address, aud, nonce: this.#nonce, ...this.claims };
    const now = Math.floor(Date.now() / 1000);
    return { access_token: 'a', token_type: 'Bearer', id_token: this.#signer.token(60, { ...claims, iat: now, exp: now + 300 }) };
  }
}

/** Builds an unsigned JWT. */
function jwt(claims: object): string {
  return [{ alg: 'RS256' }, claims, {}].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
}

function encoded(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

async function started(server: Server): Promise<Started> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, stop: () => stopped(server) };
}

async function stopped(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}
