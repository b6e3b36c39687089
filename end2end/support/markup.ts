// Checks pages for injected markup. Searches a page, its shadow roots and its frames for elements that
// a payload has created, and for the payload as text.

import { expect, type Page } from '@playwright/test';
import { hostile } from './hostile.ts';

interface Survey {
  /** Elements and comments created by payloads. */
  injected: string[];
  /** All readable text, including values of controls. */
  text: string;
}

/** Expects the page to show each source's payload as text, and no element created by one. */
export async function expectText(page: Page, sources: readonly string[], timeout = 10_000): Promise<void> {
  await expect(async () => {
    const surveys = await Promise.all(page.frames().map((frame) => frame.evaluate(survey, null)));
    expectOnlyText({ injected: surveys.flatMap(({ injected }) => injected), text: surveys.map(({ text }) => text).join('\n') }, sources);
  }).toPass({ timeout });
}

/** Expects the same of a page's HTML as sent by the server, parsed without scripts. */
export async function expectTextAsSent(page: Page, html: string, sources: readonly string[]): Promise<void> {
  expectOnlyText(await page.evaluate(survey, html), sources);
}

function expectOnlyText({ injected, text }: Survey, sources: readonly string[]): void {
  expect(injected, 'made of text').toEqual([]);
  // Distinguished names are escaped with backslashes, and EHLO keywords are upper-cased.
  const shown = text.replaceAll('\\', '').toLowerCase();
  const missing = sources.filter((source) => !shown.includes(hostile(source).toLowerCase()));
  expect(missing, 'sources whose text is not on the page').toEqual([]);
}

/** Runs in the page: surveys it, or `html` parsed without scripts. */
function survey(html: string | null): Survey {
  const found: Survey = { injected: [], text: '' };
  visit(html === null ? document : new DOMParser().parseFromString(html, 'text/html'));
  return found;

  function visit(root: Document | ShadowRoot): void {
    found.injected.push(...[...root.querySelectorAll('#canary, [canary]')].map((element) => element.outerHTML.slice(0, 200)));
    const comments = document.createNodeIterator(root, NodeFilter.SHOW_COMMENT);
    for (let node = comments.nextNode(); node; node = comments.nextNode()) {
      if (/canary|textarea/i.test(node.textContent!)) found.injected.push(`<!--${node.textContent!.slice(0, 200)}`);
    }
    const texts = document.createNodeIterator(root, NodeFilter.SHOW_TEXT);
    for (let node = texts.nextNode(); node; node = texts.nextNode()) read(node);
    for (const element of root.querySelectorAll('*')) {
      if ('value' in element && !(element instanceof HTMLLIElement)) found.text += `${element.value}\n`;
      for (const name of ['aria-label', 'placeholder', 'title', 'href']) found.text += `${element.getAttribute(name) ?? ''}\n`;
      if (element.shadowRoot) visit(element.shadowRoot);
    }
  }

  function read(node: Node): void {
    const { localName } = node.parentElement ?? {};
    if (localName === 'script') {
      // A page's inline script data never contains the start of a tag.
      if (/<[/a-z!]/i.test(node.textContent!)) found.injected.push(`in a script: ${node.textContent!.slice(0, 200)}`);
    } else if (localName !== 'style') {
      found.text += `${node.textContent}\n`;
    }
  }
}
