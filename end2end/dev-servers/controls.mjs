// The practice provider's control API: tests change its behaviour and read its counters. It accepts
// local programs only, never requests from pages of other sites.

import { text } from 'node:stream/consumers';
import { finish, isFromElsewhere } from './web.mjs';

const LIFETIME_SECONDS = 3600;
const TOKEN_CHARACTERS = 43;

/** The current settings and counters. */
export class Controls {
  constructor(grants) {
    this.grants = grants;
    this.reset();
  }

  /** Resets everything, and discards every token, grant and session. */
  reset() {
    this.grants.clear();
    this.lifetimeSeconds = LIFETIME_SECONDS;
    this.tokenCharacters = TOKEN_CHARACTERS;
    this.audience = undefined;
    this.failure = null;
    this.counts = { authorization_code: 0, refresh_token: 0, client_credentials: 0, other: 0 };
  }

  /** Counts a request to the token endpoint, successful or not. */
  count(grantType) {
    this.counts[Object.hasOwn(this.counts, grantType) ? grantType : 'other'] += 1;
  }
}

/** Handles `/practice/…`. */
export async function answerControl(controls, request, response) {
  if (isFromElsewhere(request)) return finish(response, 403, 'Not from another site\n');
  const act = ACTIONS[`${request.method} ${request.url}`];
  if (!act) return finish(response, 404, 'Not found\n');
  try {
    const answer = act(controls, await readJson(request));
    return finish(response, 200, JSON.stringify(answer ?? {}), 'application/json; charset=utf-8');
  } catch (error) {
    return finish(response, 400, `${error.message}\n`);
  }
}

const ACTIONS = {
  'GET /practice/counts': ({ counts }) => counts,
  'POST /practice/lifetime': (controls, { seconds }) => {
    controls.lifetimeSeconds = positive(seconds, 'seconds');
  },
  'POST /practice/length': (controls, { characters }) => {
    controls.tokenCharacters = positive(characters, 'characters');
  },
  'POST /practice/audience': (controls, { audience }) => {
    if (!URL.canParse(audience)) throw new Error('audience is not a URL');
    controls.audience = audience;
  },
  'POST /practice/failure': (controls, { status, error, error_description }) => {
    controls.failure = status === null ? null : { status: positive(status, 'status'), error, error_description };
  },
  'POST /practice/revoke': ({ grants }) => grants.revoke(),
  'POST /practice/reset': (controls) => controls.reset(),
};

function positive(number, name) {
  if (!Number.isInteger(number) || number < 1) throw new Error(`${name} is not a whole number above 0`);
  return number;
}

async function readJson(request) {
  const body = await text(request);
  return body ? JSON.parse(body) : {};
}
