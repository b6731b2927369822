import { expect } from 'chai';
import {
  addResult,
  emptyTally,
  enoughTries,
  judgeRow,
  sideWords,
  type Tallies,
  type Tally,
  triesWanted,
} from '../../../../harness/bisect/compare/judgement.js';
import { type PairName, pairNames, patchedPairs } from '../../../../harness/bisect/compare/pairs.js';
import { result, slotFinding, slotOutcome } from '../../report/sample.js';

const passes: Tally = { ...emptyTally(), good: 5 };
const fails: Tally = { ...emptyTally(), bad: 5, signatures: ['slot'], reason: 'the slot' };

/** Tallies in the order of the pairs. */
function tallies(...all: (Tally | undefined)[]): Tallies {
  return Object.fromEntries(pairNames.flatMap((pair, place) => (all[place] ? [[pair, all[place]]] : [])));
}

const nothing = { fixes: [], breaks: [], stays: [], otherwise: [], flaky: [] };

/**
 * 1. What fails on base alone and passes with the patch is fixed, the other way round broken, with the pairs of which it is true.
 * 2. What fails on both stays, in the same way or in another.  3. A difference that chance may make is no change; one that it does not, is.
 * 4. What differs is run again, and what does not is not.  5. Skipped and broken cells are never taken for an answer.
 */
describe('compare: what a row says of the patch', () => {
  it('fixes and breaks', () => {
    expect(judgeRow(tallies(fails, passes, fails, passes))).to.deep.equal({
      ...nothing,
      fixes: ['base → patched', 'patched → patched'],
      stays: ['patched → base'],
    });
    expect(judgeRow(tallies(passes, passes, fails, fails))).to.deep.equal({
      ...nothing,
      breaks: ['patched → base', 'patched → patched'],
    });
    expect(judgeRow(tallies(passes, passes, passes, passes))).to.deep.equal(nothing);
  });

  it('stays failing, in the same way or in another', () => {
    const otherwise = { ...fails, signatures: ['disk'] };
    expect(judgeRow(tallies(fails, fails, otherwise, fails))).to.deep.equal({
      ...nothing,
      stays: [...patchedPairs],
      otherwise: ['patched → base'],
    });
  });

  it('tells chance from change', () => {
    const seldom = { ...fails, bad: 3, good: 12 };
    const always = { ...fails, bad: 15 };
    const more = { ...fails, bad: 6, good: 9 };
    expect(judgeRow(tallies(seldom, more, always, seldom))).to.deep.equal({
      ...nothing,
      breaks: ['patched → base'],
      flaky: ['base → patched', 'patched → patched'],
    });
    expect(judgeRow(tallies(always, seldom)).fixes).to.deep.equal(['base → patched']);
  });

  it('runs again what differs, until that is certain', () => {
    const once = { pass: { ...passes, good: 1 }, fail: { ...fails, bad: 1 } };
    const left = enoughTries.steady - 1;
    expect(triesWanted(tallies(once.fail, once.pass, once.fail, once.pass))).to.deep.equal({
      'base → base': left,
      'base → patched': left,
      'patched → patched': left,
    });
    expect(triesWanted(tallies(passes, fails))).to.deep.equal({});
    expect(triesWanted(tallies(once.fail, once.fail))).to.deep.equal({});
    expect(triesWanted(tallies(passes, { ...fails, good: 1 }))).to.deep.equal({
      'base → base': enoughTries.flaky - 5,
      'base → patched': enoughTries.flaky - 6,
    });
  });

  it('takes nothing for an answer that is none', () => {
    const skipped = { ...emptyTally(), skipped: 'has no such machine' };
    const broken = { ...emptyTally(), broken: 'no room' };
    expect(judgeRow(tallies(passes, skipped, skipped, skipped))).to.deep.equal({ ...nothing, presence: 'vanishes' });
    expect(judgeRow(tallies(skipped, skipped, skipped, fails))).to.deep.equal({ ...nothing, presence: 'appears' });
    expect(judgeRow(tallies(skipped, skipped, skipped, skipped))).to.deep.equal(nothing);
    expect(judgeRow(tallies(passes, broken, passes, passes))).to.deep.equal({ ...nothing, broken: 'no room' });
    expect(judgeRow(tallies(undefined, fails, fails, fails))).to.deep.equal(nothing);
    for (const none of [skipped, broken, undefined]) expect(triesWanted(tallies(passes, none))).to.deep.equal({});
  });

  it('counts results', () => {
    const tally = emptyTally();
    const failed = result({
      verdict: 'failed',
      reason: 'expected',
      findings: [slotFinding],
      outcomes: [slotOutcome('a', 'b')],
    });
    for (const one of [failed, result(), failed, result({ ...failed, verdict: 'flaky' })]) addResult(tally, one);
    expect(tally).to.include({ bad: 3, good: 1, reason: slotFinding.summary });
    expect(tally.signatures).to.have.length(1);
  });

  const sides: [pairs: PairName[], words: string][] = [
    [[...patchedPairs], 'where either side is patched'],
    [['base → patched', 'patched → patched'], 'where the destination is patched'],
    [['patched → base', 'patched → patched'], 'where the source is patched'],
    [['base → patched', 'patched → base'], 'where one side alone is patched'],
    [['patched → patched'], 'where both sides are patched'],
    [['base → patched'], 'only on base → patched'],
  ];
  for (const [pairs, words] of sides) it(`is ${words}`, () => expect(sideWords(pairs, 3)).to.equal(words));
});
