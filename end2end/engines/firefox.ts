// Firefox, driven by WebDriver BiDi.

import { existsSync } from 'node:fs';
import puppeteer, { type Dialog, type ElementHandle, type Frame, type Page } from 'puppeteer-core';
import { atRest, centreOf, type Engine, find, type Key, PATIENCE, type Surface, type Target, valueOf, type Window } from './surface.ts';

const PROGRAM = '/usr/bin/firefox-esr';

export const firefox: Engine = {
  name: 'Firefox',

  missing: () => (existsSync(PROGRAM) ? undefined : `${PROGRAM} is missing`),

  async start() {
    const firefox = await puppeteer.launch({
      browser: 'firefox',
      executablePath: PROGRAM,
      headless: true,
      defaultViewport: { width: 1280, height: 900 },
    });
    const open = async () => {
      const profile = await firefox.createBrowserContext();
      return { window: new FirefoxWindow(await profile.newPage()), close: () => profile.close() };
    };
    return { open, stop: () => firefox.close() };
  },
};

class FirefoxSurface implements Surface {
  constructor(
    protected readonly page: Page,
    /** The frame of the page in which it is. */
    private readonly inside: Frame = page.mainFrame(),
  ) {}

  async go(url: string): Promise<void> {
    await this.inside.goto(url);
  }

  async click(target: Target): Promise<void> {
    const element = await this.#found(target);
    await atRest(() => element.evaluate(centreOf));
    await element.click();
  }

  async fill(target: Target, text: string): Promise<void> {
    const element = await this.#found(target);
    const option = await element.evaluate(
      (element, text) => (element instanceof HTMLSelectElement ? [...element.options].find((option) => option.text === text)?.value : undefined),
      text,
    );
    if (option !== undefined) {
      await element.select(option);
      return;
    }
    await element.evaluate((element) => (element as HTMLInputElement).select());
    await element.focus();
    if (text) await this.page.keyboard.type(text);
    else await this.page.keyboard.press('Delete');
  }

  async read(target: Target): Promise<string> {
    return (await this.#found(target)).evaluate(valueOf);
  }

  async press(target: Target, key: Key): Promise<void> {
    await (await this.#found(target)).focus();
    await this.page.keyboard.press(key);
  }

  async wait(target: Target, isHidden = false): Promise<void> {
    if (!isHidden) await this.#found(target);
    else await this.inside.waitForFunction(`!(${find})(${JSON.stringify(target)})`, { timeout: PATIENCE });
  }

  async #found(target: Target): Promise<ElementHandle<Element>> {
    const found = await this.inside.waitForFunction(`(${find})(${JSON.stringify(target)})`, { timeout: PATIENCE }).catch(() => undefined);
    const element = found?.asElement();
    if (!element) throw new Error(`there is no ${JSON.stringify(target)} at ${this.inside.url()}`);
    return element as ElementHandle<Element>;
  }
}

class FirefoxWindow extends FirefoxSurface implements Window {
  async popUp(action: () => Promise<void>): Promise<Surface> {
    const profile = this.page.browserContext();
    const before = await profile.pages();
    const opened = async () => (await profile.pages()).find((page) => !before.includes(page));
    await action();
    // The page's own event tells nothing of what its frame opens.
    await profile.waitForTarget(async () => (await opened()) !== undefined, { timeout: PATIENCE });
    const page = await opened();
    if (!page) throw new Error('the window that was opened is closed');
    return new FirefoxSurface(page);
  }

  async frame(origin: string): Promise<Surface> {
    const frame = await this.page.waitForFrame((frame) => frame.url().startsWith(`${origin}/`), { timeout: PATIENCE });
    return new FirefoxSurface(this.page, frame);
  }

  async stay(action: () => Promise<void>): Promise<void> {
    const asked = new Promise<Dialog>((resolve) => this.page.once('dialog', resolve));
    const left = action().catch(() => {}); // Rejects when the user stays.
    const dialog = await asked;
    if (dialog.type() !== 'beforeunload') throw new Error(`the page asks a ${dialog.type()}`);
    await dialog.dismiss();
    await left;
  }
}
