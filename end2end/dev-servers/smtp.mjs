// An SMTP listener of the practice mail server, with refusals that clients can provoke. It delivers
// nothing: messages go to the in-memory inbox.

import { timingSafeEqual } from 'node:crypto';
import { SMTPServer } from 'smtp-server';

/** The only account with a password. */
export const USERNAME = 'noreply@practice.example';
/** Its password. */
export const PASSWORD = 'correct horse battery staple';

const MAX_MESSAGE_OCTETS = 5 * 1024 * 1024;

/** The scope that a token must have. */
const SCOPE = 'mail.send';
/** The domain for whose users a token without a subject may send. */
const OWN_DOMAIN = '@practice.example';

/** TLS and AUTH options by listener; any other listener uses those of `tls`. */
const LISTENER_OPTIONS = {
  starttls: { secure: false },
  tokenOnly: { secure: false },
  plain: { secure: false, disabledCommands: ['STARTTLS'], allowInsecureAuth: true, authOptional: true },
  tls: { secure: true },
};

/**
 * Creates the listener `name` with a certificate `{ key, cert }`. Accepted messages go to `inbox`.
 * With `introspect`, it accepts tokens (XOAUTH2).
 */
export function smtpListener(name, certificate, inbox, introspect) {
  return new SMTPServer({
    ...(LISTENER_OPTIONS[name] ?? LISTENER_OPTIONS.tls),
    ...certificate,
    name: 'mail.localhost',
    banner: 'PPM practice mail server',
    authMethods: [...(name === 'tokenOnly' ? [] : ['PLAIN', 'LOGIN']), ...(introspect ? ['XOAUTH2'] : [])],
    authRequiredMessage: '5.7.0 Authentication required',
    size: MAX_MESSAGE_OCTETS,
    disableReverseLookup: true,
    logger: false,
    onAuth: (auth, session, answer) => {
      session.signInMethod = auth.method;
      if (auth.method === 'XOAUTH2') return answerToken(introspect, auth, answer);
      if (!isTheAccount(auth)) return answer(refusal(535, '5.7.8 Authentication credentials invalid'));
      return answer(null, { user: USERNAME });
    },
    onMailFrom: ({ address }, _session, answer) => answer(senderRefusal(address.toLowerCase())),
    onRcptTo: ({ address }, _session, answer) => answer(recipientRefusal(address.toLowerCase())),
    onData: (stream, session, answer) => {
      const chunks = [];
      stream.on('data', (chunk) => chunks.push(chunk));
      stream.on('error', () => answer(refusal(451, '4.3.0 The message broke off')));
      stream.on('end', async () => {
        if (stream.sizeExceeded) return answer(refusal(552, '5.3.4 Message too big'));
        const refused = contentRefusal(session.envelope.mailFrom?.address.toLowerCase());
        if (refused) return answer(refused);
        const id = await inbox.accept(name, session, Buffer.concat(chunks));
        return answer(null, `2.0.0 Ok: queued as ${id}`);
      });
    },
  });
}

function isTheAccount({ username, password }) {
  return same(username ?? '', USERNAME) && same(password ?? '', PASSWORD);
}

/** Authenticates the token's user. A refusal is first a 334 challenge with the error, then 535. */
async function answerToken(introspect, { username, accessToken }, answer) {
  const token = await introspect(accessToken).catch(() => null);
  if (!token) return answer(refusal(454, '4.7.0 Temporary authentication failure'));
  if (!token.active) return answer(null, challenge('401'));
  if (!token.scope?.split(' ').includes(SCOPE) || !isFor(username, token)) return answer(null, challenge('403'));
  return answer(null, { user: username });
}

function isFor(username, { sub }) {
  return sub ? username === sub : username.endsWith(OWN_DOMAIN);
}

function challenge(status) {
  return { data: { status, schemes: 'bearer', scope: SCOPE } };
}

function same(given, expected) {
  const a = Buffer.from(given);
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}

function senderRefusal(address) {
  if (address === 'refused-sender@practice.example') {
    return refusal(553, '5.7.1 <refused-sender@practice.example>: Sender address rejected: not owned by user');
  }
  if (address.startsWith('later@')) {
    return refusal(451, '4.7.1 Greylisting in action, please come back later');
  }
  return null;
}

function recipientRefusal(address) {
  if (!address.startsWith('refused')) return null;
  return refusal(550, `5.1.1 <${address}>: Recipient address rejected: User unknown in local recipient table`);
}

function contentRefusal(sender) {
  if (sender !== 'refused-content@practice.example') return null;
  return refusal(554, '5.6.0 Message content rejected by policy');
}

function refusal(responseCode, message) {
  return Object.assign(new Error(message), { responseCode });
}
