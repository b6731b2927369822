import { expect } from 'chai';
import { architecturesOf, likelyScenarios } from '../../../harness/run/architectures.js';

const scenarios = [
  { title: 'slot', machines: ['pc-q35-*', 'pc-i440fx-6.0'] },
  { title: 'pseries: one', machines: 'pseries-*' },
  { title: 'arm64: one', machines: ['virt-{5.2,7.2}'] },
  { title: 'any', machines: '{pc-q35,virt}-7.2' },
];
const of = (titles: RegExp, machines?: readonly string[]) => architecturesOf(scenarios, { grep: titles, machines });

/**
 * 1. Scenarios need the architectures of the machine families that their globs can name, x86_64 first. 2. `--machine` narrows them, a
 * distribution's own types too. 3. `--grep` does by titles, where it matches one. 4. A machine of no family tells none.
 */
describe('the architectures of scenarios', () => {
  it('follow from their globs', () => {
    expect(architecturesOf(scenarios)).to.deep.equal(['x86_64', 'aarch64', 'ppc64']);
    expect(of(/^slot/)).to.deep.equal(['x86_64']);
    expect(of(/^pseries/)).to.deep.equal(['ppc64']);
    expect(of(/^any/)).to.deep.equal(['x86_64', 'aarch64']);
    expect(architecturesOf([{ title: 'all', machines: '*' }])).to.deep.equal(['x86_64', 'aarch64', 'ppc64']);
  });

  it('are narrowed by machine types', () => {
    expect(of(/./, ['pc-q35-{5.2,7.2}'])).to.deep.equal(['x86_64']);
    expect(of(/./, ['virt-*', 'pseries-7.2'])).to.deep.equal(['aarch64', 'ppc64']);
    expect(of(/^any/, ['virt-7.2'])).to.deep.equal(['aarch64']);
    expect(architecturesOf([{ title: 'theirs', machines: 'virt-rhel9.2.0' }])).to.deep.equal(['aarch64']);
  });

  it('are those of all scenarios where no title matches', () => {
    expect(likelyScenarios(scenarios, /q35-6\.0/)).to.equal(scenarios);
    expect(of(/q35-6\.0/)).to.have.members(['x86_64', 'aarch64', 'ppc64']);
  });

  it('are not known of machines of no family', () => {
    expect(architecturesOf([{ title: 'none', machines: 'none' }])).to.deep.equal([]);
    expect(of(/./, ['isapc'])).to.deep.equal([]);
  });
});
