// The practice provider's configuration: accounts, clients and tokens. As strict as real providers, so
// that a client that works here works there.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { noticePage, sendPage, signOutPage } from './consent.mjs';
import { Provider } from './oidc-provider.mjs';
import { USERNAME } from './smtp.mjs';
import { readForm } from './web.mjs';

/** The account that can send mail: the mail server's user, with a separate password. */
export const ACCOUNT = { email: USERNAME, password: 'a short walk in the park' };

/** The accounts for OpenID Connect sign-in, with their roles in PPM. */
export const PEOPLE = {
  administrator: { email: 'ada@practice.example', name: 'Ada Okafor', password: 'a long walk by the sea', roles: ['ppm-administrator'] },
  reader: { email: 'rita@practice.example', name: 'Rita Moreau', password: 'a slow climb up the hill', roles: ['ppm-reader'] },
  stranger: { email: 'noah@practice.example', name: 'Noah Lindqvist', password: 'a quick run round the lake', roles: [] },
};

/** All accounts. */
export const ACCOUNTS = [ACCOUNT, ...Object.values(PEOPLE)];

/** The scope for sending mail, with a refresh token. */
export const SCOPE = 'mail.send offline_access';

/**
 * The clients: one for each flow, one that must authenticate by HTTP Basic, a public one without a
 * secret, and one for OpenID Connect sign-in.
 */
export const CLIENTS = {
  code: { id: 'practice-code', secret: 'code-secret-for-practice' },
  pkce: { id: 'practice-pkce', secret: 'pkce-secret-for-practice' },
  credentials: { id: 'practice-credentials', secret: 'credentials-secret-for-practice' },
  basicOnly: { id: 'practice-basic', secret: 'half of it = 50% + the rest' },
  public: { id: 'practice-public', secret: '' },
  frame: { id: 'practice-frame', secret: 'frame-secret-for-practice' },
};

/** The client that the practice mail server uses for introspection. */
export const MAIL_SERVER = { id: 'practice-mail-server', secret: randomBytes(16).toString('hex') };

/** The paths of the endpoints. */
export const ROUTES = {
  authorization: '/authorize',
  token: '/token',
  introspection: '/introspect',
  revocation: '/revoke',
  end_session: '/end-session',
};

/** The path of a redirect URI that does not reach the application. */
export const LANDING = '/landing';

/** The loopback hosts. */
const HOSTS = ['127.0.0.1', 'localhost', '[::1]'];

const DAY_SECONDS = 86_400;
const BITS_PER_CHARACTER = 6;
const ACCESS_TOKENS = ['AccessToken', 'ClientCredentials'];

/** Creates the authorization server; `controls` determines token lifetimes and failures. */
export function authorizationServer(issuer, controls) {
  const provider = new Provider(issuer, {
    adapter: controls.grants.adapter,
    routes: ROUTES,
    scopes: ['openid', 'profile', 'email', ...SCOPE.split(' ')],
    claims: { openid: ['sub'], profile: ['name', 'roles'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    clients: clients(),
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    clientBasedCORS: () => false,
    clockTolerance: 0,
    cookies: {
      keys: [randomBytes(16).toString('hex')],
      names: { session: 'practice_session', interaction: 'practice_interaction', resume: 'practice_resume' },
    },
    expiresWithSession: () => false,
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      introspection: { enabled: true, allowedPolicy: (_ctx, client) => client.clientId === MAIL_SERVER.id },
      pushedAuthorizationRequests: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: ({ oidc }) => (oidc.params.grant_type === 'client_credentials' ? controls.audience : undefined),
        getResourceServerInfo: (_ctx, audience) => ({ audience, scope: SCOPE, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
      },
      revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => client.clientId === token.clientId },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => show(ctx, signOutPage(form)),
        postLogoutSuccessSource: (ctx) => show(ctx, noticePage('Signed out', 'You are signed out at the provider.')),
      },
    },
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => claimsOf(sub) }),
    formats: {
      bitsOfOpaqueRandomness: (_ctx, { kind }) =>
        ACCESS_TOKENS.includes(kind) ? controls.tokenCharacters * BITS_PER_CHARACTER : 256,
    },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    jwks: { keys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })] },
    pkce: { required: (_ctx, { clientId }) => [CLIENTS.pkce.id, CLIENTS.public.id].includes(clientId) },
    renderError: (ctx, { error, error_description }) => {
      show(ctx, noticePage('This request cannot be answered', `${error}: ${error_description}`), ctx.status);
    },
    rotateRefreshToken: () => true,
    ttl: {
      AccessToken: () => controls.lifetimeSeconds,
      AuthorizationCode: () => 60,
      ClientCredentials: () => controls.lifetimeSeconds,
      Grant: () => 90 * DAY_SECONDS,
      IdToken: () => controls.lifetimeSeconds,
      Interaction: () => DAY_SECONDS,
      RefreshToken: () => 14 * DAY_SECONDS,
      Session: () => DAY_SECONDS,
    },
  });
  allowLocalhostSubdomains(provider);
  provider.silent = true;
  requireBasic(provider);
  provider.use(countTokenRequests(controls));
  provider.use(failTokenRequests(controls));
  provider.use(alwaysAskForConsent);
  return provider;
}

