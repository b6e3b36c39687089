// The practice mail server's inbox: messages in memory, a page that shows them, and a JSON API for the
// tests. Message content is shown as plain text only, and other sites cannot read it.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { simpleParser } from 'mailparser';
import { fill, layout, styleSheet, versioned } from './page.mjs';
import { HEADERS, finish, isFromElsewhere, isLocal } from './web.mjs';

const MAX_MESSAGES = 200;
const FOLDER = new URL('./inbox-page/', import.meta.url);

/** The most recent messages, newest first. */
export class Inbox {
  #messages = [];
  #version = 0;

  /** Stores a message and returns its queue ID. */
  async accept(listener, session, raw) {
    const id = randomBytes(6).toString('hex').toUpperCase();
    const parsed = await simpleParser(raw, { skipHtmlToText: true, skipTextToHtml: true }).catch(() => ({}));
    this.#messages.unshift({
      id,
      receivedAt: new Date().toISOString(),
      listener,
      secure: session.secure,
      cipher: session.secure ? (session.tlsOptions?.standardName ?? session.tlsOptions?.name ?? null) : null,
      tlsVersion: session.secure ? (session.tlsOptions?.version ?? null) : null,
      user: session.user || null,
      signInMethod: session.user ? session.signInMethod : null,
      clientName: session.hostNameAppearsAs || null,
      envelope: {
        from: session.envelope.mailFrom ? session.envelope.mailFrom.address : null,
        to: session.envelope.rcptTo.map(({ address }) => address),
      },
      from: parsed.from?.text ?? null,
      to: parsed.to ? [parsed.to].flat().map(({ text }) => text).join(', ') : null,
      subject: parsed.subject ?? null,
      date: parsed.date?.toISOString() ?? null,
      messageId: parsed.messageId ?? null,
      text: parsed.text ?? null,
      html: parsed.html || null,
      raw: raw.toString('utf8'),
    });
    this.#messages.length = Math.min(this.#messages.length, MAX_MESSAGES);
    this.#version += 1;
    return id;
  }

  /** Empties the inbox. */
  clear() {
    this.#messages = [];
    this.#version += 1;
  }

  get messages() {
    return this.#messages;
  }

  /** A counter that changes with the messages; part of the ETag. */
  get version() {
    return this.#version;
  }
}

/** Serves the inbox page and `GET`, `DELETE /api/messages` to local browsers. */
export function inboxServer(inbox, ports) {
  const start = randomBytes(4).toString('hex');
  const [style, script] = [styleSheet(read('inbox.css')), read('inbox.js')];
  const files = {
    '/': { type: 'text/html; charset=utf-8', body: page(ports, style, script) },
    '/inbox.css': { type: 'text/css; charset=utf-8', body: style },
    '/inbox.js': { type: 'text/javascript; charset=utf-8', body: script },
  };

  const server = createServer((request, response) => {
    request.on('error', () => {}).resume();
    response.on('error', () => {});
    const headers = { ...HEADERS, 'content-security-policy': POLICY };
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);

    if (!isLocal(request.headers.host)) return finish(response, 421, 'This inbox answers on this machine only.\n');
    const path = request.url?.split('?')[0];
    if (path === '/api/messages') return messages(inbox, start, request, response);
    const file = files[path];
    if (!file) return finish(response, 404, 'Not found\n');
    if (!['GET', 'HEAD'].includes(request.method)) return finish(response, 405, 'GET only\n');
    return finish(response, 200, file.body, file.type);
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  return server;
}

const POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

function messages(inbox, start, request, response) {
  if (request.method === 'DELETE') {
    if (isFromElsewhere(request)) return finish(response, 403, 'Not from another site\n');
    inbox.clear();
    response.writeHead(204).end();
    return undefined;
  }
  if (request.method !== 'GET') return finish(response, 405, 'GET or DELETE only\n');
  const tag = `"${start}-${inbox.version}"`;
  response.setHeader('etag', tag);
  response.setHeader('cache-control', 'no-cache');
  if (request.headers['if-none-match'] === tag) {
    response.writeHead(304).end();
    return undefined;
  }
  return finish(response, 200, JSON.stringify(inbox.messages), 'application/json; charset=utf-8');
}

function page(ports, style, script) {
  return layout({
    title: 'Practice inbox',
    style: versioned('/inbox.css', style),
    head: fill('    <script type="module" src="{{src}}"></script>', { src: versioned('/inbox.js', script) }),
    body: fill(read('inbox.html'), ports),
  });
}

function read(name) {
  return readFileSync(new URL(name, FOLDER), 'utf8');
}
