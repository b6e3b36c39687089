// Why: what a page has of the product, as the browser's own network counts it: what came out of its
// cache is left out, what a policy made it ask beforehand (CORS) is not.

import { type BrowserContext, expect, type Page } from '@playwright/test';
import type { Shell } from './shell.ts';

/** A request that went over the wire, and its answer; sizes in bytes. */
export interface Exchange {
  method: string;
  path: string;
  /** 304 where the browser only asked whether what it has is still good. */
  status: number;
  /** The answer's. */
  headers: Record<string, string>;
  /** What the answer's headers take. */
  head: number;
  /** The answer's body, encoded as it came. */
  body: number;
}

interface Seen extends Exchange {
  isOurs: boolean;
  isCached: boolean;
  /** Whether the status is yet to come: a page gets 200 for a 304, and only the network tells. */
  lacksStatus: boolean;
  isOver: boolean;
}

/** What a host's page has of the product until every element on it has come to life and is whole. */
export async function visit(context: BrowserContext, shell: Shell, host: string, elements = 1): Promise<Exchange[]> {
  const page = await context.newPage();
  const wire = await Wire.watch(page, shell.product);
  await page.goto(`${shell.url}/${host}/`);
  const flows = page.getByLabel('OAuth Flow', { exact: true });
  await expect(flows).toHaveCount(elements);
  for (const flow of await flows.all()) await expect(flow).toBeEnabled();
  await expect.poll(() => wire.isQuiet && wire.isWhole).toBe(true);
  await page.close();
  return wire.exchanges;
}

/** Whether it is the part of the bundle that is loaded once an element has come to life. */
export function isLater({ path }: { path: string }): boolean {
  return path.includes('-later.');
}

/** Those that had a file, not what is behind a call. */
export function files(exchanges: Exchange[]): Exchange[] {
  return exchanges.filter(({ path }) => path === '/embed.js' || path.startsWith('/pkg/'));
}

/** Whether an exchange ends by itself. The page of an element that is seen always reads one that does not. */
function isNoStream({ path }: Exchange): boolean {
  return !path.endsWith('/api/email/events');
}

class Wire {
  readonly #seen = new Map<string, Seen>();

  private constructor(private readonly origin: string) {}

  static async watch(page: Page, origin: string): Promise<Wire> {
    const wire = new Wire(origin);
    const cdp = await page.context().newCDPSession(page);
    cdp.on('Network.requestWillBeSent', ({ requestId, request }) => {
      const { origin, pathname: path } = new URL(request.url);
      Object.assign(wire.#at(requestId), { method: request.method, path, isOurs: origin === wire.origin });
    });
    // Of a request made beforehand this comes first, and its address last.
    cdp.on('Network.responseReceivedExtraInfo', ({ requestId, statusCode: status }) => {
      Object.assign(wire.#at(requestId), { status, lacksStatus: false });
    });
    cdp.on('Network.requestServedFromCache', ({ requestId }) => (wire.#at(requestId).isCached = true));
    cdp.on('Network.responseReceived', ({ requestId, response }) => {
      const { headers, encodedDataLength: head, fromDiskCache } = response;
      const seen = wire.#at(requestId);
      Object.assign(seen, { headers, head, isCached: seen.isCached || fromDiskCache === true });
    });
    cdp.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
      const seen = wire.#at(requestId);
      Object.assign(seen, { body: Math.max(encodedDataLength - seen.head, 0), isOver: true });
    });
    cdp.on('Network.loadingFailed', ({ requestId }) => (wire.#at(requestId).isOver = true));
    await cdp.send('Network.enable');
    return wire;
  }

  /** Whether every request that was begun is over. */
  get isQuiet(): boolean {
    return [...this.#seen.values()].filter(isNoStream).every(({ isOver, isCached, lacksStatus }) => isOver && (isCached || !lacksStatus));
  }

  /** Whether the part of the bundle that comes later has been asked for, if only of the cache. */
  get isWhole(): boolean {
    return [...this.#seen.values()].some(isLater);
  }

  get exchanges(): Exchange[] {
    return [...this.#seen.values()].filter(isNoStream).filter(({ isOurs, isCached }) => isOurs && !isCached);
  }

  #at(requestId: string): Seen {
    const unanswered = { method: '', path: '', status: 0, headers: {}, head: 0, body: 0 };
    const fresh = { ...unanswered, isOurs: false, isCached: false, lacksStatus: true, isOver: false };
    const seen = this.#seen.get(requestId) ?? fresh;
    this.#seen.set(requestId, seen);
    return seen;
  }
}
