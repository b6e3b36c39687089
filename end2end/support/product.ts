// A running product for one worker, with its practice provider, mail server, folder, database and
// administrator. Controlled through the product's command line. Workers share nothing.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@playwright/test';
import { Inbox } from './inbox.ts';
import { startPeer } from './peer.mjs';
import { binary, Program, siteRoot } from './program.ts';
import { Provider, type ProviderAddress } from './provider.ts';

/** A user with an account. */
export interface Person {
  email: string;
  name: string;
  /** Defaults to administrator. */
  role?: 'administrator' | 'reader';
}

/** The initial administrator of every product. */
export const ADA = { email: 'ada@practice.example', name: 'Ada Okafor', password: 'a practice pass phrase' };

/** Another administrator, whom a test has to add. */
export const GRACE: Person = { email: 'grace@practice.example', name: 'Grace Adeyemi' };

/** The practice mail server's ports and its account. */
export interface MailServer {
  starttls: number;
  tls: number;
  plain: number;
  expired: number;
  wrongName: number;
  unknownCa: number;
  selfSigned: number;
  silent: number;
  tokenOnly: number;
  inbox: number;
  ca: string;
  username: string;
  password: string;
}

export class Product {
  /** The product's URL, the same after each restart. */
  url = '';
  readonly inbox: Inbox;
  #program: Program | undefined;
  #listen = '127.0.0.1:0';
  /** The flags of the last start, unless a test has changed something since. */
  #unchanged: string[] | undefined;

  private constructor(
    private readonly folder: string,
    readonly provider: Provider,
    readonly mail: MailServer,
    private readonly stopPeers: () => Promise<unknown>,
  ) {
    this.inbox = new Inbox(`http://127.0.0.1:${mail.inbox}/api/messages`);
  }

  /** Starts a practice provider, a mail server for its tokens, and a product with one administrator. */
  static async start(): Promise<Product> {
    const folder = await mkdtemp(join(tmpdir(), 'ppm-email-'));
    const provider = await startPeer('provider.mjs', []);
    const address = provider.ready as ProviderAddress;
    const { id, secret } = address.mailServer;
    const asking = ['--introspection', address.introspection, '--introspection-client', `${id}:${secret}`];
    const mail = await startPeer('mail-server.mjs', ['--dir', join(folder, 'mail'), ...asking]);
    const stopPeers = () => Promise.all([mail.stop(), provider.stop()]);
    const product = new Product(folder, new Provider(address), mail.ready as MailServer, stopPeers);
    try {
      await product.#makeFirstDatabase();
      await product.prepare([], true);
      return product;
    } catch (error) {
      await product.stop();
      throw error;
    }
  }

