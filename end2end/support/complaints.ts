// Why: a test fails when the browser complained of anything it was not told to expect: a console
// error or warning, an uncaught error, a failed request, an answer of 400 or above. An expected
// complaint that never came fails it too.

import type { BrowserContext } from '@playwright/test';

type Kind = 'status' | 'failure' | 'console';

interface Expectation {
  kind: Kind;
  describes: string;
  matches: (text: string, status?: number) => boolean;
  met: boolean;
}

// Chromium repeats in the console what `response` and `requestfailed` already tell, with less in it.
const REPEATED = /^Failed to load resource: /;
// A page that is left, or a fetch that is aborted on purpose, is nobody's fault.
const ABORTED = 'net::ERR_ABORTED';
// A page tries this again by itself, and polls meanwhile: that it breaks off or is refused, once a
// session has ended or while a server starts anew, is told by what the page shows.
const NEWS = /\/api\/email\/events$/;
// A page that polls may meet the end of its session before it is left: a test may expect the refusal.
const POLL = /\/api\/email\/(token|run)$/;

export class Complaints {
  readonly #expectations: Expectation[] = [];
  readonly #unexpected: string[] = [];

  /** Watches every page of the context, pop-ups included. */
  watch(context: BrowserContext): void {
    context.on('console', (message) => {
      if (!['error', 'warning', 'assert'].includes(message.type()) || REPEATED.test(message.text())) return;
      this.#note('console', message.text(), `console ${message.type()}: ${message.text()}`);
    });
    context.on('weberror', (error) => {
      this.#note('console', error.error().message, `uncaught: ${error.error().stack ?? error.error().message}`);
    });
    context.on('requestfailed', (request) => {
      const why = request.failure()?.errorText ?? 'unknown';
      if (why === ABORTED || NEWS.test(request.url())) return;
      this.#note('failure', request.url(), `failed request: ${request.method()} ${request.url()} ${why}`);
    });
    context.on('response', (response) => {
      if (response.status() < 400 || NEWS.test(response.url())) return;
      const what = `${response.request().method()} ${response.url()}`;
      this.#note('status', response.url(), `answer ${response.status()} to ${what}`, response.status());
    });
  }

  /** Says that answers with this status, to addresses matching `url`, belong to the test. */
  expectStatus(status: number, url: RegExp = /./): void {
    this.#expect('status', `answer ${status} to ${url}`, (text, given) => given === status && url.test(text));
  }

  /** Says that requests to addresses matching `url` will fail, such as while the server is away. */
  expectFailure(url: RegExp = /./): void {
    this.#expect('failure', `failed request to ${url}`, (text) => url.test(text));
  }

  /** Says that console lines or uncaught errors matching `text` belong to the test. */
  expectConsole(text: RegExp): void {
    this.#expect('console', `console line ${text}`, (given) => text.test(given));
  }

  /** What went wrong: unexpected complaints, and expected ones that never came. */
  all(): string[] {
    const missing = this.#expectations.filter(({ met }) => !met).map(({ describes }) => `never came: ${describes}`);
    return [...this.#unexpected, ...missing];
  }

  #expect(kind: Kind, describes: string, matches: Expectation['matches']): void {
    this.#expectations.push({ kind, describes, matches, met: false });
  }

  #note(kind: Kind, text: string, complaint: string, status?: number): void {
    const expected = this.#expectations.find((one) => one.kind === kind && one.matches(text, status));
    const isLastPoll = status === 401 && POLL.test(text);
    if (expected) expected.met = true;
    else if (!isLastPoll) this.#unexpected.push(complaint);
  }
}
