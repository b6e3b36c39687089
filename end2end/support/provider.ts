// Why: the practice provider as a test uses it: what to type into the form, what somebody does on
// its pages, and what it was asked.

import { expect, type Page } from '@playwright/test';

/** A client that the provider knows. */
export interface Client {
  id: string;
  secret: string;
}

/** Somebody who can sign in at the provider. */
export interface Account {
  email: string;
  password: string;
}

/** Where the practice provider listens, and whom it knows. */
export interface ProviderAddress {
  issuer: string;
  authorization: string;
  token: string;
  introspection: string;
  revocation: string;
  /** A redirect address that does not lead back. */
  landing: string;
  control: string;
  scope: string;
  account: Account;
  /** Whom an organisation's sign-in knows, by what they are in PPM. */
  people: Record<'administrator' | 'reader' | 'stranger', Account & { name: string; roles: string[] }>;
  clients: { code: Client; pkce: Client; credentials: Client; basicOnly: Client; public: Client; frame: Client };
  mailServer: Client;
}

/** Requests to the token endpoint since the last reset, refused ones included. */
export interface Counts {
  authorization_code: number;
  refresh_token: number;
  client_credentials: number;
  other: number;
}

export class Provider {
  constructor(readonly address: ProviderAddress) {}

  /** Allows what `page`, at the sign-in or consent page, is asked for; signs in first where needed. */
  async allow(page: Page, account?: Account): Promise<void> {
    await this.#signIn(page, account);
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
  }

  /** Declines what `page`, at the sign-in or consent page, is asked for; signs in first where needed. */
  async decline(page: Page, account?: Account): Promise<void> {
    await this.#signIn(page, account);
    await page.getByRole('button', { name: 'Decline', exact: true }).click();
  }

  /** How long tokens to come last. */
  async setLifetime(seconds: number): Promise<void> {
    await this.#control('lifetime', { seconds });
  }

  /** How long access tokens to come are. */
  async setTokenLength(characters: number): Promise<void> {
    await this.#control('length', { characters });
  }

  /** Makes the tokens of a client itself JWTs for this resource. */
  async setAudience(audience: string): Promise<void> {
    await this.#control('audience', { audience });
  }

  /** Makes every token request fail, with an OAuth error where one is given, until `recover`. */
  async fail(status: number, error?: { error: string; error_description?: string }): Promise<void> {
    await this.#control('failure', { status, ...error });
  }

  async recover(): Promise<void> {
    await this.#control('failure', { status: null });
  }

  /** Makes every token and grant void, as an administrator at the provider can. */
  async revokeAll(): Promise<void> {
    await this.#control('revoke');
  }

  /** Puts everything back to the start, tokens, counts and sign-ins included. */
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
