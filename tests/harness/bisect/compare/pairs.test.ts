import { expect } from 'chai';
import { type Builds, cellsOf, pairNames, type Row, rowsOf } from '../../../../harness/bisect/compare/pairs.js';
import { UsageError } from '../../../../harness/core/errors.js';
import type { Scenario } from '../../../../harness/scenario/definition.js';
import { imaginedBuild } from '../../scenario/imagined.js';

const base = imaginedBuild('A', '7.2.22', { machineTypes: ['pc-q35-5.2', 'pc-q35-7.2'], devices: ['e1000'] });
const patched = imaginedBuild('B', '7.2.23', { machineTypes: ['pc-q35-7.2', 'pc-q35-8.0'], devices: ['e1000', 'igb'] });
const builds: Builds = { base, patched };

function scenario(title: string, given: Partial<Scenario> = {}): Scenario {
  return { title, file: 'a.scenario.ts', machines: 'pc-q35-7.2', body: () => Promise.resolve(), ...given };
}

function ids(rows: readonly Row[]): string[] {
  return rows.flatMap(cellsOf).map(({ id }) => id);
}

/**
 * 1. A row for each machine type and set of options, with a cell for each pair, whatever the route is; none where the scenario has none.
 * 2. What matches one cell takes its row along.  3. What a build lacks skips its cells.  4. Selections that mean nothing are refused.
 */
describe('compare: pairs', () => {
  it('puts every cell beside its counterparts', () => {
    const rows = rowsOf([scenario('plain', { options: { behind: ['x', 'y'] } })], builds, {});
    expect(rows.map(({ name }) => name)).to.deep.equal([
      'plain [pc-q35-7.2, behind=x]',
      'plain [pc-q35-7.2, behind=y]',
    ]);
    expect(ids(rows.slice(0, 1))).to.deep.equal(
      ['A → A', 'A → B', 'B → A', 'B → B'].map((route) => `plain [${route}, pc-q35-7.2, behind=x]`),
    );
    expect(Object.keys(rows[0]?.cells ?? {})).to.deep.equal([...pairNames]);
  });

  const routes: [route: NonNullable<Scenario['route']>, names: string[]][] = [
    ['there-and-back', ['A → A → A', 'A → B → A', 'B → A → B', 'B → B → B']],
    ['three', ['A → A → A', 'A → B → B', 'B → A → A', 'B → B → B']],
    ['ping-pong', ['A ⇄ A × 10', 'A ⇄ B × 10', 'B ⇄ A × 10', 'B ⇄ B × 10']],
  ];
  for (const [route, names] of routes) {
    it(`has a route of four kinds for ${route}`, () => {
      expect(ids(rowsOf([scenario('far', { route })], builds, {}))).to.deep.equal(
        names.map((name) => `far [${name}, pc-q35-7.2]`),
      );
    });
  }

  it('has no cells where the scenario has none', () => {
    const same = rowsOf([scenario('same', { pairs: 'same' })], builds, {});
    expect(ids(same)).to.deep.equal(['same [A → A, pc-q35-7.2]', 'same [B → B, pc-q35-7.2]']);
    const only = scenario('only', { only: ({ route }) => route[0] === patched });
    expect(Object.keys(rowsOf([only], builds, {})[0]?.cells ?? {})).to.deep.equal([
      'patched → base',
      'patched → patched',
    ]);
  });

  it('takes the row along of what matches', () => {
    const all = [scenario('one'), scenario('two')];
    expect(rowsOf(all, builds, { grep: /^one .*A → B/ }).map((row) => cellsOf(row).length)).to.deep.equal([4]);
  });

  it('skips what a build lacks', () => {
    const [row] = rowsOf([scenario('old', { machines: ['pc-q35-5.2', 'pc-q35-7.2'] })], builds, {});
    expect((row ? cellsOf(row) : []).map(({ skip }) => skip !== undefined)).to.deep.equal([false, true, true, true]);
    const [igb] = rowsOf([scenario('igb', { devices: '-device igb,id=x' })], builds, {});
    expect(igb?.cells['base → base']?.skip).to.equal("A (QEMU 7.2.22) has no device 'igb'");
    expect(igb?.cells['patched → patched']).to.not.have.property('skip');
  });

  const refused: [what: string, scenarios: Scenario[], selection: Parameters<typeof rowsOf>[2], words: RegExp][] = [
    ['an expression that matches nothing', [scenario('one')], { grep: /two/ }, /^--grep two matches none of 4 cells$/],
    [
      'a machine type of one build',
      [scenario('one', { machines: '*' })],
      { machines: ['pc-q35-8.0'] },
      /^A \(QEMU 7.2.22\) has none of the machine types selected, pc-q35-8.0;/,
    ],
    ['a machine type of none', [scenario('one')], { machines: ['pc-q35-9.9'] }, /pc-q35-9.9 is no machine type of A/],
    ['cells of which none can run', [scenario('one', { skip: () => 'not today' })], {}, /^no cell can run: not today$/],
  ];
  for (const [what, scenarios, selection, words] of refused)
    it(`refuses ${what}`, () => expect(() => rowsOf(scenarios, builds, selection)).to.throw(UsageError, words));
});
