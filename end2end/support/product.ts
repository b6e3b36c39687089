// Why: one running product with everything around it, for one worker: a practice provider and mail
// server, a folder of its own, a database, an administrator. It goes through the command line that an
// administrator uses, and nothing of it is shared with another worker.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Inbox } from './inbox.ts';
import { startPeer } from './peer.mjs';
import { binary, Program, siteRoot } from './program.ts';
import { Provider, type ProviderAddress } from './provider.ts';

/** Somebody with an account. */
export interface Person {
  email: string;
  name: string;
  /** An administrator where it is not said. */
  role?: 'administrator' | 'reader';
}

/** The administrator that every product starts with. */
export const ADA = { email: 'ada@practice.example', name: 'Ada Okafor', password: 'a practice pass phrase' };

/** Another administrator, once a test has added them. */
export const GRACE: Person = { email: 'grace@practice.example', name: 'Grace Adeyemi' };

/** Where the practice mail server listens, and the account it knows. */
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
  /** The product's address, the same after each start. */
  url = '';
  readonly inbox: Inbox;
  #program: Program | undefined;
  #listen = '127.0.0.1:0';
  /** The flags of the last start, as long as nothing has changed since. */
  #unchanged: string[] | undefined;

  private constructor(
    private readonly folder: string,
    readonly provider: Provider,
    readonly mail: MailServer,
    private readonly stopPeers: () => Promise<unknown>,
  ) {
    this.inbox = new Inbox(`http://127.0.0.1:${mail.inbox}/api/messages`);
  }

  /** Starts a practice provider, a mail server that takes its tokens, and a product with one administrator. */
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
   * Makes everything as a test finds it: one administrator and no settings, an empty inbox, and these
   * flags beside the usual ones. Nothing is left to do after a test that changed nothing.
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

  /** Runs a command of the product, such as `admin add`, with `input` on its stdin. */
  async command(args: string[], input = ''): Promise<string> {
    const child = spawn(binary('ppm-email'), args, { env: this.#environment(this.#data) });
    return finished(child, args, input);
  }

  /** Adds somebody with Ada's password. */
  async add({ email, name, role = 'administrator' }: Person): Promise<void> {
    const args = ['admin', 'add', email, '--name', name, '--role', role, '--password-stdin'];
    await this.command(args, `${ADA.password}\n`);
  }

  /** Starts with nothing at all, as on the first day: no administrator, no settings. */
  async restartEmpty(): Promise<void> {
    this.#unchanged = undefined;
    await this.#stopServing();
    await rm(this.#data, { recursive: true, force: true });
    await mkdir(this.#data);
    await this.#serve();
  }

  /** Starts anew with these flags beside the usual ones, the database as it is. */
  async restartWith(flags: string[]): Promise<void> {
    this.#unchanged = undefined;
    await this.#stopServing();
    await this.#serve(flags);
  }

  /** Puts a token into the database that nothing can be sent with: what is sealed in it is nothing. */
  storeToken(grantId: string): void {
    const statement =
      "INSERT INTO token (id, grant_id, generation, access, client_auth, obtained_at, expires_at) VALUES (1, ?, 0, x'00', 'body', 0, 0)";
    this.#execute(statement, grantId);
  }

  /** Puts a test message into the database that began at this instant, in epoch milliseconds. */
  storeRun(startedAt: number): void {
    const statement =
      "INSERT INTO run (id, person, person_name, recipient, started_at, outcome) VALUES (?1, 'gone', 'Grace Hopper', 'grace@practice.example', CAST(?1 AS INTEGER), '\"interrupted\"')";
    this.#execute(statement, String(startedAt));
  }

  /** Python brings the SQLite that Node 20 lacks. */
  #execute(statement: string, ...values: string[]): void {
    const program = 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute(sys.argv[2], sys.argv[3:]); db.commit()';
    execFileSync('python3', ['-c', program, join(this.#data, 'ppm-email.db'), statement, ...values]);
  }

  /** What the product has written to its log since the last start. */
  get log(): string {
    return this.#program?.log ?? '';
  }

  /** Ends the product, the mail server and the provider, and removes the folder. */
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
    const patience = flags.includes('--smtp-reply-seconds') ? [] : ['--smtp-reply-seconds', '3'];
    const usual = ['--listen', this.#listen, '--extra-ca', this.mail.ca, ...patience];
    // The practice servers are on this machine, on any ports. A test of the policy says what it allows.
    const egress = flags.includes('--egress-allow') ? [] : ['--egress-allow', '127.0.0.0/8,::1'];
    this.#program = await Program.start(binary('ppm-email'), ['serve', ...usual, ...egress, ...flags], this.#environment(this.#data));
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
  child.stdin?.on('error', () => {}); // It ended without reading: its exit code says why.
  child.stdin?.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`ppm-email ${args.join(' ')} ended with ${code}:\n${err}`);
  return out;
}
