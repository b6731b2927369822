import { parseXml } from '@rgrove/parse-xml';
import { expect } from 'chai';
import type { ComparedRow, Comparison } from '../../../../harness/bisect/compare/comparison.js';
import { chanceWords, figureWords } from '../../../../harness/bisect/compare/figure-words.js';
import { emptyTally, judgeRow, type Tallies, type Tally } from '../../../../harness/bisect/compare/judgement.js';
import { pairNames } from '../../../../harness/bisect/compare/pairs.js';
import { renderComparison } from '../../../../harness/bisect/compare/report-html.js';
import { reportLines } from '../../../../harness/bisect/compare/report.js';

const passes: Tally = { ...emptyTally(), good: 5 };
const fails: Tally = { ...emptyTally(), bad: 5, signatures: ['pds'], reason: 'Slot Status: PDS <differs> & is fatal' };
const sometimes: Tally = { ...fails, bad: 4, good: 11 };

function row(name: string, ...all: Tally[]): ComparedRow {
  const tallies: Tallies = Object.fromEntries(
    pairNames.flatMap((pair, place) => (all[place] ? [[pair, all[place]]] : [])),
  );
  return { name, scenario: name, machineType: 'pc-q35-6.0', cells: {}, tallies, judgement: judgeRow(tallies) };
}

function comparison(rows: ComparedRow[], given: Partial<Comparison> = {}): Comparison {
  const build = (name: string, sha256: string) => ({ name, version: '7.2.22', package: '', sha256 });
  return { base: build('old', '1'), patched: build('new', '2'), rows, interrupted: false, exitStatus: 0, ...given };
}

const figure = {
  ...{ name: 'totalMs' as const, base: 41, patched: 43, p: 0.41, exact: true, beyondNoise: false },
  cells: [{ cell: 'slot', base: [41], patched: [43] }],
};

// 1. The report says what the patch fixes, breaks and leaves, and ends in one sentence.  2. p in words.
// 3. A long list is cut, and says where the rest is.  4. The page is well-formed whatever a name holds.
describe('compare: the report', () => {
  it('of a patch that does what it says', () => {
    const lines = reportLines(
      comparison([row('slot [pc-q35-6.0]', fails, passes, fails, passes), row('net', passes, passes, passes, passes)], {
        streams: [{ cell: 'slot', changes: [], values: true }],
        measured: { rounds: 1, seed: 7, figures: [figure] },
        expected: { expression: '^slot', cells: 1, unmet: [] },
      }),
    );
    expect(lines).to.include.members([
      'fixes 1 cell:',
      `  slot [pc-q35-6.0]: passes where the destination is patched; it failed: ${fails.reason}`,
      'breaks nothing',
      'stays passing: 1 cell',
      'streams: unchanged in 1 cell',
      '--expect-fix ^slot: 1 cell went from failing to passing, as expected',
    ]);
    expect(lines.join('\n')).to.include('seed 7');
    expect(lines.at(-1)).to.equal('the patch fixes 1 cell, breaks nothing, stream unchanged');
  });

  it('of one that does more', () => {
    const otherwise = { ...fails, signatures: ['disk'], reason: 'the disk' };
    const lines = reportLines(
      comparison(
        [
          row('a', passes, passes, fails, fails),
          row('b', fails, fails, otherwise, fails),
          row('c', passes, { ...sometimes, bad: 1 }, passes, passes),
          row('d', passes, { ...emptyTally(), broken: 'no room' }),
        ],
        {
          streams: [
            { cell: 'a', changes: [{ kind: 'shape', words: 'hpet: version 2 → 3' }], values: true },
            { cell: 'b', changes: [], values: true, note: 'its stream could not be captured' },
          ],
          expected: { expression: 'b', cells: 1, unmet: [{ cell: 'b', why: 'it fails on patched → patched' }] },
        },
      ),
    );
    expect(lines).to.include.members([
      'fixes nothing',
      `  a: fails where the source is patched: ${fails.reason}`,
      `  b: in another way on patched → base: the disk; on base → base: ${fails.reason}`,
      `  c: no more than chance (fails in 0 of 5 on base → base, 1 of 12 on base → patched): ${fails.reason}`,
      '  d: no room',
      '  hpet: version 2 → 3 (1 cell)',
      '  b: its stream could not be captured',
      '--expect-fix b: 1 of 1 cell did not go from failing to passing:',
    ]);
    expect(lines.at(-1)).to.equal(
      'the patch fixes nothing, breaks 1 cell, stream of another shape; 1 cell could not be judged',
    );
  });

  it('says a p in words', () => {
    expect(figureWords(figure)).to.equal(
      'migration time: 41 ms → 43 ms (+5 %), a difference this large comes by chance in 4 of 10 comparisons (p = 0.41): no change beyond noise',
    );
    const words = [1, 0.96, 0.5, 0.1, 0.094, 0.02, 0.004, 0.0001].map(chanceWords);
    expect(words.map((told) => told.replace(/^in | comparisons$/g, ''))).to.deep.equal([
      'every comparison',
      'every comparison',
      '5 of 10',
      '1 of 10',
      '9 of 100',
      '2 of 100',
      '4 of 1000',
      'less than 1 of 1000',
    ]);
  });

  it('cuts what is long', () => {
    const rows = Array.from({ length: 9 }, (_, number) => row(`slot ${number}`, fails, passes, passes, passes));
    const lines = reportLines(comparison(rows), { most: 3 });
    expect(lines).to.include('fixes 9 cells:').and.include('  and 6 more, see compare.txt');
    expect(lines.filter((line) => line.includes('slot '))).to.have.length(3);
    expect(reportLines(comparison(rows)).filter((line) => line.includes('slot '))).to.have.length(9);
  });

  it('draws a page that is well-formed', () => {
    const rows = [row('<b>&"\u0007', fails, passes, sometimes, { ...emptyTally(), skipped: 'none' })];
    const page = [...renderComparison(comparison(rows))].join('');
    const { root } = parseXml(page.replace('<!DOCTYPE html>\n', ''));
    expect(root?.text).to.include('<b>&"\\x07').and.include('fails 4 of 15');
    expect(page).to.include('class="failed"').and.include('class="passed"').and.include('class="skipped"');
  });
});
