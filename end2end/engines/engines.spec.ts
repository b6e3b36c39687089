// The journeys in browsers other than Chromium. An engine that is not installed is left out. Run them by
// `npm run test:engines`.

import { ConsoleErrors } from '../support/console-errors.ts';
import { test as embedded } from '../support/embedded.ts';
import { firefox } from './firefox.ts';
import { JOURNEYS } from './journeys.ts';
import type { Window } from './surface.ts';

for (const engine of [firefox]) {
  const test = embedded.extend<{ window: Window }>({
    // Without a page of Playwright's, no Chromium is started.
    consoleErrors: [async ({}, use) => use(new ConsoleErrors()), { auto: true }],

    window: async ({}, use) => {
      const { window, close } = await engine.open();
      await use(window);
      await close();
    },
  });

  test.describe(engine.name, () => {
    test.skip(engine.missing() !== undefined, engine.missing());
    test.slow();

    for (const { title, run } of JOURNEYS) {
      // `baseURL` starts the product.
      test(title, async ({ baseURL: _, window, product, shell }) => run({ engine, window, product, shell }));
    }
  });
}
