// The page object of the tab. Elements are located by role and label.

import { expect, type FrameLocator, type Locator, type Page } from '@playwright/test';
import type { MailServer } from './product.ts';

export const FLOWS = ['None', 'Authorization Code', 'Authorization Code with PKCE', 'Client Credentials'] as const;
export type Flow = (typeof FLOWS)[number];

/** Values by control label; boolean for a check box. */
export type Values = Record<string, string | boolean>;

/** Valid Authentication Settings. */
export const AUTHENTICATION: Values = {
  'Client ID': '11111111-2222-3333-4444-555555555555',
  'Client Secret': 'canary-client-secret',
  'Authorization Endpoint': 'https://login.example.com/authorize?prompt=consent',
  'Token Endpoint': 'https://login.example.com/token',
  'Redirect URI': 'https://ppm.example.com/oauth/callback',
  Scope: 'https://mail.example.com/ offline_access',
};

/** Valid OAuth SMTP Settings. */
export const OAUTH: Values = {
  'Default Sender Email': 'oauth@practice.example',
  'Display Name': 'OAuth PPM',
  'SMTP Server': 'smtp.example.com',
  Port: '587',
};

/** OAuth SMTP Settings for the practice server's token-only listener. */
export function oauth(mail: MailServer): Values {
  return {
    'Default Sender Email': mail.username,
    'Display Name': 'Practice PPM',
    'SMTP Server': 'localhost',
    Port: String(mail.tokenOnly),
  };
}

/** Basic SMTP Settings for a listener of the practice server. */
export function basic(mail: MailServer, port: number = mail.starttls): Values {
  return { ...oauth(mail), Port: String(port), Username: mail.username, Password: mail.password };
}

/** Waits until the layout is stable: a click is lost if its target moves between press and release. */
export async function atRest(page: Page): Promise<void> {
  await page.evaluate(
    () =>
      new Promise<void>((resolve) => {
        let before = '';
        let stableFrames = 0;
        const check = () => {
          const now = `${scrollX} ${scrollY} ${document.documentElement.scrollHeight}`;
          stableFrames = now === before ? stableFrames + 1 : 0;
          before = now;
          if (stableFrames < 3) requestAnimationFrame(check);
          else resolve();
        };
        check();
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
  readonly stopWaiting: Locator;
  readonly tokenStatus: Locator;
  readonly tokenExpires: Locator;

  constructor(
    readonly page: Page,
    /** The page or iframe that shows the tab. */
    private readonly root: Page | FrameLocator = page,
  ) {
    this.save = root.getByRole('button', { name: 'Save', exact: true });
    this.cancel = root.getByRole('button', { name: 'Cancel', exact: true });
    this.flow = root.getByLabel('OAuth Flow', { exact: true });
    this.basic = root.getByRole('group', { name: 'Basic SMTP Settings', exact: true });
    this.oauth = root.getByRole('group', { name: 'OAuth SMTP Settings', exact: true });
    this.authentication = root.getByRole('group', { name: 'Authentication Settings', exact: true });
    this.token = root.getByRole('group', { name: 'OAuth Token Management', exact: true });
    this.getToken = root.getByRole('button', { name: 'Get Auth Token', exact: true });
    this.stopWaiting = root.getByRole('button', { name: 'Stop waiting', exact: true });
    this.tokenStatus = this.token.getByRole('status').filter({ hasText: /^(Not obtained|Valid|Expired)$/ });
    this.tokenExpires = this.token.getByText('Token Expires:', { exact: true }).locator('xpath=following-sibling::dd');
    this.sendTest = root.getByRole('button', { name: 'Send Test Email', exact: true });
  }

  /** Locates the control with this label in a group. */
  field(group: Locator, label: string): Locator {
    return group.getByLabel(label, { exact: true });
  }

  /** Fills in controls of a group. */
  async fill(group: Locator, values: Values): Promise<void> {
    for (const [label, value] of Object.entries(values)) {
      const control = this.field(group, label);
      await this.unfold(group, label);
      if (typeof value === 'boolean') await control.setChecked(value);
      else await control.fill(value);
    }
  }

  /** Opens the details around a control, if it is folded. */
  async unfold(group: Locator, label: string): Promise<void> {
    const control = this.root.getByLabel(label, { exact: true });
    const folded = group.locator('details:not([open])').filter({ has: control });
    if (await folded.count()) await folded.locator('> summary').click();
  }

  /** Locates a value by its name, as a user who may not edit sees it. */
  value(group: Locator, label: string): Locator {
    return group.locator('dt', { hasText: new RegExp(`^${label}$`) }).locator('xpath=following-sibling::dd');
  }

  async choose(flow: Flow): Promise<void> {
    await this.flow.selectOption({ label: flow });
  }

  /** Saves Basic SMTP Settings for the practice server, with `changes`. */
  async saveBasic(mail: MailServer, changes: Values = {}): Promise<void> {
    await this.fill(this.basic, { ...basic(mail), ...changes });
    await this.saved();
  }

  /** Chooses an OAuth flow and fills in valid settings for it, with `changes`. */
  async fillOauth(flow: Flow, changes: Values = {}): Promise<void> {
    await this.choose(flow);
    await this.fill(this.oauth, OAUTH);
    const { 'Authorization Endpoint': _, 'Redirect URI': __, ...credentials } = AUTHENTICATION;
    await this.fill(this.authentication, { ...(flow === 'Client Credentials' ? credentials : AUTHENTICATION), ...changes });
  }

  /** Sends a test message and waits until the mail server has accepted it. */
  async deliverTest(): Promise<void> {
    await this.sendTest.click();
    // While it is sent, the button has another name, and the outcome before may still be there.
    await expect(this.sendTest).not.toHaveAttribute('aria-disabled');
    await expect(this.outcome(/accepted the message/)).toBeVisible();
  }

  /** Saves and waits for the confirmation. */
  async saved(): Promise<void> {
    await this.save.click();
    await expect(this.root.getByText('Saved.', { exact: true })).toBeVisible();
    await expect(this.save).toBeHidden();
    await atRest(this.page);
  }

  /** Returns the controls that overflow into the padding of their group, or out of it. */
  async stickingOut(): Promise<string[]> {
    return await this.root.getByRole('group').evaluateAll((groups) =>
      groups.flatMap((group) => {
        const edge = group.getBoundingClientRect().right - 8;
        const controls = [...group.querySelectorAll('input, select, textarea, button')];
        const shown = controls.filter((control) => control.checkVisibility());
        return shown.filter((control) => control.getBoundingClientRect().right > edge).map((control) => control.outerHTML);
      }),
    );
  }

  /** Locates the notice of a token failure by its heading. */
  setback(heading: string | RegExp): Locator {
    return this.token.locator('section').filter({ has: this.root.getByRole('heading', { level: 3, name: heading }) });
  }

  /** Locates the heading of the last test message's outcome, by its full text. */
  outcome(text: string | RegExp): Locator {
    return this.root.getByRole('heading', { level: 3, name: text, exact: true });
  }
}
