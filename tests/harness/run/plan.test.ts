import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { UsageError } from '../../../harness/core/errors.js';
import { acceleratorFor } from '../../../harness/run/accelerator.js';
import { jobsOf } from '../../../harness/run/jobs.js';
import { cellFolder } from '../../../harness/run/output-folder.js';
import { planCells, type Selection } from '../../../harness/run/plan.js';
import { type PairSelection, parsePairs } from '../../../harness/run/routes.js';
import { seededOrder } from '../../../harness/run/seed.js';
import { cellsOfShard, parseShard } from '../../../harness/run/shard.js';
import type { Scenario } from '../../../harness/scenario/definition.js';
import { imaginedBuild } from '../scenario/imagined.js';

const old = imaginedBuild('deb:old', '5.2.0', { machineTypes: ['pc-q35-5.2'], devices: ['e1000'] });
const middle = imaginedBuild('deb:middle', '7.2.22', {
  machineTypes: ['pc-q35-5.2', 'pc-i440fx-7.2', 'pc-q35-7.2'],
  devices: ['e1000', 'igb'],
});
const recent = imaginedBuild('deb:recent', '10.0.13', {
  machineTypes: ['pc-q35-7.2', 'pc-i440fx-7.2', 'pc-q35-10.0'],
  devices: ['e1000', 'igb'],
});

function scenario(title: string, given: Partial<Scenario> = {}): Scenario {
  return { title, file: 'a.scenario.ts', machines: 'pc-q35-*', body: () => Promise.resolve(), ...given };
}

const catalogue: Scenario[] = [
  scenario('plain'),
  scenario('with options', {
    machines: ['pc-q35-7.2', 'pc-i440fx-*'],
    options: { device: ['a', 'b'], behind: ['x', 'y'] },
    only: ({ options }) => options['device'] !== 'b' || options['behind'] !== 'y',
    skip: ({ route }) => (route[0] === middle ? 'not from the middle' : undefined),
  }),
  scenario('same build only', { pairs: 'same', machines: '*-7.2' }),
  scenario('there and back', { route: 'there-and-back', machines: 'pc-q35-7.2' }),
  scenario('ping-pong', { route: 'ping-pong', machines: 'pc-q35-7.2' }),
  scenario('three', { route: 'three', machines: 'pc-q35-7.2' }),
  scenario('a device of new builds', { machines: 'pc-q35-5.2', devices: '-device igb,id=x' }),
];

const guests = { arch: 'ppc64', machineTypes: ['pseries-7.2'] };
const other = imaginedBuild('deb:middle:ppc64', '7.2.22', guests);
const otherRecent = imaginedBuild('deb:recent:ppc64', '10.0.13', guests);

function plan(given: Partial<Selection> = {}, scenarios = catalogue) {
  return planCells(scenarios, {
    sources: [old, middle, recent],
    destinations: [middle, recent],
    pairs: 'all',
    ...given,
  });
}

function told(act: () => unknown): string {
  try {
    act();
  } catch (thrown) {
    expect(thrown).to.be.instanceOf(UsageError);
    return (thrown as Error).message;
  }
  throw new Error('expected a refusal, and there was none');
}

/**
 * 1. A plan (golden/plan.txt; GODWIT_UPDATE_GOLDEN=1 writes it anew) is all that the dimensions allow, in one order, with ids that spell out what a cell is.
 * 2. Shards part it without overlap or loss; a seed shuffles it the same way.
 * 3. What selects nothing, or means another thing on each build, is refused by name.
 */
