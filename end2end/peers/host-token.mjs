// Why: what a product around the tab says of who is there: a JWT (RFC 7519), signed with a key that
// lives as long as this program, and the public half of it for whoever checks.

import { generateKeyPairSync, sign } from 'node:crypto';

const ISSUER = 'https://host.practice.example';
const AUDIENCE = 'ppm-email';
const KEY_ID = 'practice-1';
/** How far the host's clock and the product's may be apart, in seconds. */
const SKEW = 60;

/** For how many seconds a token is usually believed. */
export const USUAL_LIFETIME = 600;

/** Grace as the host knows her, and how she likes times. */
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

/** The flags of a product that believes these tokens. */
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

  /** A token for Grace, signed with RS256, that the product believes for some seconds yet, with `changes`. */
  token(secondsLeft = USUAL_LIFETIME, changes = {}) {
    const now = Math.floor(Date.now() / 1000);
    const claims = { ...GRACE, iss: ISSUER, aud: AUDIENCE, iat: now - USUAL_LIFETIME, exp: now + secondsLeft - SKEW, ...changes };
    const signed = [{ alg: 'RS256', typ: 'JWT', kid: KEY_ID }, claims].map(inBase64).join('.');
    return `${signed}.${sign('sha256', Buffer.from(signed), this.#key).toString('base64url')}`;
  }
}

function inBase64(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
