// What a journey does, in whichever browser: six verbs on a page or a pop-up. An engine
// implements them through its own protocol; targets are found by role and name in both.

import { expect } from '@playwright/test';

/** What a verb acts on. */
export interface Target {
  role: 'button' | 'link' | 'field' | 'heading' | 'text';
  /** The accessible name, or the whole text. */
  name: string;
  /** The legend of the group that it is in. */
  group?: string | undefined;
}

/** A page or a pop-up. Each verb waits until its target is visible. */
export interface Surface {
  /** Opens an address. */
  go(url: string): Promise<void>;
  click(target: Target): Promise<void>;
  /** Replaces the text of a field, or chooses the option with this text. */
  fill(target: Target, text: string): Promise<void>;
  /** Returns the value of a field, or the text. */
  read(target: Target): Promise<string>;
  /** Presses a key while this control has the focus. */
  press(target: Target, key: Key): Promise<void>;
  /** Waits until the target is visible, or hidden. */
  wait(target: Target, isHidden?: boolean): Promise<void>;
}

export type Key = 'Enter' | 'Escape' | 'Space' | 'Tab';

/** A window of a browser with a profile of its own. */
export interface Window extends Surface {
  /** Returns the window that an action opens. */
  popUp(action: () => Promise<void>): Promise<Surface>;
  /** Returns the iframe with a page of this origin. */
  frame(origin: string): Promise<Surface>;
  /** Does what asks whether to leave the page, and stays. */
  stay(action: () => Promise<void>): Promise<void>;
}

/** A kind of browser other than that of the Playwright tests. */
export interface Engine {
  readonly name: string;
  /** Why it cannot run on this machine. */
  missing(): string | undefined;
  start(): Promise<Browser>;
}

/** A running browser. */
export interface Browser {
  /** Opens a window with a profile of its own. */
  open(): Promise<{ window: Window; close: () => Promise<unknown> }>;
  stop(): Promise<unknown>;
}

export const button = (name: string, group?: string): Target => ({ role: 'button', name, group });
export const link = (name: string): Target => ({ role: 'link', name });
export const field = (name: string, group?: string): Target => ({ role: 'field', name, group });
export const heading = (name: string): Target => ({ role: 'heading', name });
export const text = (name: string, group?: string): Target => ({ role: 'text', name, group });

/**
 * Runs in the page: returns the visible element of a target, in the document or in an open shadow root.
 * The … in a name stands for any text.
 */
export function find({ role, name, group }: Target): Element | null {
  const selectors = {
    button: 'button, input[type=submit]',
    link: 'a[href]',
    field: 'input, select, textarea',
    heading: 'h1, h2, h3, h4',
    text: 'p, dd, li, span, strong, h1, h2, h3, h4',
  };
  const plain = (text: string | null | undefined) => (text ?? '').replace(/\s+/g, ' ').trim();
  const [start, end] = name.split('…') as [string, string?];
  const fits = (text: string) => (end === undefined ? text === name : text.startsWith(start) && text.endsWith(end));
  const names = (element: Element) => {
    if (element.hasAttribute('aria-label')) return [plain(element.getAttribute('aria-label'))];
    if (role === 'field') return [...((element as HTMLInputElement).labels ?? [])].map((label) => plain(label.textContent));
    return [plain(element.textContent)];
  };
  const roots: (Document | ShadowRoot)[] = [document];
  for (const root of roots) {
    for (const element of root.querySelectorAll('*')) if (element.shadowRoot) roots.push(element.shadowRoot);
  }
  const scopes = group
    ? roots.flatMap((root) => [...root.querySelectorAll('fieldset')].filter((fieldset) => plain(fieldset.querySelector('legend')?.textContent) === group))
    : roots;
  for (const scope of scopes) {
    for (const element of scope.querySelectorAll(selectors[role])) {
      if (element.checkVisibility({ visibilityProperty: true }) && names(element).some(fits)) return element;
    }
  }
  return null;
}

/** Runs in the page: returns what `read` returns. */
export function valueOf(element: Element): string {
  return 'value' in element && typeof element.value === 'string' && !(element instanceof HTMLLIElement)
    ? element.value
    : (element.textContent ?? '').replace(/\s+/g, ' ').trim();
}

/** A place in a window, in CSS pixels. */
export type Point = [x: number, y: number];

/** Runs in the page: scrolls to an element, and returns its centre. */
export function centreOf(element: Element): Point {
  element.scrollIntoView({ block: 'center', behavior: 'instant' });
  const { x, y, width, height } = element.getBoundingClientRect();
  return [x + width / 2, y + height / 2];
}

/** Returns the centre of an element once it rests. A click misses what moves. */
export async function atRest(centre: () => Promise<Point>): Promise<Point> {
  let last: Point | undefined;
  await expect(async () => {
    const before = last;
    last = await centre();
    expect(last).toEqual(before);
  }).toPass({ timeout: PATIENCE, intervals: [POLL] });
  return last!;
}

/** How long a verb waits for its target, in milliseconds. */
export const PATIENCE = 20_000;

/** How often it looks, in milliseconds. */
export const POLL = 50;
