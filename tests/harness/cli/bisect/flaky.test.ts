import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { SearchReport } from '../../../../harness/bisect/history/report.js';
import { hasGit, History } from './history.js';

const judges = 'expect(await journey.migrate()).to.be.completed;';

/**
 * A failure that comes every second time: its rate is measured, a step passes as often as the confidence asks for before it is good, and one
 * failure makes it bad; `--repeat` sets how often instead.
 */
describe('godwit bisect over a failure that comes now and then', function () {
  this.timeout(180_000);
  let history: History;

  before(function () {
    if (!hasGit) this.skip();
  });
  beforeEach(async () => {
    history = await History.of('trixie', 'trixie', 'trixie', 'flaky', 'flaky', 'flaky');
  });
  afterEach(async () => {
    const left = await history.leftovers(1000);
    history[Symbol.dispose]();
    expect(left).to.deep.equal([]);
  });

  const reportIn = (output: string): SearchReport =>
    JSON.parse(readFileSync(history.path(output, 'bisect.json'), 'utf8')) as SearchReport;

  it('finds the commit, and says how sure it is', async () => {
    const words = history.between(0, 5, history.scenario('now and then', { now: judges }), '--jobs', '1');
    const { exitCode, stdout, stderr } = await history.godwit(...words, '--confidence', '0.9');
    expect(exitCode, stderr).to.equal(0);
    expect(stdout).to.include('"3: flaky" is the first that fails.').and.include('"2: trixie" is good');
    expect(stdout).to.match(
      /The bad end failed 10 of \d+ times, so at least [\d.]+ % of the time with a confidence of 90 %; \d passes without a failure made a step good, with that confidence\./,
    );
    const { certainty, steps } = reportIn('godwit-bisect');
    expect(certainty).to.include({ failed: 10, confidence: 0.9, told: false });
    expect(certainty.rate).to.be.within(0.25, 0.45);
    expect(certainty.passes).to.be.within(4, 8);
    for (const { answer, played, failed } of steps) {
      if (answer === 'good') expect({ played, failed }).to.deep.equal({ played: certainty.passes, failed: 0 });
      else expect(failed).to.be.at.least(1);
    }

    const repeated = await history.godwit(...words, '--repeat', '3', '--output', 'repeated');
    expect(repeated.exitCode, repeated.stderr).to.equal(0);
    expect(repeated.stdout).to.include('"3: flaky" is the first that fails.');
    expect(repeated.stdout).to.match(/3 passes without a failure made a step good, as --repeat says\./);
    for (const { answer, played } of reportIn('repeated').steps) if (answer === 'good') expect(played).to.equal(3);
  });
});
