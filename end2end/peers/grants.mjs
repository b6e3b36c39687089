// Why: everything the practice provider issues or remembers, in memory. Unlike the library's own
// adapter it forgets nothing by itself, and everything when told to.

const TOKENS = ['AccessToken', 'AuthorizationCode', 'ClientCredentials', 'Grant', 'RefreshToken'];

/** The store behind all models of the provider; `adapter` is the one to configure it with. */
export class Grants {
  #kept = new Map();

  adapter = (model) => new Adapter(this.of(model), () => TOKENS.map((name) => this.of(name)));

  of(model) {
    if (!this.#kept.has(model)) this.#kept.set(model, new Map());
    return this.#kept.get(model);
  }

  /** Makes every token and every grant void; who is signed in stays so. */
  revoke() {
    for (const model of TOKENS) this.of(model).clear();
  }

  /** Forgets everything, sign-ins included. */
  clear() {
    for (const entries of this.#kept.values()) entries.clear();
  }
}

/** One model's entries, by the methods that oidc-provider calls. */
class Adapter {
  constructor(entries, tokens) {
    this.entries = entries;
    this.tokens = tokens;
  }

  async upsert(id, payload) {
    this.entries.set(id, payload);
  }

  async find(id) {
    return this.entries.get(id);
  }

  async findByUid(uid) {
    return [...this.entries.values()].find((payload) => payload.uid === uid);
  }

  async consume(id) {
    this.entries.get(id).consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    this.entries.delete(id);
  }

  async revokeByGrantId(grantId) {
    for (const entries of this.tokens()) {
      for (const [id, payload] of entries) if (payload.grantId === grantId) entries.delete(id);
    }
  }
}
