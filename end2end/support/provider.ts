// The client of the practice provider: its endpoints, the user's actions on its pages, and its test
// controls.

import { expect, type Page } from '@playwright/test';

/** A registered OAuth client. */
export interface Client {
  id: string;
  secret: string;
}

/** A user account at the provider. */
export interface Account {
  email: string;
  password: string;
}

/** The practice provider's endpoints, accounts and clients. */
export interface ProviderAddress {
  issuer: string;
  authorization: string;
  token: string;
  introspection: string;
  revocation: string;
  /** A redirect URI that does not reach the product. */
  landing: string;
  control: string;
  scope: string;
  account: Account;
  /** The accounts for OpenID Connect sign-in, by their role in PPM. */
  people: Record<'administrator' | 'reader' | 'stranger', Account & { name: string; roles: string[] }>;
  clients: { code: Client; pkce: Client; credentials: Client; basicOnly: Client; public: Client; frame: Client };
  mailServer: Client;
}

/** Requests to the token endpoint since the last reset, including refused ones. */
export interface Counts {
  authorization_code: number;
  refresh_token: number;
  client_credentials: number;
  other: number;
}

export class Provider {
  constructor(readonly address: ProviderAddress) {}

  /** Grants consent on `page`, after signing in if needed. */
  async allow(page: Page, account?: Account): Promise<void> {
    await this.#signIn(page, account);
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
  }

  /** Declines consent on `page`, after signing in if needed. */
  async decline(page: Page, account?: Account): Promise<void> {
    await this.#signIn(page, account);
    await page.getByRole('button', { name: 'Decline', exact: true }).click();
  }

  /** Sets the lifetime of new tokens. */
  async setLifetime(seconds: number): Promise<void> {
    await this.#control('lifetime', { seconds });
  }

  /** Sets the length of new access tokens. */
  async setTokenLength(characters: number): Promise<void> {
    await this.#control('length', { characters });
  }

  /** Makes new client-credentials tokens JWTs for this audience. */
  async setAudience(audience: string): Promise<void> {
    await this.#control('audience', { audience });
  }

  /** Makes every token request fail, optionally with an OAuth error, until `recover`. */
  async fail(status: number, error?: { error: string; error_description?: string }): Promise<void> {
    await this.#control('failure', { status, ...error });
  }

  async recover(): Promise<void> {
    await this.#control('failure', { status: null });
  }

  /** Revokes every token and grant, as the provider's administrator can. */
  async revokeAll(): Promise<void> {
    await this.#control('revoke');
  }

  /** Resets all state, including tokens, counts and sessions. */
  async reset(): Promise<void> {
    await this.#control('reset');
  }

  async counts(): Promise<Counts> {
    const response = await fetch(`${this.address.control}/counts`);
    return (await response.json()) as Counts;
  }

  async #signIn(page: Page, account = this.address.account): Promise<void> {
    const allow = page.getByRole('button', { name: 'Allow', exact: true });
    const signIn = page.getByRole('button', { name: 'Sign in', exact: true });
    await expect(signIn.or(allow)).toBeVisible();
    if (await allow.isVisible()) return;
    await page.getByLabel('Email', { exact: true }).fill(account.email);
    await page.getByLabel('Password', { exact: true }).fill(account.password);
    await signIn.click();
  }

  async #control(action: string, body: object = {}): Promise<void> {
    const response = await fetch(`${this.address.control}/${action}`, { method: 'POST', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`the practice provider answers ${response.status}: ${await response.text()}`);
  }
}
