import { verdicts, type Verdict, type VerdictCounts } from '../record/verdict.js';

/** Controls but tab and line feed, lone surrogates, non-characters: XML 1.0 (section 2.2, Char) and HTML forbid them, a terminal obeys them. */
const unprintable = /(?![\t\n])[\p{Control}\p{Surrogate}\p{Noncharacter_Code_Point}\u2028\u2029]/gu;

/** Any text made safe for a terminal, XML and HTML, before their own escaping: what must not appear is spelled out, as in `\x1b`. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}

/** `printable`, on one line: line feeds are spelled out too. */
export function printableLine(text: string): string {
  return printable(text).replaceAll('\n', '\\n').replaceAll('\t', ' ');
}

/** Milliseconds as a person says them: "850 ms", "12.3 s", "4 min 05 s", "1 h 02 min". */
export function durationWords(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

/** A duration that is only a guess: whole seconds, rounded up, "8 s", "4 min 05 s". */
export function secondsWords(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return seconds < 60 ? `${seconds} s` : durationWords(seconds * 1000);
}

function pad(number: number): string {
  return String(number).padStart(2, '0');
}

/** "1 cell", "2 cells". */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Cells a second, "26.0 cells/s"; undefined when nothing ran or no time passed. */
export function rateWords(cells: number, ms: number): string | undefined {
  return cells > 0 && ms > 0 ? `${((cells * 1000) / ms).toFixed(1)} cells/s` : undefined;
}

/** Verdicts that a group holds, worst first. */
export function verdictsIn(counts: VerdictCounts): Verdict[] {
  return [...verdicts].reverse().filter((verdict) => counts[verdict] > 0);
}

const alwaysSaid: readonly Verdict[] = ['passed', 'known', 'failed'];
const inWords: readonly Verdict[] = [...alwaysSaid, 'broken', 'flaky', 'fixed', 'skipped'];

/** "316 passed, 4 known, 0 failed": these three always, the others when there are any, each as one item. */
export function countsWords(counts: VerdictCounts): { verdict: Verdict; words: string }[] {
  return inWords
    .filter((verdict) => counts[verdict] > 0 || alwaysSaid.includes(verdict))
    .map((verdict) => ({ verdict, words: `${counts[verdict]} ${verdict}` }));
}
