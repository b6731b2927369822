import type { Output } from './reporter.js';
import { printableLine } from './words.js';

const redrawMs = 100;

/**
 * One line at the bottom of a terminal that is redrawn in place, at most ten times a second, never wider than the terminal.
 * It needs no control sequences but the carriage return. While it is up, everything else is written through `above`.
 */
export class LiveLine {
  private shown = 0;
  private drawnMs = -Infinity;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly output: Output,
    private readonly compose: () => string,
  ) {}

  /** Draws the line soon: now, or when a tenth of a second has passed since it was drawn last. */
  refresh(): void {
    if (this.timer) return;
    const waitMs = this.drawnMs + redrawMs - performance.now();
    if (waitMs <= 0) return this.draw();
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.draw();
    }, waitMs);
    this.timer.unref();
  }

  /** Writes whole lines over the live line, which comes back below them at its next refresh. */
  above(lines: readonly string[]): void {
    this.clear();
    this.output.write(`${lines.join('\n')}\n`);
  }

  /** Takes the line away for good, with what was still to be drawn. */
  clear(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.shown > 0) this.output.write(`\r${' '.repeat(this.shown)}\r`);
    this.shown = 0;
  }

  private draw(): void {
    // In the last column some terminals wrap, and the line would not be in place any more.
    const width = (this.output.columns ?? 80) - 1;
    const characters = Array.from(printableLine(this.compose()));
    const text = characters.length > width ? [...characters.slice(0, width - 1), '…'].join('') : characters.join('');
    const length = Math.min(characters.length, width);
    this.output.write(`\r${text}${' '.repeat(Math.max(0, Math.min(this.shown, width) - length))}`);
    this.shown = length;
    this.drawnMs = performance.now();
  }
}