  /**
   * Resets to a test's initial state: one administrator, no settings, an empty inbox, and the usual
   * flags plus these. Skipped between two tests that change nothing and have the same flags.
   */
  async prepare(flags: string[], willChangeNothing: boolean): Promise<void> {
    if (!willChangeNothing || JSON.stringify(this.#unchanged) !== JSON.stringify(flags)) {
      await this.#stopServing();
      await rm(this.#data, { recursive: true, force: true });
      await cp(this.#first, this.#data, { recursive: true });
      await this.inbox.clear();
      await this.provider.reset();
      await this.#serve(flags);
    }
    this.#unchanged = willChangeNothing ? flags : undefined;
  }

  /** Runs a subcommand of the product, such as `admin add`, with `input` on stdin. */
  async command(args: string[], input = ''): Promise<string> {
    const child = spawn(binary('ppm-email'), args, { env: this.#environment(this.#data) });
    return finished(child, args, input);
  }

  /** Adds a user with Ada's password. */
  async add({ email, name, role = 'administrator' }: Person): Promise<void> {
    const args = ['admin', 'add', email, '--name', name, '--role', role, '--password-stdin'];
    await this.command(args, `${ADA.password}\n`);
  }

  /** Restarts with an empty database: no administrator, no settings. */
  async restartEmpty(): Promise<void> {
    this.#unchanged = undefined;
    await this.#stopServing();
    await rm(this.#data, { recursive: true, force: true });
    await mkdir(this.#data);
    await this.#serve();
  }

  /** The link for the first administrator, which the server prints after it has started. */
  async setUpLink(): Promise<string> {
    const link = () => /open (\S+\/set-up\?ticket=\S+) within 10 minutes/.exec(this.log)?.[1] ?? '';
    await expect.poll(link, 'the link is printed').not.toBe('');
    return link();
  }

  /** Restarts with the usual flags plus these, keeping the database. */
  async restartWith(flags: string[]): Promise<void> {
    this.#unchanged = undefined;
    await this.#stopServing();
    await this.#serve(flags);
  }

  /** Inserts an unusable token into the database: its sealed value is invalid. */
  storeToken(grantId: string): void {
    const statement =
      "INSERT INTO token (id, grant_id, generation, access, client_auth, obtained_at, expires_at) VALUES (1, ?, 0, x'00', 'body', 0, 0)";
    this.#execute(statement, grantId);
  }

  /** Inserts a test run into the database that started at this time, in epoch milliseconds. */
  storeRun(startedAt: number): void {
    const statement =
      "INSERT INTO run (id, person, person_name, recipient, started_at, outcome) VALUES (?1, 'gone', 'Grace Hopper', 'grace@practice.example', CAST(?1 AS INTEGER), '\"interrupted\"')";
    this.#execute(statement, String(startedAt));
  }

  /** Executes a statement through Python, because Node 20 has no SQLite. */
  #execute(statement: string, ...values: string[]): void {
    const program = 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute(sys.argv[2], sys.argv[3:]); db.commit()';
    execFileSync('python3', ['-c', program, join(this.#data, 'ppm-email.db'), statement, ...values]);
  }

  /** The product's log since the last start. */
  get log(): string {
    return this.#program?.log ?? '';
  }

  /** Stops the product, the mail server and the provider, and removes the folder. */
  async stop(): Promise<void> {
    await this.#stopServing();
    await this.stopPeers();
    await rm(this.folder, { recursive: true, force: true });
  }

  get #data(): string {
    return join(this.folder, 'data');
  }

  get #first(): string {
    return join(this.folder, 'first');
  }

  async #makeFirstDatabase(): Promise<void> {
    await mkdir(this.#first);
    const args = ['admin', 'add', ADA.email, '--name', ADA.name, '--password-stdin'];
    const child = spawn(binary('ppm-email'), args, { env: this.#environment(this.#first) });
    await finished(child, args, `${ADA.password}\n`);
  }

  async #serve(flags: string[] = []): Promise<void> {
    const timeout = flags.includes('--smtp-reply-seconds') ? [] : ['--smtp-reply-seconds', '3'];
    const usual = ['--listen', this.#listen, '--extra-ca', this.mail.ca, ...timeout];
    // The practice servers are on loopback. Tests of the egress policy pass their own flag.
    const egress = flags.includes('--egress-allow') ? [] : ['--egress-allow', '127.0.0.0/8,::1'];
    // A check after a save would show a banner in the middle of a test. Tests of the checks turn them on.
    const checks = flags.includes('--health-check') ? [] : ['--health-check', 'off'];
    this.#program = await Program.start(binary('ppm-email'), ['serve', ...usual, ...egress, ...checks, ...flags], this.#environment(this.#data));
    this.url = this.#program.url;
    this.#listen = new URL(this.url).host;
  }

  async #stopServing(): Promise<void> {
    await this.#program?.stop();
    this.#program = undefined;
  }

  #environment(data: string): NodeJS.ProcessEnv {
    const inherited = Object.entries(process.env).filter(([name]) => !/^(PPM_EMAIL|LEPTOS)_/.test(name));
    return {
      ...Object.fromEntries(inherited),
      PPM_EMAIL_DATABASE_URL: `sqlite://${join(data, 'ppm-email.db')}`,
      PPM_EMAIL_KEY_FILE: join(data, 'ppm-email.key'),
      PPM_EMAIL_SITE_ROOT: siteRoot(),
    };
  }
}

async function finished(child: ChildProcess, args: string[], input: string): Promise<string> {
  let out = '';
  let err = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text));
  child.stdin?.on('error', () => {}); // The process ended without reading; its exit code tells why.
  child.stdin?.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`ppm-email ${args.join(' ')} ended with ${code}:\n${err}`);
  return out;
}
