// Why: the programs under test, each started as an operator starts it and known by where it listens.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const START_MS = 30_000;
const DRAIN_MS = 5_000;

/** A server that prints `listening on URL` once it can be reached. */
export class Program {
  /** Where it listens. */
  url = '';
  #log = '';

  private constructor(private readonly child: ChildProcess) {}

  /** Starts it, and waits until it listens. */
  static async start(file: string, args: string[], env: NodeJS.ProcessEnv): Promise<Program> {
    const program = new Program(spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] }));
    program.url = (await program.#listening()).replace(/\/$/, '');
    return program;
  }

  /** What it has written since its start. */
  get log(): string {
    return this.#log;
  }

  /** Tells it to stop, and waits until it has. */
  async stop(): Promise<void> {
    const { child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const overdue = setTimeout(() => child.kill('SIGKILL'), DRAIN_MS);
    await ended;
    clearTimeout(overdue);
  }

  /** Waits for the address, but not past the program's end or the deadline. */
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
    failed.catch(() => {}); // A later end is nobody's failure.
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

/** The file of a program; all lie in one folder. */
export function binary(name: string): string {
  const product = process.env.PPM_EMAIL_BIN ?? fromHere('../../target/debug/ppm-email');
  return join(dirname(product), name);
}

/** The folder with the browser's bundle. */
export function siteRoot(): string {
  return process.env.PPM_EMAIL_SITE_ROOT ?? fromHere('../../target/site');
}

function fromHere(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}
