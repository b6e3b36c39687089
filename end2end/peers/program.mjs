// Why: a practice peer is a program that the tests or `cargo xtask run` start, hear one line of,
// and must never leave behind.

const MAX_PORT = 65_535;

/**
 * Ends this program on SIGTERM and SIGINT, and when its stdin or stdout closes: it dies with what
 * started it. Nothing is worth finishing: open connections end with the process.
 */
export function endWithItsStarter() {
  const end = () => process.exit(0);
  process.on('SIGTERM', end).on('SIGINT', end);
  process.stdin.on('error', end).on('close', end).on('end', end).resume();
  process.stdout.on('error', end);
}

/** Says that the program is ready and `where`, in its one line. */
export function announce(where) {
  process.stdout.write(`${JSON.stringify({ ready: true, ...where })}\n`);
}

/** Ends the program `name` with what is wrong. */
export function fail(name, message) {
  process.stderr.write(`${name}: ${message}\n`);
  process.exit(1);
}

/** The port that a text names; 0 for any. */
export function portNumber(text) {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > MAX_PORT) throw new Error(`not a port: ${text}`);
  return port;
}
