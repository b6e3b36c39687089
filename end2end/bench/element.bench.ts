// Counts the requests and bytes that a page on another site needs for the custom element, for three
// elements, and for a second visit. Nothing is timed, so it uses the product of the browser tests.

import type { Browser } from '@playwright/test';
import { test } from '../support/embedded.ts';
import type { Shell } from '../support/shell.ts';
import { type Exchange, files, isLater, visit } from '../support/wire.ts';
import { ROUNDS, write } from './output.ts';

interface Round {
  first: Exchange[];
  again: Exchange[];
  three: Exchange[];
}

/** Measures one round with an empty cache; the second visit uses the cache of the first. */
async function measure(browser: Browser, shell: Shell): Promise<Round> {
  const [context, another] = [await browser.newContext(), await browser.newContext()];
  const first = await visit(context, shell, 'plain');
  const again = await visit(context, shell, 'plain');
  const three = await visit(another, shell, 'three', 3);
  await context.close();
  await another.close();
  return { first, again, three };
}

function bodies(exchanges: Exchange[]): number {
  return exchanges.reduce((sum, { body }) => sum + body, 0);
}

function bytes(exchanges: Exchange[]): number {
  return exchanges.reduce((sum, { head, body }) => sum + head + body, 0);
}

test('requests and bytes of an element', async ({ browser, shell }) => {
  const rounds: Round[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await measure(browser, shell));
  await write('element', {
    file_bodies: rounds.map(({ first }) => bodies(files(first).filter((file) => !isLater(file)))),
    files: rounds.map(({ first }) => files(first).length),
    files_of_three: rounds.map(({ three }) => files(three).length),
    files_again: rounds.map(({ again }) => files(again).length),
    bytes: rounds.map(({ first }) => bytes(first)),
    bytes_of_three: rounds.map(({ three }) => bytes(three)),
    bytes_again: rounds.map(({ again }) => bytes(again)),
    requests: rounds.map(({ first }) => first.length),
    requests_of_three: rounds.map(({ three }) => three.length),
    requests_again: rounds.map(({ again }) => again.length),
  });
});
