// Starts a program under test through its command line and waits until it listens.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const START_MS = 30_000;
const DRAIN_MS = 5_000;

/** A server that prints `listening on URL` when it is ready. */
export class Program {
  /** The URL on which it listens. */
  url = '';
  #log = '';

  private constructor(private readonly child: ChildProcess) {}

  /** Starts the program and waits until it listens. */
  static async start(file: string, args: string[], env: NodeJS.ProcessEnv): Promise<Program> {
    const program = new Program(spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] }));
    program.url = (await program.#listening()).replace(/\/$/, '');
    return program;
  }

  /** Its output since the start. */
  get log(): string {
    return this.#log;
  }

  /** Sends SIGTERM, then SIGKILL after a timeout, and waits for the exit. */
  async stop(): Promise<void> {
    const { child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const overdue = setTimeout(() => child.kill('SIGKILL'), DRAIN_MS);
    await ended;
    clearTimeout(overdue);
  }

  /** Waits for the URL. Rejects if the program exits or the start times out. */
  async #listening(): Promise<string> {
    const { child } = this;
    let deadline: NodeJS.Timeout | undefined;
    const failed = new Promise<never>((_, reject) => {
      const fail = (why: string) => reject(new Error(`${child.spawnfile} did not start (${why}):\n${this.#log}`));
      child.once('error', (error) => fail(error.message));
      child.once('close', (code, signal) => fail(`it ended with ${code ?? signal}`));
      deadline = setTimeout(() => {
        child.kill('SIGKILL');
        fail('it took too long');
      }, START_MS);
    });
    failed.catch(() => {}); // An exit after the start is not an error.
    const listening = new Promise<string>((found) => {
      for (const stream of [child.stdout, child.stderr]) {
        if (!stream) continue;
        createInterface({ input: stream }).on('line', (line) => {
          this.#log += `${line}\n`;
          const url = /^listening on (http:\/\/\S+)$/.exec(line)?.[1];
          if (url) found(url);
        });
      }
    });
    try {
      return await Promise.race([listening, failed]);
    } finally {
      clearTimeout(deadline);
    }
  }
}

/** Returns the path of a program; all are in one folder. */
export function binary(name: string): string {
  const product = process.env.PPM_EMAIL_BIN ?? fromHere('../../target/debug/ppm-email');
  return join(dirname(product), name);
}

/** Returns the folder with the browser bundle. */
export function siteRoot(): string {
  return process.env.PPM_EMAIL_SITE_ROOT ?? fromHere('../../target/site');
}

function fromHere(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}
