// The environment that `cargo xtask bench` passes to the benchmarks, and the files in which they
// report results to it.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The number of measurements. */
export const ROUNDS = 5;

/** Returns an environment variable set by `cargo xtask bench`. */
export function given(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run cargo xtask bench`);
  return value;
}

/** Writes `NAME.json` to the folder in BENCH_OUTPUT. */
export async function write(name: string, figures: object): Promise<void> {
  await writeFile(join(given('BENCH_OUTPUT'), `${name}.json`), JSON.stringify(figures));
}
