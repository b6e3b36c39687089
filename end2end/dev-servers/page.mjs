// The layout, style and HTML templates shared by all pages of the practice servers. Template values
// are escaped.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const FOLDER = new URL('./page/', import.meta.url);
const LAYOUT = readFileSync(new URL('layout.html', FOLDER), 'utf8');
const SHARED_STYLE = readFileSync(new URL('page.css', FOLDER), 'utf8');

/** Renders a whole page; `head` holds further elements. */
export function layout({ title, style, head = '', body }) {
  return fill(LAYOUT, { title, style }, { head, body });
}

/** Returns a page's style sheet: the shared rules, then its own. */
export function styleSheet(own) {
  return `${SHARED_STYLE}\n${own}`;
}

/** Appends a content hash to a path, for cache busting. */
export function versioned(path, content) {
  return `${path}?${createHash('sha256').update(content).digest('hex').slice(0, 12)}`;
}

/** Fills in a template: `text` is escaped, `html` is inserted as is. */
export function fill(template, text, html = {}) {
  return template.replace(/\{\{(\w+)\}\}/g, (_, name) => html[name] ?? escape(text[name]));
}

function escape(text) {
  return String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
