// HTTP helpers of the practice servers: shared response headers, and checks that a request comes from
// a local browser and not from a page of another site.

import { text } from 'node:stream/consumers';

/** The headers of every response; a page adds its Content-Security-Policy. */
export const HEADERS = {
  'cache-control': 'no-store',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/**
 * Whether the `Host` header is a loopback name, which prevents DNS rebinding. Names below `localhost`
 * cannot be registered (RFC 6761 6.3).
 */
export function isLocal(host) {
  return /^(127\.0\.0\.1|(\w+\.)?localhost|\[::1\])(:\d+)?$/.test(host ?? '');
}

/** Whether a page of another origin caused the request. */
export function isFromElsewhere(request) {
  const site = request.headers['sec-fetch-site'];
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}

/** Sends `body` and ends the response. */
export function finish(response, status, body, type = 'text/plain; charset=utf-8') {
  response.writeHead(status, { 'content-type': type }).end(body);
}

/** Reads the form fields of a request. */
export async function readForm(request) {
  return new URLSearchParams(await text(request));
}
