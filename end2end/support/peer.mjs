// Starts a practice server as a child process, reads its ports from its first line, and stops it with
// the process that started it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/**
 * Starts `end2end/dev-servers/FILE` and waits for its JSON line.
 * @param {string} file
 * @param {string[]} args
 * @returns {Promise<{ process: import('node:child_process').ChildProcess, ready: any, stop: () => Promise<void> }>}
 */
export async function startPeer(file, args) {
  const path = fileURLToPath(new URL(`../dev-servers/${file}`, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([once(lines, 'line'), ended.then(() => null)]);
  if (!first) throw new Error(`${file} ended before it was ready`);
  return {
    process: child,
    ready: JSON.parse(first[0]),
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
