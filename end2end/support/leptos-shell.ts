// The example of a Leptos application (`examples/shell`), started with a product's practice servers. It
// has its own sign-in and its own bundle.

import { expect, type Page } from '@playwright/test';
import { Form } from './form.ts';
import type { Product } from './product.ts';
import { binary, Program, siteRoot } from './program.ts';

export class LeptosShell {
  private constructor(private readonly program: Program) {}

  /** Starts it with a new database in this file. */
  static async start({ mail }: Product, file: string): Promise<LeptosShell> {
    const args = ['--listen', '127.0.0.1:0', '--database', `sqlite://${file}`, '--extra-ca', mail.ca, '--egress-allow', '127.0.0.0/8'];
    return new LeptosShell(await Program.start(binary('leptos-shell-server'), [...args, '--site-root', siteRoot()], process.env));
  }

  get url(): string {
    return this.program.url;
  }

  async stop(): Promise<void> {
    await this.program.stop();
  }

  /** Signs in by a request. Each user's password is their name. */
  async signIn(page: Page, name: string): Promise<void> {
    const form = { name, password: name };
    const answer = await page.request.post(`${this.url}/sign-in`, { form, maxRedirects: 0 });
    expect(answer.headers(), 'signed in').toMatchObject({ location: '/' });
  }

  /** Signs Grace in and loads the page at this path. */
  async open(page: Page, path: string): Promise<LeptosPage> {
    await this.signIn(page, 'grace');
    await page.goto(`${this.url}${path}`);
    return new LeptosPage(page);
  }
}

/** A page of the application, with the routes that its navigation leads to. */
export class LeptosPage extends Form {
  constructor(page: Page) {
    super(page);
  }

  /** Follows a link of the navigation. */
  async follow(name: 'Start' | 'Email' | 'Projects'): Promise<void> {
    await this.page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
  }

  /** Waits for the route with this heading, and nothing of the tab unless it is that of the tab. */
  async shows(name: 'Start' | 'Email' | 'Projects'): Promise<void> {
    await expect(this.page.getByRole('heading', { level: 1, name, exact: true })).toBeVisible();
    if (name === 'Email') await expect(this.field(this.basic, 'SMTP Server')).toBeEnabled();
    else await expect(this.basic).toHaveCount(0);
  }

  /** Marks the document. A load of another removes the mark. */
  async mark(): Promise<void> {
    await this.page.evaluate(() => Object.assign(window, { isMarked: true }));
  }

  async expectMarked(): Promise<void> {
    expect(await this.page.evaluate(() => 'isMarked' in window), 'no load since the mark').toBe(true);
  }
}
