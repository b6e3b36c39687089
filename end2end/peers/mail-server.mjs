// The practice mail server: what an administrator can try PPM Email Settings against, and what
// the tests send to. Nothing leaves the machine: every listener is on 127.0.0.1, and every
// message stays in memory.
//
//   node mail-server.mjs --dir DIR [--starttls-port N] [--tls-port N] [--plain-port N] [--inbox-port N]
//
// DIR keeps the certificate authority between starts (`DIR/ca.pem` is the one to trust). A port
// left out, or 0, is any free one. When all listeners are open, one line of JSON on stdout says
// where they are:
//
//   {"ready":true,"starttls":2587,"tls":2465,"plain":2525,"expired":..,"wrongName":..,
//    "unknownCa":..,"selfSigned":..,"silent":..,"inbox":8025,"ca":"DIR/ca.pem",
//    "username":..,"password":..}
//
//   starttls    TLS after STARTTLS; sign-in only after it, and needed to send
//   tls         TLS from the first byte; sign-in needed to send
//   plain       never TLS, no STARTTLS offered; sign-in possible, in clear, and not needed
//   expired, wrongName, unknownCa, selfSigned
//               as tls, with a certificate that ended yesterday, that is for another host, that
//               comes from an authority nobody trusts, that vouches for itself
//   silent      accepts connections and never says a word
//   inbox       http: the inbox page; GET and DELETE /api/messages
//
// What can be provoked:
//
//   sender refused-sender@practice.example    553 5.7.1 at MAIL FROM
//   sender later@(anything)                   451 4.7.1 at MAIL FROM, a temporary refusal
//   recipient refused…@(anything)             550 5.1.1 at RCPT TO
//   sender refused-content@practice.example   554 5.6.0 after DATA
//   a wrong user name or password             535 5.7.8 at AUTH
//
// It ends on SIGTERM and SIGINT, and when its stdin closes: it dies with what started it.

import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { issueAll, openAuthority } from './certificates.mjs';
import { Inbox, inboxServer } from './inbox.mjs';
import { PASSWORD, USERNAME, smtpListener } from './smtp.mjs';

const HOST = '127.0.0.1';

const options = readOptions();
const authority = await openAuthority(options.dir);
const certificates = await issueAll(authority);
const inbox = new Inbox();
const open = [];

process.on('SIGTERM', stop);
process.on('SIGINT', stop);
process.stdin.on('error', stop).on('close', stop).on('end', stop).resume();
process.stdout.on('error', stop);

try {
  const ports = {
    starttls: await listen(smtpListener('starttls', certificates.good, inbox), options.starttls),
    tls: await listen(smtpListener('tls', certificates.good, inbox), options.tls),
    plain: await listen(smtpListener('plain', certificates.good, inbox), options.plain),
    expired: await listen(smtpListener('expired', certificates.expired, inbox), 0),
    wrongName: await listen(smtpListener('wrongName', certificates.wrongName, inbox), 0),
    unknownCa: await listen(smtpListener('unknownCa', certificates.unknownCa, inbox), 0),
    selfSigned: await listen(smtpListener('selfSigned', certificates.selfSigned, inbox), 0),
    silent: await listen(silentListener(), 0),
  };
  const inboxPort = await listen(inboxServer(inbox, ports), options.inbox);
  const where = { ...ports, inbox: inboxPort, ca: authority.path, username: USERNAME, password: PASSWORD };
  process.stdout.write(`${JSON.stringify({ ready: true, ...where })}\n`);
} catch (error) {
  fail(error.message);
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
      },
    });
    if (!values.dir) throw new Error('--dir DIR is needed');
    return {
      dir: resolve(values.dir),
      starttls: portNumber(values['starttls-port']),
      tls: portNumber(values['tls-port']),
      plain: portNumber(values['plain-port']),
      inbox: portNumber(values['inbox-port']),
    };
  } catch (error) {
    return fail(error.message);
  }
}

function portNumber(text) {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new Error(`not a port: ${text}`);
  return port;
}

/** Opens a listener and answers the port it got. It stays quiet about clients that misbehave. */
function listen(server, port) {
  const bare = server.server ?? server; // smtp-server wraps the socket server
  return new Promise((opened, failed) => {
    server.once('error', failed);
    server.listen(port, HOST, () => {
      server.off('error', failed);
      server.on('error', () => {});
      open.push(bare);
      opened(bare.address().port);
    });
  });
}

function silentListener() {
  return createServer((socket) => socket.on('error', () => {}).resume());
}

/** Nothing is worth finishing here: open connections end with the process. */
function stop() {
  for (const server of open) server.close();
  process.exit(0);
}

function fail(message) {
  process.stderr.write(`practice mail server: ${message}\n`);
  process.exit(1);
}
