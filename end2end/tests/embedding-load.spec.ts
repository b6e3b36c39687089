// What a page on another site loads for the custom element, and what it does not load again.

import { expect, test } from '../support/embedded.ts';
import { type Exchange, files, isLater, visit } from '../support/wire.ts';

test.use({ changesNothing: true });

/** What the first files of an element may weigh together as they are sent, in bytes. */
const BUDGET = 214_000;
/** And the one that is loaded once it has come to life. */
const LATER_BUDGET = 80_000;

function paths(exchanges: Exchange[]): string[] {
  return exchanges.map(({ path }) => path).sort();
}

function isHashed({ path }: Exchange): boolean {
  return /^\/pkg\/ppm-email(-later|-embed)?\.[0-9a-f]{16}\.(js|css|wasm)$/.test(path);
}

test('all files of an element but embed.js have a hash in their names', async ({ context, shell }) => {
  const others = files(await visit(context, shell, 'plain')).filter((file) => !isHashed(file));
  expect(paths(others)).toEqual(['/embed.js']);
});

test('a file with a hash in its name comes compressed, to be kept for good', async ({ context, shell }) => {
  const hashed = files(await visit(context, shell, 'plain')).filter(isHashed);
  expect(hashed.map(({ path }) => path.split('.').pop()).sort()).toEqual(['css', 'js', 'wasm', 'wasm']);
  for (const { path, headers } of hashed) {
    const kept = { 'cache-control': 'public, max-age=31536000, immutable', 'content-encoding': 'br' };
    expect(headers, path).toMatchObject(kept);
  }
});

test('embed.js comes compressed, to be asked for anew each time', async ({ context, shell }) => {
  const script = files(await visit(context, shell, 'plain')).find(({ path }) => path === '/embed.js');
  expect(script?.headers).toMatchObject({ 'cache-control': 'no-cache', 'content-encoding': 'br' });
});

test('a second visit only asks whether embed.js is still the same', async ({ context, shell }) => {
  await visit(context, shell, 'plain');
  const again = files(await visit(context, shell, 'plain'));
  expect(again.map(({ path, status, body }) => ({ path, status, body }))).toEqual([{ path: '/embed.js', status: 304, body: 0 }]);
});

test('three elements on a page fetch the files of one', async ({ browser, context, shell }) => {
  const one = files(await visit(context, shell, 'plain'));
  const elsewhere = await browser.newContext();
  const three = files(await visit(elsewhere, shell, 'three', 3));
  await elsewhere.close();
  expect(paths(three)).toEqual(paths(one));
});

test('the files of an element weigh no more than 214,000 bytes as they are sent, and 80,000 later', async ({ context, shell }) => {
  const all = files(await visit(context, shell, 'plain'));
  expect(Math.min(...all.map(({ body }) => body))).toBeGreaterThan(0);
  const weight = (some: Exchange[]) => some.reduce((sum, { body }) => sum + body, 0);
  expect(weight(all.filter((file) => !isLater(file)))).toBeLessThanOrEqual(BUDGET);
  expect(weight(all.filter(isLater))).toBeLessThanOrEqual(LATER_BUDGET);
});
