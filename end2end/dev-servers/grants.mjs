// The practice provider's in-memory store. Unlike the library's own adapter, it evicts nothing and can
// be cleared.

const TOKENS = ['AccessToken', 'AuthorizationCode', 'ClientCredentials', 'Grant', 'RefreshToken'];

/** The store of all models; `adapter` is the factory for oidc-provider's configuration. */
export class Grants {
  #models = new Map();

  adapter = (model) => new Adapter(this.of(model), () => TOKENS.map((name) => this.of(name)));

  of(model) {
    if (!this.#models.has(model)) this.#models.set(model, new Map());
    return this.#models.get(model);
  }

  /** Revokes every token and grant, but keeps sessions. */
  revoke() {
    for (const model of TOKENS) this.of(model).clear();
  }

  /** Removes everything, including sessions. */
  clear() {
    for (const entries of this.#models.values()) entries.clear();
  }
}

/** The adapter interface of oidc-provider for one model. */
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
