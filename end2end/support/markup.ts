// Why: what a browser made of a page's text. Looks at everything that a page shows, in shadow roots and
// frames too, for elements that hostile text has made, and for that text itself.

import { expect, type Page } from '@playwright/test';
import { hostile } from './hostile.ts';

interface Survey {
  /** What there would not be, were all text taken for text. */
  made: string[];
  /** Everything that can be read, values of controls included. */
  text: string;
}

/** Expects that the page at hand shows hostile text of each source as it was said, and no element of it. */
export async function expectText(page: Page, sources: readonly string[], timeout = 10_000): Promise<void> {
  await expect(async () => {
    const surveys = await Promise.all(page.frames().map((frame) => frame.evaluate(survey, null)));
    expectOnlyText({ made: surveys.flatMap(({ made }) => made), text: surveys.map(({ text }) => text).join('\n') }, sources);
  }).toPass({ timeout });
}

/** The same of a page as the server sends it, to a browser without scripts. */
export async function expectTextAsSent(page: Page, html: string, sources: readonly string[]): Promise<void> {
  expectOnlyText(await page.evaluate(survey, html), sources);
}

function expectOnlyText({ made, text }: Survey, sources: readonly string[]): void {
  expect(made, 'made of text').toEqual([]);
  // A distinguished name has backslashes before some characters, and what EHLO offers is in capitals.
  const shown = text.replaceAll('\\', '').toLowerCase();
  const missing = sources.filter((source) => !shown.includes(hostile(source).toLowerCase()));
  expect(missing, 'sources whose text is not on the page').toEqual([]);
}

/** Runs in the page: looks at it, or at `html`, which is read as where there are no scripts. */
function survey(html: string | null): Survey {
  const found: Survey = { made: [], text: '' };
  look(html === null ? document : new DOMParser().parseFromString(html, 'text/html'));
  return found;

  function look(root: Document | ShadowRoot): void {
    found.made.push(...[...root.querySelectorAll('#canary, [canary]')].map((element) => element.outerHTML.slice(0, 200)));
    const comments = document.createNodeIterator(root, NodeFilter.SHOW_COMMENT);
    for (let node = comments.nextNode(); node; node = comments.nextNode()) {
      if (/canary|textarea/i.test(node.textContent!)) found.made.push(`<!--${node.textContent!.slice(0, 200)}`);
    }
    const texts = document.createNodeIterator(root, NodeFilter.SHOW_TEXT);
    for (let node = texts.nextNode(); node; node = texts.nextNode()) read(node);
    for (const element of root.querySelectorAll('*')) {
      if ('value' in element && !(element instanceof HTMLLIElement)) found.text += `${element.value}\n`;
      for (const name of ['aria-label', 'placeholder', 'title', 'href']) found.text += `${element.getAttribute(name) ?? ''}\n`;
      if (element.shadowRoot) look(element.shadowRoot);
    }
  }

  function read(node: Node): void {
    const { localName } = node.parentElement ?? {};
    if (localName === 'script') {
      // What a page brings along for its script never holds the beginning of a tag.
      if (/<[/a-z!]/i.test(node.textContent!)) found.made.push(`in a script: ${node.textContent!.slice(0, 200)}`);
    } else if (localName !== 'style') {
      found.text += `${node.textContent}\n`;
    }
  }
}
