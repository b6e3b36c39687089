// Why: what all pages of the practice peers have in common: a layout, a look, and text that stands
// in a template as text.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const FOLDER = new URL('./page/', import.meta.url);
const LAYOUT = readFileSync(new URL('layout.html', FOLDER), 'utf8');
const LOOK = readFileSync(new URL('page.css', FOLDER), 'utf8');

/** The whole page; what it loads beside its style sheet stands in `head`. */
export function layout({ title, style, head = '', body }) {
  return fill(LAYOUT, { title, style }, { head, body });
}

/** The style sheet of a page: what all pages share, and then its own rules. */
export function styleSheet(own) {
  return `${LOOK}\n${own}`;
}

/** A path that changes with what is there, so that no browser shows what it kept of an earlier one. */
export function versioned(path, content) {
  return `${path}?${createHash('sha256').update(content).digest('hex').slice(0, 12)}`;
}

/** Puts text, escaped, and `html`, as it is, where the template names them. */
export function fill(template, text, html = {}) {
  return template.replace(/\{\{(\w+)\}\}/g, (_, name) => html[name] ?? escape(text[name]));
}

function escape(text) {
  return String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
