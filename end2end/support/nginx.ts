// Why: the nginx in front of a product, with the configuration that docs/sign-in.md gives to operators,
// line by line. Only its addresses and people are the test's. It runs in a folder of its own, as
// nobody in particular, and ends with the test.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Where Debian's package has it. */
const PROGRAM = '/usr/sbin/nginx';
/** Debian's nobody, whom nothing belongs to. */
const NOBODY = { uid: 65534, gid: 65534 };
const DOCUMENT = new URL('../../docs/sign-in.md', import.meta.url);

/** The password of everybody it knows: an administrator, a reader, and somebody without a role. */
export const PASSWORD = 'a practice pass phrase';
const USERS = ['ada', 'rita', 'sam'] as const;
export type User = (typeof USERS)[number];

export class Nginx {
  private constructor(
    readonly url: string,
    /** What the product behind it is started with. */
    readonly flags: string[],
    private readonly folder: string,
    private readonly process: ChildProcess,
  ) {}

  /** Starts one on a free port of this machine, in front of the product at an address; `more` says more of how it passes things on. */
  static async before(product: string, more = ''): Promise<Nginx> {
    const document = await readFile(DOCUMENT, 'utf8');
    const url = `http://127.0.0.1:${await freePort()}`;
    const folder = await mkdtemp(join(tmpdir(), 'ppm-email-nginx-'));
    const users = join(folder, 'users');
    await writeFile(users, USERS.map((user) => `${user}:{PLAIN}${PASSWORD}\n`).join(''));
    const site = replaced(block(document, 'nginx'), [
      [/^ *ssl_certificate(_key)? .*\n/gm, ''],
      ['listen 443 ssl;', `listen ${new URL(url).host};`],
      ['/etc/nginx/ppm-users', users],
      ['proxy_pass http://127.0.0.1:3000;', `proxy_pass ${product}; ${more}`],
    ]);
    const file = join(folder, 'nginx.conf');
    await writeFile(file, around(folder, site));
    const command = replaced(block(document, 'sh'), [['https://ppm.example.com', url], [/\\\n/g, '']]);
    const flags = command.split(/\s+/).filter(Boolean).slice(2);
    const isRoot = process.getuid?.() === 0;
    if (isRoot) await chown(folder, NOBODY.uid, NOBODY.gid);
    const child = spawn(PROGRAM, ['-c', file, '-p', folder], { ...(isRoot && NOBODY), stdio: ['ignore', 'ignore', 'pipe'] });
    await ready(child);
    return new Nginx(url, flags, folder, child);
  }

  async stop(): Promise<void> {
    const ended = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    await ended;
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The first code of a language in a document. */
function block(document: string, language: string): string {
  const found = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'ms').exec(document)?.[1];
  if (!found) throw new Error(`docs/sign-in.md has no ${language}`);
  return found;
}

/** The text with each of these replaced; one that is not there would leave the test without its sense. */
function replaced(text: string, changes: [what: string | RegExp, by: string][]): string {
  return changes.reduce((before, [what, by]) => {
    const after = before.replace(what, by);
    if (after === before) throw new Error(`docs/sign-in.md does not say ${what}`);
    return after;
  }, text);
}

/** What a package's own nginx.conf holds around a site: here nothing outside the folder, and no daemon. */
function around(folder: string, site: string): string {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'scgi', 'uwsgi'];
  const temporary = kinds.map((kind) => `${kind}_temp_path ${join(folder, kind)};`).join('\n');
  return `
daemon off;
worker_processes 1;
pid ${join(folder, 'nginx.pid')};
error_log stderr notice;
events {}
http {
access_log off;
${temporary}
${site}
}`;
}

/** A port that was free a moment ago: nginx takes none that it chooses itself. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Waits until it has its port and its workers; it complains on stderr alone. */
async function ready(child: ChildProcess): Promise<void> {
  let log = '';
  const started = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`nginx did not start:\n${log}`)));
    createInterface({ input: child.stderr! }).on('line', (line) => {
      log += `${line}\n`;
      if (line.includes('start worker process ')) resolve();
    });
  });
  await started;
}
