import { UsageError } from '../core/errors.js';

/**
 * Splits text into words as a POSIX shell does, without ever running one: blanks separate, quotes and backslashes keep,
 * a backslash at the end of a line continues it, `#` starts a comment. Variables and globs stay as they are written.
 * Throws UsageError when a quote is not closed.
 */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  const token = /\\\r?\n|#[^\n]*|\s+|((?:[^\s'"\\]|\\\r?\n|\\[^]|'[^']*'|"(?:[^"\\]|\\[^])*")+)/gy;
  let at = 0;
  while (at < text.length) {
    token.lastIndex = at;
    const match = token.exec(text);
    if (!match) throw new UsageError(`a quote is not closed in: ${text.slice(at, at + 80)}`);
    at = token.lastIndex;
    if (match[1] !== undefined) words.push(unquote(match[1]));
  }
  return words;
}

function unquote(word: string): string {
  return word.replace(/'([^']*)'|"((?:[^"\\]|\\[^])*)"|\\\r?\n|\\([^])/g, (...groups: (string | undefined)[]) => {
    const [, single, double, escaped] = groups;
    if (single !== undefined) return single;
    if (double !== undefined) return double.replace(/\\(?:(["\\$`])|\r?\n)/g, (_, kept?: string) => kept ?? '');
    return escaped ?? '';
  });
}

/** One word as a shell would have to be given it; words without special characters stay as they are. */
export function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
