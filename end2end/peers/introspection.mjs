// Why: how the practice mail server learns what a token is worth: it asks the provider, each
// time anew (RFC 7662). Nothing is remembered, so a token revoked is refused at once.

const PATIENCE_MS = 5_000;

/**
 * Makes a function that answers what the provider at `url` says about a token, `{ active: false }`
 * for one it does not know. It rejects when the provider cannot be asked.
 */
export function introspector(url, { id, secret }) {
  const authorization = `Basic ${Buffer.from([id, secret].map(formEncode).join(':')).toString('base64')}`;
  return async (token) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization },
      body: new URLSearchParams({ token }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (!response.ok) throw new Error(`the provider answers ${response.status}`);
    return response.json();
  };
}

/** As RFC 6749, 2.3.1 wants it inside HTTP Basic. */
function formEncode(text) {
  return new URLSearchParams({ '': text }).toString().slice(1);
}
