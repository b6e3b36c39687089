// The process lifecycle of a practice server: the tests or `cargo xtask run` start it, read its one
// line of JSON, and must not leave it running.

const MAX_PORT = 65_535;

/**
 * Exits on SIGTERM and SIGINT, and when stdin or stdout closes, so that the process does not outlive
 * its parent. Open connections are not drained.
 */
export function endWithItsStarter() {
  const end = () => process.exit(0);
  process.on('SIGTERM', end).on('SIGINT', end);
  process.stdin.on('error', end).on('close', end).on('end', end).resume();
  process.stdout.on('error', end);
}

/** Prints the line of JSON that reports readiness and `details`. */
export function announce(details) {
  process.stdout.write(`${JSON.stringify({ ready: true, ...details })}\n`);
}

/** Prints an error and exits with code 1. */
export function fail(name, message) {
  process.stderr.write(`${name}: ${message}\n`);
  process.exit(1);
}

/** Parses a port number; 0 selects any free port. */
export function portNumber(text) {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > MAX_PORT) throw new Error(`not a port: ${text}`);
  return port;
}
