// Records the requests that a page makes to the product, from Chromium's network events. Excludes
// responses from the cache; includes CORS preflights.

import { type BrowserContext, expect, type Page } from '@playwright/test';
import type { Shell } from './shell.ts';

/** A request sent over the network, and its response; sizes in bytes. */
export interface Exchange {
  method: string;
  path: string;
  /** The status on the network: 304 for a revalidated response. */
  status: number;
  /** The response headers. */
  headers: Record<string, string>;
  /** The size of the response headers. */
  head: number;
  /** The encoded size of the response body. */
  body: number;
}

interface Seen extends Exchange {
  isOurs: boolean;
  isCached: boolean;
  /** Whether the network status is still missing; a page sees 200 instead of 304. */
  lacksStatus: boolean;
  isOver: boolean;
}

/** Opens a host page and returns its exchanges with the product until every element has loaded. */
export async function visit(context: BrowserContext, shell: Shell, host: string, elements = 1): Promise<Exchange[]> {
  const page = await context.newPage();
  const wire = await Wire.watch(page, shell.product);
  await page.goto(`${shell.url}/${host}/`);
  const flows = page.getByLabel('OAuth Flow', { exact: true });
  await expect(flows).toHaveCount(elements);
  for (const flow of await flows.all()) await expect(flow).toBeEnabled();
  await expect.poll(() => wire.isQuiet && wire.hasDeferredChunk).toBe(true);
  await page.close();
  return wire.exchanges;
}

/** Whether this is the deferred chunk of the bundle, loaded after the first render. */
export function isLater({ path }: { path: string }): boolean {
  return path.includes('-later.');
}

/** Returns the exchanges that fetched static files, not API calls. */
export function files(exchanges: Exchange[]): Exchange[] {
  return exchanges.filter(({ path }) => path === '/embed.js' || path.startsWith('/pkg/'));
}

/** Whether an exchange ends. The event stream of a visible page does not. */
function isNotStream({ path }: Exchange): boolean {
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
    // For a preflight, this event comes before the one with its URL.
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

  /** Whether every request has finished. */
  get isQuiet(): boolean {
    return [...this.#seen.values()].filter(isNotStream).every(({ isOver, isCached, lacksStatus }) => isOver && (isCached || !lacksStatus));
  }

  /** Whether the deferred chunk has been requested, even if from the cache. */
  get hasDeferredChunk(): boolean {
    return [...this.#seen.values()].some(isLater);
  }

  get exchanges(): Exchange[] {
    return [...this.#seen.values()].filter(isNotStream).filter(({ isOurs, isCached }) => isOurs && !isCached);
  }

  #at(requestId: string): Seen {
    const unanswered = { method: '', path: '', status: 0, headers: {}, head: 0, body: 0 };
    const fresh = { ...unanswered, isOurs: false, isCached: false, lacksStatus: true, isOver: false };
    const seen = this.#seen.get(requestId) ?? fresh;
    this.#seen.set(requestId, seen);
    return seen;
  }
}
