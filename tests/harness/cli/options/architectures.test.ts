import { expect } from 'chai';
import { cellsUnder } from '../../../../harness/cli/options/cell-options.js';
import { oneArchitecture } from '../../../../harness/cli/options/named-builds.js';
import { UsageError } from '../../../../harness/core/errors.js';
import type { PlannedCell } from '../../../../harness/record/events.js';
import type { Scenario } from '../../../../harness/scenario/definition.js';
import { imaginedBuild } from '../../scenario/imagined.js';

const scenarioOn = (title: string, machines: string): Scenario => ({
  ...{ title, machines, file: 'a.scenario.ts' },
  body: () => Promise.resolve(),
});

/**
 * 1. A search looks at cells of one architecture: the one that its builds' names say, else x86_64 where there are several, which it says. Builds of
 * two are refused. 2. Cells whose builds do not run under a named accelerator are skipped with that reason, and refused where all are.
 */
describe('a run of several architectures', () => {
  const scenarios = [scenarioOn('one', 'pc-q35-*'), scenarioOn('other', 'pseries-*')];
  const one = (...names: string[]): { found: string[]; told: string[] } => {
    const told: string[] = [];
    return { found: oneArchitecture(scenarios, { names }, (text) => told.push(text)), told };
  };

  it('is a search of one of them', () => {
    expect(one('deb:bookworm', 'deb:trixie').found).to.deep.equal(['x86_64']);
    expect(one('deb:bookworm').told).to.deep.equal([
      'cells of x86_64 alone; --grep or --machine chooses those of ppc64',
    ]);
    expect(one('deb:bookworm:ppc64', 'deb:trixie').found).to.deep.equal(['ppc64']);
    expect(one('./build/qemu-system-ppc64').found).to.deep.equal(['ppc64']);
    expect(() => one('deb:bookworm:ppc64', 'qemu-system-aarch64')).to.throw(
      UsageError,
      'one build is for ppc64 and another for aarch64; accepted: builds for one architecture',
    );
  });

  it('leaves out what an accelerator does not run', () => {
    const builds = [
      imaginedBuild('deb:new', '10.0.0', { accelerators: ['tcg', 'kvm'] }),
      imaginedBuild('deb:new:ppc64', '10.0.0', { arch: 'ppc64' }),
    ];
    const cells = builds.map(({ name }): PlannedCell => {
      const facts = { scenario: 'a', file: 'a.scenario.ts', machineType: 'any', options: {} };
      return { id: `a [${name}]`, route: [name, name], ...facts };
    });
    const skips = (accel: string): (string | undefined)[] =>
      cellsUnder(accel, { cells, builds }).map(({ skip }) => skip);
    expect(skips('auto')).to.deep.equal([undefined, undefined]);
    expect(skips('tcg')).to.deep.equal([undefined, undefined]);
    expect(skips('kvm')).to.deep.equal([undefined, 'no guest runs under kvm here with deb:new:ppc64']);
    expect(() => cellsUnder('kvm', { cells: cells.slice(1), builds })).to.throw(
      UsageError,
      '--accel kvm: no guest runs',
    );
  });
});
