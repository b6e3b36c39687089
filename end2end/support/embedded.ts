// Fixtures for specs of the embedded tab. `test` has a host that signs tokens, and host pages on
// another site, which the product allows to embed the tab.

import { Host } from './host.ts';
import { Shell } from './shell.ts';
import { test as base } from './test.ts';

interface Embedding {
  host: Host;
  shell: Shell;
}

export const test = base.extend<object, Embedding>({
  host: [
    async ({}, use) => {
      const host = await Host.start();
      await use(host);
      await host.stop();
    },
    { scope: 'worker' },
  ],

  shell: [
    async ({ host, product }, use) => {
      const shell = await Shell.start(host, product.url);
      await use(shell);
      await shell.stop();
    },
    { scope: 'worker' },
  ],

  flags: async ({ host, shell }, use) => {
    host.forget();
    await use([...host.flags, ...Shell.flags(shell.url)]);
  },
});

export { expect } from './test.ts';
