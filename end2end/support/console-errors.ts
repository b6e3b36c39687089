// Fails a test on any unexpected browser error: a console error or warning, an uncaught exception, a
// failed request, or a response with a status of 400 or above. An expected error that does not occur
// fails it too.

import type { BrowserContext } from '@playwright/test';

type Kind = 'status' | 'failure' | 'console';

interface Expectation {
  kind: Kind;
  describes: string;
  matches: (text: string, status?: number) => boolean;
  met: boolean;
}

// Chromium's console message for failed requests, which `response` and `requestfailed` report better.
const REPEATED = /^Failed to load resource: /;
// The error for requests aborted on purpose or by navigation.
const ABORTED = 'net::ERR_ABORTED';
// The event stream. The page retries it and polls meanwhile, so a failure after the end of a session
// or during a restart of the server is not an error.
const EVENT_STREAM = /\/api\/email\/events$/;
// Polled endpoints. A poll may be refused at the end of a session, whether or not a test expects it.
const POLL = /\/api\/email\/(token|run)$/;

export class ConsoleErrors {
  readonly #expectations: Expectation[] = [];
  readonly #unexpected: string[] = [];

  /** Watches every page of the context, including pop-ups. */
  watch(context: BrowserContext): void {
    context.on('console', (message) => {
      if (!['error', 'warning', 'assert'].includes(message.type()) || REPEATED.test(message.text())) return;
      this.#record('console', message.text(), `console ${message.type()}: ${message.text()}`);
    });
    context.on('weberror', (error) => {
      this.#record('console', error.error().message, `uncaught: ${error.error().stack ?? error.error().message}`);
    });
    context.on('requestfailed', (request) => {
      const why = request.failure()?.errorText ?? 'unknown';
      if (why === ABORTED || EVENT_STREAM.test(request.url())) return;
      this.#record('failure', request.url(), `failed request: ${request.method()} ${request.url()} ${why}`);
    });
    context.on('response', (response) => {
      if (response.status() < 400 || EVENT_STREAM.test(response.url())) return;
      const what = `${response.request().method()} ${response.url()}`;
      this.#record('status', response.url(), `answer ${response.status()} to ${what}`, response.status());
    });
  }

  /** Expects responses with this status from URLs that match `url`. */
  expectStatus(status: number, url: RegExp = /./): void {
    this.#expect('status', `answer ${status} to ${url}`, (text, given) => given === status && url.test(text));
  }

  /** Expects requests to URLs that match `url` to fail. */
  expectFailure(url: RegExp = /./): void {
    this.#expect('failure', `failed request to ${url}`, (text) => url.test(text));
  }

  /** Expects console messages or uncaught errors that match `text`. */
  expectConsole(text: RegExp): void {
    this.#expect('console', `console line ${text}`, (given) => text.test(given));
  }

  /** Returns unexpected errors, and expected ones that did not occur. */
  all(): string[] {
    const missing = this.#expectations.filter(({ met }) => !met).map(({ describes }) => `never came: ${describes}`);
    return [...this.#unexpected, ...missing];
  }

  #expect(kind: Kind, describes: string, matches: Expectation['matches']): void {
    this.#expectations.push({ kind, describes, matches, met: false });
  }

  #record(kind: Kind, text: string, complaint: string, status?: number): void {
    const expected = this.#expectations.find((one) => one.kind === kind && one.matches(text, status));
    const isLastPoll = status === 401 && POLL.test(text);
    if (expected) expected.met = true;
    else if (!isLastPoll) this.#unexpected.push(complaint);
  }
}
