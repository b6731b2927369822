import picocolors from 'picocolors';
import type { Verdict } from '../record/verdict.js';
import type { ReportContext } from './reporter.js';

/** Colours for a terminal; without colours every function returns its text. Colour never says what the words do not. */
export interface Paint {
  verdict(verdict: Verdict, text: string): string;
  bold(text: string): string;
  dim(text: string): string;
}

/** Paint that really colours, or does nothing. */
export function createPaint(enabled: boolean): Paint {
  const { green, red, yellow, cyan, magenta, bold, dim } = picocolors.createColors(enabled);
  const colours: Record<Verdict, (text: string) => string> = {
    passed: green,
    failed: (text) => bold(red(text)),
    known: yellow,
    fixed: cyan,
    flaky: magenta,
    broken: (text) => bold(magenta(text)),
    skipped: dim,
  };
  return { verdict: (verdict, text) => colours[verdict](text), bold, dim };
}

/** True on a terminal that can redraw a line; pipes, files and TERM=dumb get plain lines. */
export function isTerminal({ output, env }: ReportContext): boolean {
  return output.isTTY === true && env['TERM'] !== 'dumb';
}

/** Colours are for terminals and never where NO_COLOR is set (no-color.org). */
export function wantsColor(context: ReportContext): boolean {
  return isTerminal(context) && !context.env['NO_COLOR'];
}
