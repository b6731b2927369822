import { expect } from 'chai';
import type { RecordEvent } from '../../../harness/record/events.js';
import { summarize } from '../../../harness/record/summary.js';
import { renderMatrix } from '../../../harness/report/matrix.js';
import { createPaint } from '../../../harness/report/paint.js';
import { expectGolden } from './golden.js';
import { at, planned, result, sampleRun } from './sample.js';

const paint = createPaint(false);

async function bigRun(types: number): Promise<Awaited<ReturnType<typeof summarize>>> {
  const builds = ['deb:bookworm', 'deb:trixie'];
  const cells = builds.flatMap((from) =>
    builds.flatMap((to) =>
      Array.from({ length: types }, (_, type) =>
        Array.from({ length: 80 }, (_, scenario) =>
          planned(`scenario-${scenario}`, [from, to], `pc-q35-${type + 2}.0`),
        ),
      ).flat(),
    ),
  );
  const [start] = sampleRun();
  if (start?.event !== 'run-started') throw new Error('the sample does not begin with run-started');
  const finished = cells.map(({ id }, index): RecordEvent => {
    const of = result({ verdict: index % 80 === 3 ? 'known' : 'passed' });
    return { event: 'cell-finished', at: at(index), cell: id, attempt: 1, retried: false, result: of };
  });
  return summarize([{ ...start, cells }, ...finished]);
}

// 1. The picture of a run with every verdict.  2. 4 pairs × 4 types × 80 scenarios fit 80 columns.
// 3. More types than fit go into further blocks, none is lost.  4. Numbers sort as numbers.
describe('report/matrix', () => {
  it('shows every route and machine type', async () => {
    const lines = renderMatrix(await summarize(sampleRun()), { columns: 100, paint });
    expectGolden('matrix.txt', lines.join('\n'));
  });

  it('shows four pairs, four types and eighty scenarios in 80 columns', async () => {
    const lines = renderMatrix(await bigRun(4), { columns: 80, paint });
    expect(Math.max(...lines.map((line) => line.length))).to.be.at.most(80);
    expect(lines.filter((line) => line.includes('pc-q35-'))).to.have.length(1);
    expect(lines.join('\n').match(/known 1\b/g)).to.have.length(16);
    expect(lines.join('\n').match(/passed 79\b/g)).to.have.length(16);
  });

  it('puts what does not fit into further blocks, sorted by number', async () => {
    const lines = renderMatrix(await bigRun(12), { columns: 80, paint });
    expect(Math.max(...lines.map((line) => line.length))).to.be.at.most(80);
    const heads = lines.filter((line) => line.includes('pc-q35-'));
    expect(heads.length).to.be.above(1);
    expect(heads.join(' ').trim().split(/\s+/)).to.deep.equal(
      Array.from({ length: 12 }, (_, type) => `pc-q35-${type + 2}.0`),
    );
  });

  it('shortens the path of a build and keeps its end', async () => {
    const path = `/home/somebody/${'long/'.repeat(10)}qemu-system-x86_64`;
    const [start] = sampleRun();
    if (start?.event !== 'run-started') throw new Error('the sample does not begin with run-started');
    const summary = await summarize([{ ...start, cells: [planned('s', [path, path], 'q35')] }]);
    const [, first = ''] = renderMatrix(summary, { columns: 80, paint });
    expect(first)
      .to.match(/^….*qemu-system-x86_64 +broken 1$/)
      .and.have.length.below(60);
  });
});
