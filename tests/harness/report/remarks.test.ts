import { parseXml } from '@rgrove/parse-xml';
import { expect } from 'chai';
import type { RecordEvent } from '../../../harness/record/events.js';
import { summarize } from '../../../harness/record/summary.js';
import { renderHtml } from '../../../harness/report/html.js';
import { renderJunit } from '../../../harness/report/junit.js';
import { createPaint } from '../../../harness/report/paint.js';
import { renderSummary } from '../../../harness/report/terminal-summary.js';
import { at, planned, result } from './sample.js';

const remark = 'the kernel is a stand-in, without <interrupts>';
const cells = ['pc-q35-7.2', 'pc-q35-10.0', 'pc-q35-11.1'].map((type) => planned('vfio', ['a', 'b'], type));

function* run(): Generator<RecordEvent> {
  const started = { version: 1, at: at(0), godwit: '0.1.0', argv: [], seed: 1, jobs: 1, builds: [] };
  yield { event: 'run-started', ...started, cells };
  for (const [index, { id }] of cells.entries()) {
    const remarks = index === 2 ? {} : { remarks: [remark] };
    yield { event: 'cell-finished', at: at(9), cell: id, attempt: 1, retried: false, result: result(remarks) };
  }
  yield { event: 'run-finished', at: at(10), exitStatus: 0, interrupted: false, durationMs: 10 };
}

/** What has to be known of a cell whatever its verdict: every report has it for each of its cells, and the terminal once with their number. */
describe('a remark', () => {
  it('is in every report, of a cell that passed too', async () => {
    const summary = await summarize(run());
    const text = renderSummary(summary, { columns: 100, paint: createPaint(false), files: [], folder: 'out' });
    expect(text.filter((line) => line.includes(remark))).to.deep.equal([`remark  ${remark} — 2 cells`]);
    const xml = [...renderJunit(summary)].join('');
    parseXml(xml);
    expect(
      xml.match(/<system-out>remark: the kernel is a stand-in, without &lt;interrupts&gt;<\/system-out>/g),
    ).to.have.length(2);
    const html = [...renderHtml(summary)].join('');
    expect(html.match(/remark: the kernel is a stand-in, without &lt;interrupts/g)).to.have.length(2);
  });
});
