// An nginx reverse proxy with the configuration from docs/sign-in.md; only addresses and users are
// replaced. It runs in a temporary folder, as the user `nobody` if the tests run as root, and stops
// with the test.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from './free-port.ts';

/** The path in Debian's package. */
const PROGRAM = '/usr/sbin/nginx';
/** Debian's user `nobody`, which owns no files. */
const NOBODY = { uid: 65534, gid: 65534 };
const DOCUMENT = new URL('../../docs/sign-in.md', import.meta.url);

/** The password of all its users: an administrator, a reader, and one without a role. */
export const PASSWORD = 'a practice pass phrase';
const USERS = ['ada', 'rita', 'sam'] as const;
export type User = (typeof USERS)[number];

export class Nginx {
  private constructor(
    readonly url: string,
    /** The flags with which the product has to be started. */
    readonly flags: string[],
    private readonly folder: string,
    private readonly process: ChildProcess,
  ) {}

  /** Starts nginx on a free port in front of the product; `more` adds proxy directives. */
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
    await writeFile(file, mainConfig(folder, site));
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

/** Returns the first code block of a language in a document. */
function block(document: string, language: string): string {
  const found = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'ms').exec(document)?.[1];
  if (!found) throw new Error(`docs/sign-in.md has no ${language}`);
  return found;
}

/** Applies replacements. Throws if one does not match, as the test would then prove nothing. */
function replaced(text: string, changes: [what: string | RegExp, by: string][]): string {
  return changes.reduce((before, [what, by]) => {
    const after = before.replace(what, by);
    if (after === before) throw new Error(`docs/sign-in.md does not say ${what}`);
    return after;
  }, text);
}

/** Returns the main nginx.conf around a site: in the foreground, and with all files in the folder. */
function mainConfig(folder: string, site: string): string {
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

/** Waits until nginx has started its workers, which it logs on stderr. */
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
