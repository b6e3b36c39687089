// The journeys in browsers other than Chromium. Run them by `npm run test:engines`.

import { ConsoleErrors } from '../support/console-errors.ts';
import { test as embedded } from '../support/embedded.ts';
import { firefox } from './firefox.ts';
import { JOURNEYS } from './journeys.ts';
import type { Browser, Window } from './surface.ts';
import { webkit } from './webkit.ts';

/** Whether an engine that is not installed fails its tests, which are otherwise skipped. */
const isEveryEngineNeeded = process.env.PPM_EMAIL_TEST_EVERY_ENGINE === '1';

for (const engine of [firefox, webkit]) {
  const test = embedded.extend<{ window: Window }, { engineBrowser: Browser }>({
    // Without a page of Playwright's, no Chromium is started.
    consoleErrors: async ({}, use) => use(new ConsoleErrors()),

    engineBrowser: [
      async ({}, use) => {
        const browser = await engine.start();
        await use(browser);
        await browser.stop();
      },
      { scope: 'worker' },
    ],

    window: async ({ engineBrowser }, use) => {
      const { window, close } = await engineBrowser.open();
      await use(window);
      await close();
    },
  });

  test.describe(engine.name, () => {
    test.skip(!isEveryEngineNeeded && engine.missing() !== undefined, engine.missing());
    test.slow();

    for (const { title, run } of JOURNEYS) {
      // `baseURL` starts the product.
      test(title, async ({ baseURL: _, window, product, shell }) => run({ window, product, shell }));
    }
  });
}
