// Token introspection (RFC 7662) for the practice mail server. Nothing is cached, so that a revoked
// token is refused at once.

const TIMEOUT_MS = 5_000;

/**
 * Returns a function that introspects a token at `url`. An unknown token yields `{ active: false }`.
 * Rejects if the provider cannot be reached.
 */
export function introspector(url, { id, secret }) {
  const authorization = `Basic ${Buffer.from([id, secret].map(formEncode).join(':')).toString('base64')}`;
  return async (token) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization },
      body: new URLSearchParams({ token }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) throw new Error(`the provider answers ${response.status}`);
    return response.json();
  };
}

/** Form-encodes a credential for HTTP Basic (RFC 6749, 2.3.1). */
function formEncode(text) {
  return new URLSearchParams({ '': text }).toString().slice(1);
}
