import { expect } from 'chai';
import type { RecordEvent } from '../../../harness/record/events.js';
import { SummaryFold } from '../../../harness/record/summary.js';
import type { ReportContext } from '../../../harness/report/reporter.js';
import { TerminalReporter } from '../../../harness/report/terminal.js';
import { expectGolden } from './golden.js';
import { at, planned, result, sampleRun } from './sample.js';

type Where = { isTTY?: boolean; columns?: number; env?: Record<string, string>; live?: boolean };

function shown(events: readonly RecordEvent[], where: Where = {}): { text: string; writes: string[] } {
  const writes: string[] = [];
  const { env = {}, live = true, ...output } = where;
  const context: ReportContext = {
    folder: 'out',
    output: { ...output, write: (text) => writes.push(text) },
    env,
    live,
  };
  const reporter = new TerminalReporter(context, ['out/report.html']);
  const fold = new SummaryFold();
  for (const event of events) {
    fold.onEvent(event);
    reporter.onEvent(event);
  }
  reporter.close(fold.summary());
  return { text: writes.join(''), writes };
}

/** What a terminal shows in the end: a carriage return goes back to the start of the line and what follows writes over it. */
function screenOf(text: string): string[] {
  return text.split('\n').map((line) => {
    let screen = '';
    for (const part of line.split('\r')) screen = part + screen.slice(part.length);
    return screen.trimEnd();
  });
}

// 1. The plain text of a run with every verdict.  2. No escape sequences elsewhere than on a terminal that wants them.
// 3. A live line is in place, fits, is drawn at most ten times a second and leaves nothing.  4. A replay shows no progress.
// 5. What a log line holds cannot act on the terminal.
describe('report/terminal', () => {
  it('writes plain lines into a pipe', () => {
    expectGolden('terminal.txt', shown(sampleRun()).text);
  });

  it('colours on a terminal only, and never with NO_COLOR', () => {
    expect(shown(sampleRun(), { isTTY: true }).text).to.include('\u001b[');
    expect(shown(sampleRun(), { isTTY: true, env: { NO_COLOR: '1' } }).text).to.not.include('\u001b');
    expect(shown(sampleRun(), { isTTY: true, env: { TERM: 'dumb' } }).text).to.not.match(/[\u001b\r]/);
    expect(shown(sampleRun()).text).to.not.match(/[\u001b\r]/);
  });

  it('keeps one live line in place and takes it away', () => {
    const startedMs = performance.now();
    const { text, writes } = shown(sampleRun(), { isTTY: true, columns: 40, env: { NO_COLOR: '1' } });
    const drawn = writes.filter((write) => /^\r\d+ of 33/.test(write));
    expect(drawn.length).to.be.within(1, 2 + (performance.now() - startedMs) / 100);
    for (const line of drawn) expect(line.length).to.be.at.most(40);
    const plain = shown(sampleRun(), { live: false, columns: 40 }).text;
    expect(screenOf(text)).to.deep.equal(plain.split('\n').map((line) => line.trimEnd()));
  });

  it('shows no progress in a replay', () => {
    expect(shown(sampleRun(), { live: false }).text).to.not.match(/^\d+ of /m);
    expect(shown(sampleRun(), { live: false, isTTY: true }).text).to.not.include('\r');
  });

  it('says progress every tenth of the run or every ten seconds', () => {
    const cells = Array.from({ length: 40 }, (_, index) => planned(`scenario-${index}`, ['a', 'b'], 'q35'));
    const [start] = sampleRun();
    if (start?.event !== 'run-started') throw new Error('the sample does not begin with run-started');
    const runOf = (gapMs: number): RecordEvent[] => [
      { ...start, cells },
      ...cells.map(({ id }, index): RecordEvent => {
        const passed = result();
        return {
          event: 'cell-finished',
          at: at(gapMs * (index + 1)),
          cell: id,
          attempt: 1,
          retried: false,
          result: passed,
        };
      }),
    ];
    expect(shown(runOf(10)).text.match(/^\d+ of 40 cells/gm)).to.have.length(10);
    expect(shown(runOf(10_000)).text.match(/^\d+ of 40 cells/gm)).to.have.length(40);
  });

  it('spells out what a log line would do to the terminal', () => {
    const failed = result({ verdict: 'failed', reason: 'title \u001b]0;mine\u0007 and\r\nmore' });
    const events = sampleRun().map((event) => (event.event === 'cell-finished' ? { ...event, result: failed } : event));
    expect(shown(events).text)
      .to.include('title \\x1b]0;mine\\x07 and\\x0d\\nmore')
      .and.not.match(/[\u001b\r\u0007]/);
  });
});
