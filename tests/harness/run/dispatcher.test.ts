import { expect } from 'chai';
import fc from 'fast-check';
import type { Verdict } from '../../../harness/record/verdict.js';
import { type Assignment, Dispatcher } from '../../../harness/run/dispatcher.js';
import { planned, result } from '../record/run.js';

const cells = (...ids: string[]) => ids.map(planned);
const ended = (verdict: Verdict) => result({ verdict });

function given(dispatcher: Dispatcher): Assignment {
  const next = dispatcher.next();
  if (!next) throw new Error('nothing waits');
  return next;
}

/** Runs everything to its end; the attempts of each cell. */
function attempts(dispatcher: Dispatcher, verdictOf: (id: string, attempt: number) => Verdict): Map<string, number> {
  const seen = new Map<string, number>();
  for (let next = dispatcher.next(); next; next = dispatcher.next()) {
    seen.set(next.cell.id, next.attempt);
    dispatcher.finished(next, ended(verdictOf(next.cell.id, next.attempt)));
  }
  return seen;
}

/** 1. Every cell runs once.  2. What is broken runs once more by itself, what failed only when asked.  3. After a stop nothing starts. */
describe('the dispatcher', () => {
  it('gives out every cell once, in order', () => {
    const dispatcher = new Dispatcher(cells('a', 'b'), 0);
    expect(dispatcher.waiting).to.equal(2);
    const first = given(dispatcher);
    expect(first).to.deep.equal({ cell: planned('a'), place: 0, attempt: 1 });
    expect(given(dispatcher).cell.id).to.equal('b');
    expect(dispatcher.next()).to.equal(undefined);
    expect(dispatcher.finished(first, ended('passed'))).to.equal(false);
    expect(dispatcher.waiting).to.equal(0);
  });

  it('tries a broken cell once more, at the end, and not for ever', () => {
    const dispatcher = new Dispatcher(cells('a', 'b'), 0);
    expect(dispatcher.finished(given(dispatcher), ended('broken'))).to.equal(true);
    expect(dispatcher.next()).to.include({ attempt: 1 }).and.have.nested.property('cell.id', 'b');
    const again = given(dispatcher);
    expect(again).to.include({ attempt: 2 }).and.have.nested.property('cell.id', 'a');
    expect(dispatcher.finished(again, ended('broken'))).to.equal(false);
    expect(dispatcher.next()).to.equal(undefined);
  });

  it('keeps a cell that is given twice apart by its places', () => {
    const dispatcher = new Dispatcher(cells('a', 'a'), 0);
    const [first, second] = [given(dispatcher), given(dispatcher)];
    expect(dispatcher.finished(second, ended('broken'))).to.equal(true);
    expect(dispatcher.finished(first, ended('passed'))).to.equal(false);
    expect(given(dispatcher)).to.deep.equal({ cell: planned('a'), place: 1, attempt: 2 });
  });

  it('tries a failed cell again only when asked, and nothing else', () => {
    for (const verdict of ['passed', 'known', 'fixed', 'skipped', 'flaky'] as const) {
      expect(attempts(new Dispatcher(cells('a'), 5), () => verdict).get('a'), verdict).to.equal(1);
    }
    expect(attempts(new Dispatcher(cells('a'), 0), () => 'failed').get('a')).to.equal(1);
    expect(attempts(new Dispatcher(cells('a'), 2), () => 'failed').get('a')).to.equal(3);
    expect(attempts(new Dispatcher(cells('a'), 2), () => 'broken').get('a')).to.equal(3);
    const passesThen = (_: string, attempt: number) => (attempt === 1 ? 'failed' : 'passed');
    expect(attempts(new Dispatcher(cells('a'), 2), passesThen).get('a')).to.equal(2);
  });

  it('starts nothing after a stop', () => {
    const dispatcher = new Dispatcher(cells('a', 'b'), 3);
    const running = given(dispatcher);
    dispatcher.stop();
    expect(dispatcher.waiting).to.equal(0);
    expect(dispatcher.next()).to.equal(undefined);
    expect(dispatcher.finished(running, ended('broken'))).to.equal(false);
  });

  it('ends, whatever the verdicts are', () => {
    const verdict = fc.constantFrom<Verdict>('passed', 'failed', 'broken', 'known');
    fc.assert(
      fc.property(fc.array(verdict, { minLength: 1 }), fc.nat(4), fc.nat(9), (verdicts, retries, count) => {
        const ids = Array.from({ length: count }, (_, index) => `cell ${index}`);
        let at = 0;
        const seen = attempts(
          new Dispatcher(cells(...ids), retries),
          () => verdicts[at++ % verdicts.length] ?? 'passed',
        );
        expect([...seen.keys()]).to.have.members(ids);
        expect(Math.max(0, ...seen.values())).to.be.at.most(Math.max(1, retries) + 1);
      }),
    );
  });
});