/** Replaces the library's page with one of ours. */
function show(ctx, html, status = 200) {
  ctx.respond = false;
  sendPage(ctx.res, html, status);
}

/** The claims of an account's ID token. */
function claimsOf(sub) {
  const person = ACCOUNTS.find(({ email }) => email === sub);
  return { sub, name: person?.name, email: sub, email_verified: true, roles: person?.roles ?? [] };
}

function clients() {
  const code = ['authorization_code', 'refresh_token'];
  return [
    client(CLIENTS.code, code),
    client(CLIENTS.pkce, code),
    client(CLIENTS.credentials, ['client_credentials']),
    client(CLIENTS.basicOnly, [...code, 'client_credentials'], 'client_secret_basic'),
    client(CLIENTS.public, code, 'none'),
    client(MAIL_SERVER, []),
    frame(),
  ];
}

/** The client for sign-in to the stand-alone product, and for logout. */
function frame() {
  const at = (path) => HOSTS.map((host) => `http://${host}${path}`);
  return {
    ...client(CLIENTS.frame, ['authorization_code'], 'client_secret_basic'),
    redirect_uris: at('/oidc/callback'),
    post_logout_redirect_uris: at('/sign-in'),
  };
}

/** Client metadata; redirect URIs are on loopback, with any port (RFC 8252, 7.3). */
function client({ id, secret }, grants, method = 'client_secret_post') {
  const returns = grants.includes('authorization_code');
  const back = HOSTS.map((host) => `http://${host}/oauth/callback`);
  const landing = ['127.0.0.1', 'localhost'].map((host) => `http://${host}${LANDING}`);
  return {
    client_id: id,
    ...(method !== 'none' && { client_secret: secret }),
    client_name: 'PPM Administrator',
    application_type: 'native',
    grant_types: grants,
    response_types: returns ? ['code'] : [],
    redirect_uris: returns ? [...back, ...landing] : [],
    token_endpoint_auth_method: method,
  };
}

/** Accepts subdomains of `localhost` as loopback, as browsers do (RFC 6761, 6.3); the library does not. */
function allowLocalhostSubdomains({ Client }) {
  const { redirectUriAllowed } = Client.prototype;
  Client.prototype.redirectUriAllowed = function (uri) {
    return redirectUriAllowed.call(this, uri.replace(/^(http:\/\/)[a-z]+\.(localhost[:/])/, '$1$2'));
  };
}

/** Refuses a secret in the body from one client; the library accepts it from every client. */
function requireBasic(provider) {
  const { compareClientSecret } = provider.Client.prototype;
  provider.Client.prototype.compareClientSecret = function compare(secret) {
    const { headers } = Provider.ctx;
    if (this.clientId === CLIENTS.basicOnly.id && !headers.authorization) return false;
    return compareClientSecret.call(this, secret);
  };
  provider.use(async (ctx, next) => {
    await next();
    const refused = ctx.path === ROUTES.token && ctx.status === 401;
    if (refused && ctx.oidc?.params?.client_id === CLIENTS.basicOnly.id) {
      ctx.set('www-authenticate', `Basic realm="${provider.issuer}"`);
    }
  });
}

function countTokenRequests(controls) {
  return async (ctx, next) => {
    await next();
    if (ctx.path === ROUTES.token && ctx.oidc) controls.count(ctx.oidc.params?.grant_type);
  };
}

function failTokenRequests(controls) {
  return async (ctx, next) => {
    if (ctx.path !== ROUTES.token || !controls.failure) return next();
    const { status, error, error_description } = controls.failure;
    controls.count((await readForm(ctx.req)).get('grant_type'));
    ctx.status = status;
    ctx.body = error ? { error, error_description } : 'Not at the moment\n';
    return undefined;
  };
}

/** Prompts for consent on every request, so that `offline_access` needs no `prompt` parameter. */
function alwaysAskForConsent(ctx, next) {
  if (ctx.path === ROUTES.authorization && !ctx.query.prompt) ctx.query = { ...ctx.query, prompt: 'consent' };
  return next();
}