describe('a plan', () => {
  it('is the one in the golden file, every time', () => {
    const lines = plan().map(({ id, skip }) => (skip === undefined ? id : `${id} skipped: ${skip}`));
    const golden = new URL('./golden/plan.txt', import.meta.url);
    if (process.env['GODWIT_UPDATE_GOLDEN']) writeFileSync(golden, `${lines.join('\n')}\n`);
    expect(`${lines.join('\n')}\n`).to.equal(readFileSync(golden, 'utf8'));
    expect(plan()).to.deep.equal(plan());
    expect(new Set(plan().map(({ id }) => id)).size).to.equal(plan().length);
  });

  it('takes the pairs that are selected', () => {
    const pairsOf = (pairs: PairSelection) => [
      ...new Set(plan({ pairs }, [scenario('plain')]).map(({ route }) => route.join('→').replaceAll('deb:', ''))),
    ];
    expect(pairsOf('same')).to.deep.equal(['middle→middle', 'recent→recent']);
    expect(pairsOf('forward')).to.deep.equal(['old→middle', 'old→recent', 'middle→recent']);
    expect(pairsOf('backward')).to.deep.equal(['recent→middle']);
    expect(pairsOf('all')).to.have.length(6);
    expect(told(() => plan({ sources: [old], pairs: 'same' }))).to.equal(
      '--pairs same leaves no pair of deb:old, deb:middle, deb:recent',
    );
    expect(told(() => parsePairs('sideways'))).to.equal(
      '--pairs sideways is unknown; accepted: same, forward, backward, all',
    );
  });

  it('is narrowed by machine types and globs', () => {
    const types = (...machines: string[]) => [
      ...new Set(plan({ machines }, [scenario('plain', { machines: '*' })]).map(({ machineType }) => machineType)),
    ];
    expect(types('pc-q35-{5,7}.2')).to.deep.equal(['pc-q35-5.2', 'pc-q35-7.2']);
    expect(types('pc-q35-10.0', 'pc-i440fx-*')).to.deep.equal(['pc-i440fx-7.2', 'pc-q35-10.0']);
    expect(types('*')).to.deep.equal(['pc-i440fx-7.2', 'pc-q35-5.2', 'pc-q35-7.2', 'pc-q35-10.0']);
  });

  it('refuses machine types that no build has, and aliases', () => {
    expect(told(() => plan({ machines: ['pc-q35-7.2', 'pc-q35-99.0'] }))).to.match(
      /^--machine pc-q35-99\.0 is no machine type of deb:old \(QEMU 5\.2\.0\), deb:middle.*`godwit machines` lists/,
    );
    expect(told(() => plan({ machines: ['pc-q35-99.*'] }))).to.include('--machine pc-q35-99.* is no machine type');
    expect(told(() => plan({ machines: ['q35'] }))).to.equal(
      '--machine q35 is an alias that means another type on each build; name one: pc-q35-5.2, pc-q35-7.2, pc-q35-10.0',
    );
    expect(told(() => plan({ machines: [''] }))).to.include("--machine ''");
    expect(told(() => plan({ machines: ['pc-i440fx-7.2'] }, [scenario('plain')]))).to.include(
      '--machine pc-i440fx-7.2',
    );
  });

  it('skips a cell whose machine type or device a build lacks, with that reason', () => {
    const skipped = plan({ machines: ['pc-q35-10.0'] }, [scenario('plain')]).find(
      ({ route }) => route[0] === 'deb:old',
    );
    expect(skipped?.skip).to.equal('deb:old (QEMU 5.2.0) has no machine type pc-q35-10.0');
    const device = scenario('igb', { machines: 'pc-q35-5.2', devices: '-device igb' });
    const reasons = plan({ destinations: [middle] }, [device]).map(({ route, skip }) => `${route[0]}: ${skip}`);
    expect(reasons)
      .to.include("deb:old: deb:old (QEMU 5.2.0) has no device 'igb'")
      .and.include('deb:middle: undefined');
    const other = scenario('there', { machines: 'pc-q35-5.2', destination: () => ({ devices: '-device igb' }) });
    expect(
      plan({ destinations: [old, middle] }, [other]).map(({ skip }) => skip?.includes("no device 'igb'")),
    ).to.include(true);
  });

  it('refuses a device that no cell can have', () => {
    const wrong = scenario('wrong', { devices: '-device e10000,id=x' });
    expect(told(() => plan({}, [wrong]))).to.match(
      /^deb:\w+ \(QEMU .*\) has no device 'e10000', which 'wrong' plugs in; accepted: /,
    );
    expect(plan({}, [wrong, scenario('plain')]).filter(({ skip }) => skip === undefined)).to.not.deep.equal([]);
    const own = scenario('throws', {
      devices: () => {
        throw new Error('mine');
      },
    });
    expect(
      plan({}, [own]).some(({ skip }) => skip === undefined),
      'its cell will tell',
    ).to.equal(true);
  });

  it('is narrowed by an expression over ids, and refuses one that matches nothing', () => {
    expect(plan({ grep: /device=a, behind=y/ }).every(({ options }) => options['behind'] === 'y')).to.equal(true);
    expect(told(() => plan({ grep: /no such cell/ }))).to.match(/^--grep no such cell matches none of \d+ cells$/);
    expect(told(() => plan({}, [scenario('none', { machines: 'virt-*' })]))).to.include('make no cell');
  });

  it('falls into shards that are disjoint and together the whole', () => {
    const whole = plan({ seed: 3 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), (total) => {
        const shards = Array.from({ length: total }, (_, index) =>
          plan({ seed: 3, shard: { index: index + 1, total } }),
        );
        const ids = shards.flat().map(({ id }) => id);
        expect(new Set(ids).size).to.equal(ids.length);
        expect(new Set(ids)).to.deep.equal(new Set(whole.map(({ id }) => id)));
        const sizes = shards.map((shard) => shard.length);
        expect(Math.max(...sizes) - Math.min(...sizes)).to.be.at.most(1);
      }),
    );
    expect(cellsOfShard([1, 2, 3, 4, 5], { index: 2, total: 2 })).to.deep.equal([2, 4]);
  });

  it('is shuffled by a seed, the same way each time', () => {
    const ids = (seed: number) => plan({ seed }).map(({ id }) => id);
    expect(ids(7)).to.deep.equal(ids(7));
    expect(ids(7)).to.not.deep.equal(ids(8));
    expect(ids(7)).to.have.members(plan().map(({ id }) => id));
    expect(seededOrder([0, 1, 2, 3, 4, 5, 6, 7], 42)).to.deep.equal([2, 7, 1, 0, 6, 5, 3, 4]);
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.nat(), (items, seed) => {
        expect(seededOrder(items, seed).sort()).to.deep.equal([...items].sort());
      }),
    );
  });

  it('pairs builds of one architecture, on the machines that it has', () => {
    const builds = [middle, other, otherRecent];
    const scenarios = [scenario('x86', { machines: '*-7.2' }), scenario('pseries', { machines: 'pseries-*' })];
    const cells = planCells(scenarios, { sources: builds, destinations: builds, pairs: 'forward' });
    expect(cells.map(({ id }) => id)).to.deep.equal([
      'x86 [deb:middle:ppc64 → deb:recent:ppc64, pseries-7.2]',
      'pseries [deb:middle:ppc64 → deb:recent:ppc64, pseries-7.2]',
    ]);
    const same = planCells(scenarios, { sources: builds, destinations: builds, pairs: 'same' });
    expect(same.map(({ route, machineType }) => `${route[0]} ${machineType}`)).to.deep.equal([
      ...['deb:middle pc-i440fx-7.2', 'deb:middle pc-q35-7.2'],
      ...['deb:middle:ppc64 pseries-7.2', 'deb:recent:ppc64 pseries-7.2'],
      ...['deb:middle:ppc64 pseries-7.2', 'deb:recent:ppc64 pseries-7.2'],
    ]);
    expect(cells.every(({ skip }) => skip === undefined)).to.equal(true);
    const narrowed = {
      sources: [other],
      destinations: [other],
      pairs: 'same',
      machines: ['pc-q35-7.2', 'pseries-7.2'],
    } as const;
    expect(planCells(scenarios.slice(1), narrowed).map(({ machineType }) => machineType)).to.deep.equal([
      'pseries-7.2',
    ]);
    const wrong = { ...narrowed, machines: ['pseries-9.9'] };
    expect(() => planCells(scenarios, wrong)).to.throw(UsageError, '--machine pseries-9.9 is no machine type');
    // Where no build is there that knows the versions of a family, a type is to have one at least.
    const slip = { ...narrowed, machines: ['pc-q35-72', 'pseries-7.2'] };
    expect(() => planCells(scenarios.slice(1), slip)).to.throw(UsageError, '--machine pc-q35-72 is no machine type');
  });
});

