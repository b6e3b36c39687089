// Why: the tab in a test's words. Everything is found by role and label, as a person would.

import { expect, type FrameLocator, type Locator, type Page } from '@playwright/test';
import type { MailServer } from './product.ts';

export const FLOWS = ['None', 'Authorization Code', 'Authorization Code with PKCE', 'Client Credentials'] as const;
export type Flow = (typeof FLOWS)[number];

/** A value for each control to fill in, by its label; a check box takes a boolean. */
export type Values = Record<string, string | boolean>;

/** Authentication Settings that pass every rule. */
export const AUTHENTICATION: Values = {
  'Client ID': '11111111-2222-3333-4444-555555555555',
  'Client Secret': 'canary-client-secret',
  'Authorization Endpoint': 'https://login.example.com/authorize?prompt=consent',
  'Token Endpoint': 'https://login.example.com/token',
  'Redirect URI': 'https://ppm.example.com/oauth/callback',
  Scope: 'https://mail.example.com/ offline_access',
};

/** OAuth SMTP Settings that pass every rule. */
export const OAUTH: Values = {
  'Default Sender Email': 'oauth@practice.example',
  'Display Name': 'OAuth PPM',
  'SMTP Server': 'smtp.example.com',
  Port: '587',
};

/** Basic SMTP Settings for the practice server; `port` names one of its listeners. */
export function basic(mail: MailServer, port: number = mail.starttls): Values {
  return {
    'Default Sender Email': mail.username,
    'Display Name': 'Practice PPM',
    'SMTP Server': 'localhost',
    Port: String(port),
    Username: mail.username,
    Password: mail.password,
  };
}

/** OAuth SMTP Settings for the practice server's listener that takes tokens only. */
export function oauth(mail: MailServer): Values {
  return {
    'Default Sender Email': mail.username,
    'Display Name': 'Practice PPM',
    'SMTP Server': 'localhost',
    Port: String(mail.tokenOnly),
  };
}

/** Waits until the page no longer moves: a click is lost where what it presses moves before it is released. */
export async function atRest(page: Page): Promise<void> {
  await page.evaluate(
    () =>
      new Promise<void>((resolve) => {
        let before = '';
        let still = 0;
        const look = () => {
          const now = `${scrollX} ${scrollY} ${document.documentElement.scrollHeight}`;
          still = now === before ? still + 1 : 0;
          before = now;
          if (still < 3) requestAnimationFrame(look);
          else resolve();
        };
        look();
      }),
  );
}

export class Form {
  readonly save: Locator;
  readonly cancel: Locator;
  readonly flow: Locator;
  readonly basic: Locator;
  readonly oauth: Locator;
  readonly authentication: Locator;
  readonly sendTest: Locator;
  readonly token: Locator;
  readonly getToken: Locator;
  readonly tokenStatus: Locator;
  readonly tokenExpires: Locator;

  constructor(
    readonly page: Page,
    /** Where the tab stands: the page, or a frame on it. */
    private readonly place: Page | FrameLocator = page,
  ) {
    this.save = place.getByRole('button', { name: 'Save', exact: true });
    this.cancel = place.getByRole('button', { name: 'Cancel', exact: true });
    this.flow = place.getByLabel('OAuth Flow', { exact: true });
    this.basic = place.getByRole('group', { name: 'Basic SMTP Settings', exact: true });
    this.oauth = place.getByRole('group', { name: 'OAuth SMTP Settings', exact: true });
    this.authentication = place.getByRole('group', { name: 'Authentication Settings', exact: true });
    this.token = place.getByRole('group', { name: 'OAuth Token Management', exact: true });
    this.getToken = place.getByRole('button', { name: 'Get Auth Token', exact: true });
    this.tokenStatus = this.token.getByRole('status').filter({ hasText: /^(Not obtained|Valid|Expired)$/ });
    this.tokenExpires = this.token.getByText('Token Expires:', { exact: true }).locator('xpath=following-sibling::dd');
    this.sendTest = place.getByRole('button', { name: 'Send Test Email', exact: true });
  }

  /** The control with this label in a group. */
  field(group: Locator, label: string): Locator {
    return group.getByLabel(label, { exact: true });
  }

  /** Fills in controls of a group. */
  async fill(group: Locator, values: Values): Promise<void> {
    for (const [label, value] of Object.entries(values)) {
      const control = this.field(group, label);
      if (typeof value === 'boolean') await control.setChecked(value);
      else await control.fill(value);
    }
  }

  async choose(flow: Flow): Promise<void> {
    await this.flow.selectOption({ label: flow });
  }

  /** Saves, and waits until it is saved. */
  async saved(): Promise<void> {
    await this.save.click();
    await expect(this.place.getByText('Saved.', { exact: true })).toBeVisible();
    await expect(this.save).toBeHidden();
    await atRest(this.page);
  }

  /** The controls that reach into the padding of their group, or out of it. */
  async stickingOut(): Promise<string[]> {
    return await this.place.getByRole('group').evaluateAll((groups) =>
      groups.flatMap((group) => {
        const edge = group.getBoundingClientRect().right - 8;
        const controls = [...group.querySelectorAll('input, select, textarea, button')];
        const shown = controls.filter((control) => control.checkVisibility());
        return shown.filter((control) => control.getBoundingClientRect().right > edge).map((control) => control.outerHTML);
      }),
    );
  }

  /** What went wrong with the token, by its heading, with everything that is said about it. */
  setback(heading: string | RegExp): Locator {
    return this.token.locator('section').filter({ has: this.place.getByRole('heading', { level: 2, name: heading }) });
  }

  /** The heading of the outcome of the last test message, which is the whole of a text. */
  outcome(text: string | RegExp): Locator {
    return this.place.getByRole('heading', { level: 2, name: text, exact: true });
  }
}
