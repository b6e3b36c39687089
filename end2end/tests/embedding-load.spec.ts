// The files that a page on another site loads for the custom element, and their caching.

import { expect, test } from '../support/embedded.ts';
import { type Exchange, files, isLater, visit } from '../support/wire.ts';

test.use({ changesNothing: true });

/** The budget of an element's initial files, compressed, in bytes. */
const BUDGET = 173_000;
/** The budget of the deferred chunk. */
const LATER_BUDGET = 150_000;

function paths(exchanges: Exchange[]): string[] {
  return exchanges.map(({ path }) => path).sort();
}

function isHashed({ path }: Exchange): boolean {
  return /^\/pkg\/ppm-email(-later|-embed)?\.[0-9a-f]{16}\.(js|css|wasm)$/.test(path);
}

test('all files of an element except embed.js have a hash in their names', async ({ context, shell }) => {
  const others = files(await visit(context, shell, 'plain')).filter((file) => !isHashed(file));
  expect(paths(others)).toEqual(['/embed.js']);
});

test('a hashed file is compressed and cached as immutable', async ({ context, shell }) => {
  const hashed = files(await visit(context, shell, 'plain')).filter(isHashed);
  expect(hashed.map(({ path }) => path.split('.').pop()).sort()).toEqual(['css', 'js', 'wasm', 'wasm']);
  for (const { path, headers } of hashed) {
    const kept = { 'cache-control': 'public, max-age=31536000, immutable', 'content-encoding': 'br' };
    expect(headers, path).toMatchObject(kept);
  }
});

test('embed.js is compressed and revalidated each time', async ({ context, shell }) => {
  const script = files(await visit(context, shell, 'plain')).find(({ path }) => path === '/embed.js');
  expect(script?.headers).toMatchObject({ 'cache-control': 'no-cache', 'content-encoding': 'br' });
});

test('a second visit only revalidates embed.js', async ({ context, shell }) => {
  await visit(context, shell, 'plain');
  const again = files(await visit(context, shell, 'plain'));
  expect(again.map(({ path, status, body }) => ({ path, status, body }))).toEqual([{ path: '/embed.js', status: 304, body: 0 }]);
});

test('three elements on a page fetch the same files as one', async ({ browser, context, shell }) => {
  const one = files(await visit(context, shell, 'plain'));
  const another = await browser.newContext();
  const three = files(await visit(another, shell, 'three', 3));
  await another.close();
  expect(paths(three)).toEqual(paths(one));
});

test('the initial files are at most 173,000 bytes compressed, and the deferred chunk 150,000', async ({ context, shell }) => {
  const all = files(await visit(context, shell, 'plain'));
  expect(Math.min(...all.map(({ body }) => body))).toBeGreaterThan(0);
  const weight = (some: Exchange[]) => some.reduce((sum, { body }) => sum + body, 0);
  expect(weight(all.filter((file) => !isLater(file)))).toBeLessThanOrEqual(BUDGET);
  expect(weight(all.filter(isLater))).toBeLessThanOrEqual(LATER_BUDGET);
});
