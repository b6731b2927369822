import { expect } from 'chai';
import { summarize } from '../../../harness/record/summary.js';
import { GithubReporter } from '../../../harness/report/github.js';
import { Multiplexer, type ReportContext, type Reporter } from '../../../harness/report/reporter.js';
import { createReporters } from '../../../harness/report/reporters.js';
import { sampleRun } from './sample.js';

function contextInto(writes: string[]): ReportContext {
  return { folder: 'out', output: { write: (text) => writes.push(text) }, env: {}, live: false };
}

// 1. An unknown name is refused with the accepted ones.  2. A reporter that throws disturbs nobody, and is told at the end.
// 3. GitHub gets one annotation for each explanation, escaped as its commands want it.
describe('report/reporters', () => {
  it('refuses an unknown reporter and names the accepted ones', () => {
    expect(() => createReporters(['terminal', 'xunit'], contextInto([])))
      .to.throw('unknown reporter "xunit"; accepted: terminal, html, junit, github')
      .with.property('code', 'usage');
  });

  it('keeps the others going when one throws', async () => {
    const seen: string[] = [];
    const good: Reporter = { onEvent: ({ event }) => void seen.push(event), close: () => void seen.push('closed') };
    const bad: Reporter = {
      onEvent: () => {
        throw new Error('the disk is full');
      },
      close: () => void seen.push('closed after failing'),
    };
    const events = sampleRun().slice(0, 2);
    const both = new Multiplexer([bad, good]);
    for (const event of events) both.onEvent(event);
    const thrown: unknown = await both.close(await summarize(events)).catch((error: unknown) => error);
    expect(seen).to.deep.equal(['run-started', 'cell-started', 'closed']);
    expect(thrown).to.be.an('error').with.property('message', 'the disk is full');
  });

  it('annotates each explanation once for GitHub', async () => {
    const writes: string[] = [];
    new GithubReporter(contextInto(writes)).close(await summarize(sampleRun()));
    expect(writes.map((line) => line.slice(0, line.indexOf(' ')))).to.deep.equal([
      '::error',
      '::error',
      '::warning',
      '::notice',
    ]);
    expect(writes[1]).to.match(
      /^::error file=tests\/migration\/slot-power-off\.test\.ts,title=failed%3A 2 cells of slot-power-off::Slot Status .*%0A.*\n$/,
    );
  });
});
