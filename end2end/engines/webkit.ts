// WebKit, driven by WebDriver: Debian's WebKitWebDriver and MiniBrowser, on an X server of their own.

import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { expect } from '@playwright/test';
import { Builder, Key as Keys, Origin, type WebDriver, type WebElement } from 'selenium-webdriver';
import { freePort } from '../support/free-port.ts';
import { atRest, centreOf, type Engine, find, type Key, PATIENCE, type Point, POLL, type Surface, type Target, valueOf, type Window } from './surface.ts';

const DRIVER = '/usr/bin/WebKitWebDriver';
const X_SERVER = '/usr/bin/Xvfb';
const KEYS: Record<Key, string> = { Enter: Keys.ENTER, Escape: Keys.ESCAPE, Space: Keys.SPACE, Tab: Keys.TAB };

export const webkit: Engine = {
  name: 'WebKit',

  missing() {
    const program = [DRIVER, X_SERVER].find((program) => !existsSync(program));
    return program && `${program} is missing`;
  },

  async start() {
    const programs: ChildProcess[] = [];
    const run = (file: string, args: string[], options: SpawnOptions) => {
      const program = spawn(file, args, options);
      programs.unshift(program);
      return program;
    };
    const stop = async () => {
      for (const program of programs) await end(program);
    };
    try {
      // The X server chooses a free display itself, and writes its number once it is ready.
      const screen = ['-displayfd', '3', '-screen', '0', '1280x1000x24', '-nolisten', 'tcp'];
      const display = run(X_SERVER, screen, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
      const [number] = await unlessEnded(display, once(createInterface(display.stdio[3] as Readable), 'line'));

      const port = await freePort();
      const env = { ...process.env, DISPLAY: `:${number}` };
      const driver = run(DRIVER, [`--port=${port}`], { env, stdio: 'ignore' });
      const url = `http://127.0.0.1:${port}`;
      await unlessEnded(driver, expect(() => fetch(`${url}/status`)).toPass({ timeout: PATIENCE, intervals: [POLL] }));

      const open = async () => {
        // The driver starts a MiniBrowser, which keeps nothing on the disk.
        const session = await new Builder().usingServer(url).withCapabilities({ browserName: 'MiniBrowser' }).build();
        return { window: new WebKitWindow(session, await session.getWindowHandle()), close: () => session.quit() };
      };
      return { open, stop };
    } catch (error) {
      await stop();
      throw error;
    }
  },
};

/** Waits for what a program brings about. Rejects if it ends before. */
async function unlessEnded<T>(program: ChildProcess, ready: Promise<T>): Promise<T> {
  const ended = once(program, 'exit').then(([code, signal]) => {
    throw new Error(`${program.spawnfile} ended with ${code ?? signal}`);
  });
  ended.catch(() => {}); // It may end later.
  return Promise.race([ready, ended]);
}

async function end(program: ChildProcess): Promise<void> {
  const ended = once(program, 'exit');
  if (program.kill()) await ended;
}

class WebKitSurface implements Surface {
  constructor(
    protected readonly driver: WebDriver,
    protected readonly handle: string,
    /** The frame of the window in which it is. */
    private readonly inside?: WebElement,
  ) {}

  async go(url: string): Promise<void> {
    await this.enter();
    await this.driver.get(url);
  }

  async click(target: Target): Promise<void> {
    await this.#found(target);
    const [x, y] = await atRest(() => this.#centre(target));
    await this.driver.actions().move({ x: Math.round(x), y: Math.round(y), origin: Origin.VIEWPORT, duration: 0 }).click().perform();
  }

  async fill(target: Target, text: string): Promise<void> {
    const control = await this.#found(target);
    const option = await this.driver.executeScript<WebElement | null>(`return (${optionOf})(...arguments)`, control, text);
    if (option) return option.click();
    // Only a click gives the focus to a frame. The driver's `clear` tells the page nothing.
    await this.click(target);
    await this.enter();
    await this.driver.executeScript('arguments[0].select()', control);
    await this.driver
      .actions()
      .sendKeys(text || Keys.BACK_SPACE)
      .perform();
  }

  async read(target: Target): Promise<string> {
    return this.driver.executeScript(`return (${valueOf})(arguments[0])`, await this.#found(target));
  }

  async press(target: Target, key: Key): Promise<void> {
    await this.driver.executeScript('arguments[0].focus()', await this.#found(target));
    await this.driver.actions().sendKeys(KEYS[key]).perform();
  }

  async wait(target: Target, isHidden = false): Promise<void> {
    if (!isHidden) await this.#found(target);
    else await this.until(async () => !(await this.#look(target)), `${JSON.stringify(target)} is still there`);
  }

  /** Makes the driver's commands act on this window and frame. */
  protected async enter(): Promise<void> {
    await this.driver.switchTo().window(this.handle);
    if (this.inside) await this.driver.switchTo().frame(this.inside);
  }

  /** Waits until a question about the page has an answer. A page that is being loaded cannot be asked. */
  protected async until<T>(answer: () => Promise<T | null | undefined>, otherwise: string): Promise<T> {
    let failure: unknown;
    const answered = async () => {
      try {
        return await answer();
      } catch (error) {
        failure = error;
        return null;
      }
    };
    const found = await this.driver.wait(answered, PATIENCE, undefined, POLL).catch(() => null);
    if (!found) throw new Error(otherwise, { cause: failure });
    return found;
  }

  async #look(target: Target): Promise<WebElement | null> {
    await this.enter();
    return this.driver.executeScript(`return (${find})(arguments[0])`, target);
  }

  async #found(target: Target): Promise<WebElement> {
    return this.until(() => this.#look(target), `there is no ${JSON.stringify(target)}`);
  }

  /** The centre of a target in the window: the driver's own click misses what is in a frame of another site. */
  async #centre(target: Target): Promise<Point> {
    await this.enter();
    const centre = await this.driver.executeScript<Point>(`return (${centreOf})((${find})(arguments[0]))`, target);
    if (!this.inside) return centre;
    await this.driver.switchTo().window(this.handle);
    return this.driver.executeScript(`return (${inWindow})(...arguments)`, this.inside, centre);
  }
}

class WebKitWindow extends WebKitSurface implements Window {
  async popUp(action: () => Promise<void>): Promise<Surface> {
    const before = await this.driver.getAllWindowHandles();
    await action();
    const opened = async () => (await this.driver.getAllWindowHandles()).find((handle) => !before.includes(handle));
    return new WebKitSurface(this.driver, await this.until(opened, 'no window was opened'));
  }

  async frame(origin: string): Promise<Surface> {
    const frame = async () => {
      await this.enter();
      return this.driver.executeScript<WebElement | null>('return document.querySelector(`iframe[src^="${arguments[0]}/"]`)', origin);
    };
    return new WebKitSurface(this.driver, this.handle, await this.until(frame, `there is no frame of ${origin}`));
  }

  // The driver leaves before a test can see the question. What is left is whether the page wants it asked.
  async stay(): Promise<void> {
    await this.enter();
    const isLeft = await this.driver.executeScript<boolean>("return dispatchEvent(new Event('beforeunload', { cancelable: true }))");
    if (isLeft) throw new Error('the page does not ask before it is left');
  }
}

/** Runs in the page: returns the option of a control that has this text. */
function optionOf(control: Element, text: string): Element | undefined {
  return control instanceof HTMLSelectElement ? [...control.options].find((option) => option.text === text) : undefined;
}

/** Runs in the page: scrolls to a point in a frame, and returns where it is in the window. */
function inWindow(frame: HTMLIFrameElement, [x, y]: Point): Point {
  const top = () => frame.getBoundingClientRect().top + frame.clientTop + y;
  scrollBy({ top: top() - innerHeight / 2, behavior: 'instant' });
  return [frame.getBoundingClientRect().left + frame.clientLeft + x, top()];
}
