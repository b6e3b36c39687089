// The example Leptos host (`examples/planner`), started with a product's practice servers. It has its
// own sign-in.

import { execFileSync } from 'node:child_process';
import { expect, type Page } from '@playwright/test';
import { Form } from './form.ts';
import type { Product } from './product.ts';
import { binary, Program, siteRoot } from './program.ts';

export class Planner {
  private constructor(
    private readonly program: Program,
    private readonly database: string,
  ) {}

  /** Starts it with a new database in this file. */
  static async start({ mail }: Product, file: string): Promise<Planner> {
    const database = `sqlite://${file}`;
    const args = ['--listen', '127.0.0.1:0', '--database', database, '--extra-ca', mail.ca, '--egress-allow', '127.0.0.0/8'];
    return new Planner(await Program.start(binary('planner'), [...args, '--site-root', siteRoot()], process.env), database);
  }

  get url(): string {
    return this.program.url;
  }

  async stop(): Promise<void> {
    await this.program.stop();
  }

  /** Adds an application, as an operator does. */
  addApplication(name: string): void {
    execFileSync(binary('ppm-email'), ['application', 'add', name, '--database-url', this.database], { stdio: 'ignore' });
  }

  /** Signs in to the host. Each user's password is their name. */
  async signIn(page: Page, name: string): Promise<void> {
    await page.goto(`${this.url}/sign-in`);
    await page.getByLabel('Name', { exact: true }).fill(name);
    await page.getByLabel('Password', { exact: true }).fill(name);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'Plans' })).toBeVisible();
  }

  /** Opens the page with the tab. */
  async openMail(page: Page): Promise<Form> {
    await page.getByRole('link', { name: 'Mail', exact: true }).click();
    return new Form(page);
  }
}
