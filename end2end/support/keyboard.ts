// The keys of a user without a mouse. Nothing here clicks, fills in or sets the focus: it is moved by
// Tab alone, and at each stop it has to be on an element that is in sight and marked.

import { expect, type Locator, type Page } from '@playwright/test';

/** More stops than the longest page has. */
const MOST_STOPS = 90;

export class Keyboard {
  constructor(readonly page: Page) {}

  /** Presses Tab until the focus is on `target`, or Shift+Tab. */
  async to(target: Locator, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
    await expect(target).toBeVisible();
    const focused = target.and(this.page.locator(':focus'));
    for (let stop = 0; stop < MOST_STOPS; stop++) {
      if (await focused.count()) return;
      await this.page.keyboard.press(key);
      expect(await this.page.evaluate(problemOfFocus), `${key} towards ${target}`).toBe('');
    }
    throw new Error(`${target} is not among the first ${MOST_STOPS} stops of ${key}`);
  }

  /** Moves to a button, link or summary, and presses it. */
  async press(target: Locator): Promise<void> {
    await this.to(target);
    await this.page.keyboard.press('Enter');
  }

  /** Moves to a text input, and types in place of its text. */
  async type(target: Locator, text: string): Promise<void> {
    await this.to(target);
    await this.page.keyboard.press('ControlOrMeta+a');
    await this.page.keyboard.type(text);
  }

  /** Types into several text inputs of a group, by their labels and in their order on the page. */
  async fill(group: Locator, values: Record<string, string>): Promise<void> {
    for (const [label, value] of Object.entries(values)) await this.type(group.getByLabel(label, { exact: true }), value);
  }

  /** Moves to a select, and chooses an option by the arrow key. */
  async choose(target: Locator, option: string): Promise<void> {
    await this.to(target);
    const chosen = target.locator('option:checked');
    const options = await target.locator('option').count();
    for (let step = 0; step < options && (await chosen.textContent()) !== option; step++) {
      await this.page.keyboard.press('ArrowDown');
    }
    await expect(chosen).toHaveText(option);
  }

  /** Moves to the chosen one of a group of radio buttons, and chooses another by the arrow key. */
  async chooseRadio(current: Locator, target: Locator): Promise<void> {
    await this.to(current);
    for (let step = 0; step < MOST_STOPS && !(await target.isChecked()); step++) {
      await this.page.keyboard.press('ArrowDown');
    }
    await expect(target).toBeFocused();
  }
}

/** Runs in the page: what is wrong with the focus, or nothing. */
function problemOfFocus(): string {
  let root: Document | ShadowRoot = document;
  while (root.activeElement?.shadowRoot) root = root.activeElement.shadowRoot;
  const focused = root.activeElement;
  if (!focused || focused === document.body) return 'nothing has the focus';
  const element = focused.outerHTML.slice(0, 120);
  const { boxShadow, outlineStyle } = getComputedStyle(focused);
  // The parts of a date are stops inside of it, which the browser marks itself.
  const hasParts = focused.matches('input[type=date]');
  if (boxShadow === 'none' && outlineStyle === 'none' && !hasParts) return `no focus ring: ${element}`;
  const { top, bottom, left, right, width, height } = focused.getBoundingClientRect();
  const isInSight = bottom > 0 && top < innerHeight && right > 0 && left < innerWidth;
  if (!isInSight || width === 0 || height === 0) return `out of sight: ${element}`;
  return '';
}
