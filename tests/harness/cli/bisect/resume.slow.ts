import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import type { SearchReport } from '../../../../harness/bisect/history/report.js';
import { hasGit, History } from './history.js';

/** A migration that stops for ever the third time that it is run, once, when something is there to say so. */
const scenarioOf = (history: History): string => {
  const trap = JSON.stringify(history.path('trap'));
  const caught = JSON.stringify(history.path('caught'));
  const stops = `if (journey.route[0].version.major > 7 && existsSync(${trap}) && readFileSync(${trap}, 'utf8').length > 2) { writeFileSync(${caught}, ''); await new Promise(() => {}); } else if (journey.route[0].version.major > 7 && existsSync(${trap})) writeFileSync(${trap}, readFileSync(${trap}, 'utf8') + '.');`;
  const judges =
    'const outcome = await journey.migrate(); if (journey.route[0].version.major < 8) expect(outcome).to.not.be.completed; else expect(outcome).to.be.completed;';
  return history.scenario('stops', { stops: `${stops} ${judges}` });
};

const reportIn = (history: History, output: string): SearchReport =>
  JSON.parse(readFileSync(history.path(output, 'bisect.json'), 'utf8')) as SearchReport;

/**
 * A search that was ended, by SIGKILL or by Ctrl-C, goes on with the same command: what was answered is not played again, the answer is
 * the same, and the record has the cells of both.
 */
describe('godwit bisect, ended in its midst', function () {
  this.timeout(120_000);
  let history: History;

  before(function () {
    if (!hasGit) this.skip();
  });
  beforeEach(async () => {
    history = await History.of('bookworm', 'bookworm', 'trixie', 'trixie', 'trixie', 'trixie', 'trixie', 'trixie');
  });
  afterEach(() => history[Symbol.dispose]());

  for (const signal of ['SIGKILL', 'SIGINT'] as const) {
    it(`${signal}: goes on where it was`, async () => {
      const words = history.between(7, 0, scenarioOf(history), '--jobs', '1');
      const whole = await history.godwit(...words, '--output', 'whole');
      expect(whole.exitCode, whole.stderr).to.equal(0);
      const { rounds, first } = reportIn(history, 'whole');

      writeFileSync(history.path('trap'), '.');
      const search = history.start(...words);
      await history.appearance('caught');
      search.kill(signal);
      const ended = await search;
      if (signal === 'SIGINT') {
        expect(ended.exitCode, ended.stderr).to.equal(130);
        expect(ended.stderr).to.include('interrupted: godwit-bisect keeps the answers so far');
        expect(history.git('worktree', 'list').split('\n')).to.have.length(1);
      }
      expect(await history.leftovers(2000)).to.deep.equal([]);
      const playedBefore = history
        .finished('godwit-bisect')
        .filter(({ result }) => result.verdict !== 'skipped').length;
      expect(playedBefore).to.be.above(1).and.below(rounds.played);

      writeFileSync(history.path('trap'), '');
      const again = await history.godwit(...words);
      expect(again.exitCode, again.stderr).to.equal(0);
      expect(again.stderr).to.include(`going on with godwit-bisect: ${playedBefore} answers are known`);
      const report = reportIn(history, 'godwit-bisect');
      expect(report.first?.commit).to.deep.equal(first?.commit);
      expect(report.rounds).to.deep.equal({ played: rounds.played - playedBefore, remembered: playedBefore });
      const finished = history.finished('godwit-bisect').filter(({ result }) => result.verdict !== 'skipped');
      expect(finished).to.have.length(rounds.played);
      for (const { result } of finished)
        expect(existsSync(history.path('godwit-bisect', result.folder ?? '?'))).to.equal(true);
      const started = history
        .events('godwit-bisect')
        .flatMap((event) => (event.event === 'cell-started' ? `${event.cell} ${event.attempt}` : []));
      expect(new Set(started).size, 'no attempt in the folder of another').to.equal(started.length);
      expect(history.git('worktree', 'list').split('\n')).to.have.length(1);
      expect(await history.leftovers(1000)).to.deep.equal([]);
    });
  }
});
