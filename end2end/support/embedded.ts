// Why: what the specs of the embedded tab import. `test` comes with a host that signs tokens, and
// with its pages on a site of their own, which the product lets embed the tab.

import { Host } from './host.ts';
import { Shell } from './shell.ts';
import { test as base } from './test.ts';

interface Embedding {
  host: Host;
  shell: Shell;
}

export const test = base.extend<Embedding>({
  host: async ({ baseURL: _ }, use) => {
    const host = await Host.start();
    await use(host);
    await host.stop();
  },

  shell: async ({ host, product }, use) => {
    const shell = await Shell.start(host, product.url);
    await product.restartWith([...host.flags, ...Shell.flags(shell.url)]);
    await use(shell);
    await shell.stop();
  },
});

export { expect } from './test.ts';
