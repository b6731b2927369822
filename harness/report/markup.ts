import { printable } from './words.js';

const references: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  // As they are, a parser would turn them into spaces inside an attribute (XML 1.0, section 3.3.3).
  '\t': '&#9;',
  '\n': '&#10;',
};

/** Text as it may stand between tags and in quoted attributes of both XML 1.0 and HTML; characters they forbid are spelled out. */
export function escapeText(text: string): string {
  return printable(text).replace(/[&<>"']/g, (character) => references[character] ?? character);
}

/** A whole attribute with its quotes and a space before it, ` name="value"`; the parsed value is `printable(value)`. */
export function attribute(name: string, value: string | number): string {
  const escaped = printable(String(value)).replace(/[&<>"'\t\n]/g, (character) => references[character] ?? character);
  return ` ${name}="${escaped}"`;
}

/** All attributes of `values`, in their order. */
export function attributes(values: Record<string, string | number>): string {
  return Object.entries(values)
    .map(([name, value]) => attribute(name, value))
    .join('');
}