describe('words of the command line', () => {
  it('of a shard', () => {
    expect(parseShard('2/3')).to.deep.equal({ index: 2, total: 3 });
    for (const wrong of ['3/2', '0/2', 'x', '1', '1/', '-1/2', '1/0', '']) {
      expect(told(() => parseShard(wrong))).to.match(/is no part of a run; accepted: I\/N with I from 1 to N, or auto/);
    }
    expect(parseShard('auto', { CI_NODE_INDEX: '2', CI_NODE_TOTAL: '4' })).to.deep.equal({ index: 2, total: 4 });
    expect(parseShard('auto', { CIRCLE_NODE_INDEX: '0', CIRCLE_NODE_TOTAL: '4' })).to.deep.equal({
      index: 1,
      total: 4,
    });
    expect(told(() => parseShard('auto', {}))).to.include('CI_NODE_INDEX');
  });

  it('of jobs', () => {
    expect(jobsOf('3')).to.equal(3);
    expect(jobsOf('auto')).to.be.at.least(1);
    for (const wrong of ['0', '-1', '1.5', 'many', '', '257']) {
      expect(told(() => jobsOf(wrong))).to.equal(
        `--jobs ${wrong} is no number of workers; accepted: 1 to 256, or auto`,
      );
    }
  });

  it('of an accelerator', () => {
    const fast = imaginedBuild('fast', '10.0.0', { accelerators: ['tcg', 'kvm'] });
    expect(acceleratorFor([fast], 'auto')).to.equal('kvm');
    expect(acceleratorFor([fast, old], 'auto')).to.equal('tcg');
    expect(acceleratorFor([fast], 'kvm')).to.equal('kvm');
    expect(told(() => acceleratorFor([fast, old], 'kvm'))).to.match(/--accel kvm: no guest .* deb:old; accepted: tcg$/);
    expect(told(() => acceleratorFor([fast], 'xen'))).to.include('accepted: auto, tcg, kvm');
  });
});

describe('the folder of a cell', () => {
  it('is readable, and another for every cell and attempt', () => {
    const id = 'slot [deb:a → deb:b, pc-q35-6.0, device=x]';
    expect(cellFolder(id, 1)).to.match(/^cells\/slot-deb-a-deb-b-pc-q35-6\.0-device=x-[0-9a-f]{8}$/);
    expect(cellFolder(id, 2)).to.equal(`${cellFolder(id, 1)}-attempt-2`);
    expect(cellFolder(id.replace('→', '←'), 1)).to.not.equal(cellFolder(id, 1));
    expect(cellFolder('x'.repeat(1000), 1).length).to.be.lessThan(130);
    expect(cellFolder('../../../x', 1)).to.match(/^cells\/[^/]+-[0-9a-f]{8}$/);
  });
});
