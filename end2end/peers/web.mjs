// Why: what every practice page says to a browser, and whom it answers: a browser on this
// machine, and no page of another site.

import { text } from 'node:stream/consumers';

/** Headers of every answer; a page adds its own content security policy. */
export const HEADERS = {
  'cache-control': 'no-store',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/**
 * Whether the `Host` header names this machine; another site's name can resolve to it too, but none
 * below `localhost` is anybody's (RFC 6761 6.3).
 */
export function isLocal(host) {
  return /^(127\.0\.0\.1|(\w+\.)?localhost|\[::1\])(:\d+)?$/.test(host ?? '');
}

/** Whether a page of another site makes the browser ask. */
export function isFromElsewhere(request) {
  const site = request.headers['sec-fetch-site'];
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}

/** Answers with `body` and ends. */
export function finish(response, status, body, type = 'text/plain; charset=utf-8') {
  response.writeHead(status, { 'content-type': type }).end(body);
}

/** The fields of a form that a request brings. */
export async function readForm(request) {
  return new URLSearchParams(await text(request));
}
