// Why: what `cargo xtask bench` tells the scripts beside this one, and where it looks for what they
// found.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** How often each thing is measured. */
export const ROUNDS = 5;

/** What `cargo xtask bench` says in the environment. */
export function given(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run cargo xtask bench`);
  return value;
}

/** Writes `NAME.json` into the folder that BENCH_OUTPUT names. */
export async function write(name: string, figures: object): Promise<void> {
  await writeFile(join(given('BENCH_OUTPUT'), `${name}.json`), JSON.stringify(figures));
}
