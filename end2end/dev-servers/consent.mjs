// The practice provider's pages: sign-in, consent and notices. Text from requests is always escaped.

import { readFileSync } from 'node:fs';
import { fill, layout, styleSheet, versioned } from './page.mjs';
import { HEADERS, finish, readForm } from './web.mjs';

const FOLDER = new URL('./consent-page/', import.meta.url);
const [FRAME, SIGN_IN, CONSENT, NOTICE, SIGN_OUT] = ['frame', 'sign-in', 'consent', 'notice', 'sign-out'].map((name) =>
  read(`${name}.html`),
);
const STYLE = styleSheet(read('consent.css'));

/** The description of each scope. */
const SCOPES = {
  'mail.send': 'Send email as you',
  offline_access: 'Keep this access while you are not here',
  openid: 'See which account you use',
  profile: 'See your name and your roles',
  email: 'See your email address',
};

const SCOPE = '<li>{{means}} <code>{{scope}}</code></li>';

// No `form-action`: it would also block the redirect to the application.
const POLICY = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'";

/** Handles `/interaction/…`: sign-in and consent, then resumes the authorization request. */
export function consentPages(provider, accounts) {
  return async (request, response) => {
    try {
      const interaction = await provider.interactionDetails(request, response);
      if (request.method === 'GET') return await show(provider, interaction, response);
      if (request.method !== 'POST') return finish(response, 405, 'GET or POST only\n');

      const form = await readForm(request);
      const next = await NEXT[form.get('action')]?.(provider, interaction, form, accounts);
      if (next) return await provider.interactionFinished(request, response, next);
      return await show(provider, interaction, response, form);
    } catch (error) {
      const words = error.error_description ?? 'Go back to the application and start again.';
      return sendPage(response, noticePage('This request has ended', words), 400);
    }
  };
}

/** Sends the style sheet of all pages. */
export function sendStyle(response) {
  finish(response, 200, STYLE, 'text/css; charset=utf-8');
}

/** Sends a page without scripts, and isolated from its opener (COOP), as providers do. */
export function sendPage(response, html, status = 200) {
  const own = { 'content-security-policy': POLICY, 'cross-origin-opener-policy': 'same-origin' };
  response.writeHead(status, { ...HEADERS, ...own, 'content-type': 'text/html; charset=utf-8' }).end(html);
}

/** Renders a page with a heading and a sentence. */
export function noticePage(title, words) {
  return page(title, fill(NOTICE, { title, words }));
}

/** Renders the logout confirmation; `form` is the library's, without a button. */
export function signOutPage(form) {
  return page('Sign out', fill(SIGN_OUT, {}, { form }));
}

/** The interaction result for each form action; `null` shows the page again. */
const NEXT = {
  'sign-in': (_provider, _interaction, form, accounts) => {
    const typed = form.get('email')?.trim().toLowerCase();
    const account = accounts.find(({ email, password }) => typed === email && form.get('password') === password);
    return account ? { login: { accountId: account.email } } : null;
  },
  allow: async (provider, { params, session }) => {
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(knownScopes(params).join(' '));
    return { consent: { grantId: await grant.save() } };
  },
  decline: () => ({ error: 'access_denied', error_description: 'Access was declined on the consent page' }),
};

async function show(provider, { prompt, params, session }, response, form) {
  const { clientName } = await provider.Client.find(params.client_id);
  if (prompt.name === 'login') return sendPage(response, signInPage(clientName, form));
  return sendPage(response, consentPage(clientName, session.accountId, params));
}

function signInPage(application, form) {
  const refused = form ? '<p role="alert" id="refused">Wrong email address or password.</p>' : '';
  const email = form?.get('email') ?? '';
  const invalid = form ? 'aria-invalid="true" aria-describedby="refused"' : '';
  return page('Sign in', fill(SIGN_IN, { application, email }, { refused, invalid }));
}

function consentPage(application, account, params) {
  const scopes = knownScopes(params).map((scope) => fill(SCOPE, { scope, means: SCOPES[scope] }));
  const back = new URL(params.redirect_uri).host;
  const shown = { application, account, back };
  return page(`${application} asks for access`, fill(CONSENT, shown, { scopes: scopes.join('') }));
}

function knownScopes({ scope }) {
  return (scope ?? '').split(' ').filter((name) => Object.hasOwn(SCOPES, name));
}

function page(title, main) {
  const style = versioned('/consent.css', STYLE);
  return layout({ title: `${title} – Practice Accounts`, style, body: fill(FRAME, {}, { main }) });
}

function read(name) {
  return readFileSync(new URL(name, FOLDER), 'utf8');
}
