// The practice mail server, for trying out PPM Email Settings and for the tests. It delivers nothing:
// every listener is on 127.0.0.1, and messages are kept in memory.
//
//   node mail-server.mjs --dir DIR [--starttls-port N] [--tls-port N] [--plain-port N] [--inbox-port N]
//     [--token-port N --introspection URL --introspection-client ID:SECRET]
//
// DIR keeps the certificate authority between starts (clients trust `DIR/ca.pem`). An omitted port, or
// 0, selects a free one. When all listeners are open, the server prints their ports as a line of JSON:
//
//   {"ready":true,"starttls":2587,"tls":2465,"plain":2525,"expired":..,"wrongName":..,
//    "unknownCa":..,"selfSigned":..,"silent":..,"tokenOnly":2588,"inbox":8025,
//    "ca":"DIR/ca.pem","username":..,"password":..}
//
//   starttls    STARTTLS (RFC 3207); AUTH only after it, and required
//   tls         implicit TLS; AUTH required
//   plain       no TLS, no STARTTLS offered; AUTH optional, in clear text
//   expired, wrongName, unknownCa, selfSigned
//               as tls, with a certificate that expired yesterday, is for another host, was issued
//               by an untrusted CA, or is self-signed
//   silent      accepts connections and sends nothing
//   tokenOnly   as starttls, without password mechanisms
//   inbox       HTTP: the inbox page; GET and DELETE /api/messages
//
// With token introspection (RFC 7662), tokenOnly exists and every listener offers XOAUTH2. A token
// needs the scope mail.send and must belong to the given user; a token without a subject is accepted
// for any user of practice.example.
//
// Errors that clients can provoke:
//
//   sender refused-sender@practice.example    553 5.7.1 at MAIL FROM
//   sender later@(anything)                   451 4.7.1 at MAIL FROM, a temporary refusal
//   recipient refused…@(anything)             550 5.1.1 at RCPT TO
//   sender refused-content@practice.example   554 5.6.0 after DATA
//   a wrong user name or password             535 5.7.8 at AUTH
//   an inactive token                         334 with {"status":"401",..} at AUTH, then 535
//   a token for another scope or account      334 with {"status":"403",..} at AUTH, then 535
//   a provider that does not answer           454 4.7.0 at AUTH, a temporary refusal
//
// It exits on SIGTERM and SIGINT, and when its stdin closes, so that it does not outlive its parent.

import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { issueAll, openAuthority } from './certificates.mjs';
import { Inbox, inboxServer } from './inbox.mjs';
import { introspector } from './introspection.mjs';
import { announce, endWithItsStarter, fail, portNumber } from './program.mjs';
import { PASSWORD, USERNAME, smtpListener } from './smtp.mjs';

const NAME = 'practice mail server';
const HOST = '127.0.0.1';

const options = readOptions();
const authority = await openAuthority(options.dir);
const certificates = await issueAll(authority);
const inbox = new Inbox();
const { introspect } = options;

endWithItsStarter();

try {
  const ports = {
    starttls: await listen(smtpListener('starttls', certificates.good, inbox, introspect), options.starttls),
    tls: await listen(smtpListener('tls', certificates.good, inbox, introspect), options.tls),
    plain: await listen(smtpListener('plain', certificates.good, inbox, introspect), options.plain),
    expired: await listen(smtpListener('expired', certificates.expired, inbox, introspect), 0),
    wrongName: await listen(smtpListener('wrongName', certificates.wrongName, inbox, introspect), 0),
    unknownCa: await listen(smtpListener('unknownCa', certificates.unknownCa, inbox, introspect), 0),
    selfSigned: await listen(smtpListener('selfSigned', certificates.selfSigned, inbox, introspect), 0),
    silent: await listen(silentListener(), 0),
    ...(introspect && {
      tokenOnly: await listen(smtpListener('tokenOnly', certificates.good, inbox, introspect), options.token),
    }),
  };
  const inboxPort = await listen(inboxServer(inbox, ports), options.inbox);
  announce({ ...ports, inbox: inboxPort, ca: authority.path, username: USERNAME, password: PASSWORD });
} catch (error) {
  fail(NAME, error.message);
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        dir: { type: 'string' },
        'starttls-port': { type: 'string', default: '0' },
        'tls-port': { type: 'string', default: '0' },
        'plain-port': { type: 'string', default: '0' },
        'inbox-port': { type: 'string', default: '0' },
        'token-port': { type: 'string', default: '0' },
        introspection: { type: 'string' },
        'introspection-client': { type: 'string' },
      },
    });
    if (!values.dir) throw new Error('--dir DIR is needed');
    return {
      dir: resolve(values.dir),
      starttls: portNumber(values['starttls-port']),
      tls: portNumber(values['tls-port']),
      plain: portNumber(values['plain-port']),
      inbox: portNumber(values['inbox-port']),
      token: portNumber(values['token-port']),
      introspect: values.introspection && introspector(values.introspection, client(values['introspection-client'])),
    };
  } catch (error) {
    return fail(NAME, error.message);
  }
}

function client(text) {
  const parts = /^([^:]+):(.+)$/.exec(text ?? '');
  if (!parts) throw new Error('--introspection-client ID:SECRET is needed with --introspection');
  return { id: parts[1], secret: parts[2] };
}

/** Opens a listener and returns its port. Ignores errors of misbehaving clients. */
function listen(server, port) {
  const socketServer = server.server ?? server; // smtp-server wraps it
  return new Promise((opened, failed) => {
    server.once('error', failed);
    server.listen(port, HOST, () => {
      server.off('error', failed);
      server.on('error', () => {});
      opened(socketServer.address().port);
    });
  });
}

function silentListener() {
  return createServer((socket) => socket.on('error', () => {}).resume());
}
