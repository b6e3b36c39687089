// The host token: a JWT (RFC 7519) that tells the product who the user is, signed with a key created
// at start, and the public key as a JWK Set.

import { generateKeyPairSync, sign } from 'node:crypto';

const ISSUER = 'https://host.practice.example';
const AUDIENCE = 'ppm-email';
const KEY_ID = 'practice-1';
/** The clock skew that the product tolerates, in seconds. */
const SKEW = 60;

/** The usual lifetime of a token, in seconds. */
export const USUAL_LIFETIME = 600;

/** The claims of the user Grace, including her time preferences. */
export const GRACE = {
  sub: 'grace',
  name: 'Grace Hopper',
  email: 'grace@practice.example',
  email_verified: true,
  roles: ['ppm-administrator'],
  locale: 'en-US',
  zoneinfo: 'Asia/Kathmandu',
  date_format: 'DD.MM.YYYY',
  hour_cycle: 'h12',
};

/** Returns the flags of a product that accepts these tokens. */
export function tokenFlags(keysUrl) {
  return ['--host-token-jwks-url', keysUrl, '--host-token-issuer', ISSUER, '--host-token-audience', AUDIENCE];
}

export class Signer {
  #key;

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    this.#key = privateKey;
    /** The public key as a JWK Set (RFC 7517). */
    this.keys = JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: KEY_ID, alg: 'RS256', use: 'sig' }] });
  }

  /** Returns an RS256 token, accepted for `secondsLeft` including the skew; `changes` override claims. */
  token(secondsLeft = USUAL_LIFETIME, changes = {}) {
    const now = Math.floor(Date.now() / 1000);
    const claims = { ...GRACE, iss: ISSUER, aud: AUDIENCE, iat: now - USUAL_LIFETIME, exp: now + secondsLeft - SKEW, ...changes };
    const signed = [{ alg: 'RS256', typ: 'JWT', kid: KEY_ID }, claims].map(base64url).join('.');
    return `${signed}.${sign('sha256', Buffer.from(signed), this.#key).toString('base64url')}`;
  }
}

function base64url(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
