import { expect } from 'chai';
import { type Separation, separationOf } from '../../../../harness/bisect/properties/candidates.js';
import { pieceName } from '../../../../harness/bisect/properties/property-piece.js';
import { Rehearsal } from '../../../../harness/bisect/properties/rehearsal.js';
import { topology } from '../../../../harness/machine/topology.js';
import type { Scenario } from '../../../../harness/scenario/definition.js';
import { type Suite, suite } from '../../support/launchpad.js';

async function separation(
  route: Suite[],
  types: { bad: string; good: string },
  wish: Partial<Scenario> = {},
): Promise<Separation> {
  const scenario: Scenario = {
    ...{ title: 'a scenario', file: 'a.scenario.ts', machines: '*', body: () => Promise.resolve() },
    ...{ devices: topology('root-port-off-function-0'), ...wish },
  };
  const builds = await Promise.all(route.map(suite));
  const shape = { options: {}, route: builds };
  using rehearsal = new Rehearsal({ scenario, shape, accel: 'tcg', signal: new AbortController().signal });
  return await separationOf(rehearsal, types, [...builds, await suite('trixie')]);
}

const sixes = { bad: 'pc-q35-6.0', good: 'pc-q35-6.1' };

/**
 * 1. A build that does not tell its compat lists is asked by what it makes of each machine type: 7.2.22 has all of pc_compat_6_0 that its devices show.
 * 2. What a property cannot be set to is left out; so is what one build of a pair does not know.
 * 3. Devices that come later are believed from the lists of a build that tells.
 */
describe('the properties that separate two machine types', () => {
  it('are found in a build that does not tell, both ways, with where they come from', async () => {
    const { settable } = await separation(['bookworm', 'bookworm'], sixes);
    const names = settable.map(pieceName);
    expect(names).to.include.members([
      'ICH9-LPC.acpi-pci-hotplug-with-bridge-support',
      'ICH9-LPC.x-keep-pci-slot-hpc',
      'i8042.extended-state',
      'qemu64-x86_64-cpu.stepping',
      'pcie-root-port.x-native-hotplug',
    ]);
    expect(names.filter((name) => /type|date|time/.test(name))).to.deep.equal([]);
    const bridge = settable.find(({ property }) => property === 'acpi-pci-hotplug-with-bridge-support');
    expect(bridge).to.include({ driver: 'ICH9-LPC', bad: 'off', good: 'on' });
    expect(bridge?.told).to.deep.include({ bad: 'off', good: undefined });
    const back = await separation(['bookworm', 'bookworm'], { bad: sixes.good, good: sixes.bad });
    expect(back.settable.map(pieceName)).to.include.members(names.filter((name) => !name.startsWith('pcie-root-port')));
  });

  it('leaves out what a build of the pair refuses', async () => {
    // pcie-root-port.x-native-hotplug went away after 7.2.
    const { settable, refused } = await separation(['bookworm', 'trixie'], sixes);
    expect(refused.map(pieceName)).to.include('pcie-root-port.x-native-hotplug');
    expect(settable.map(pieceName)).to.include('ICH9-LPC.acpi-pci-hotplug-with-bridge-support');
    expect(settable.filter((piece) => refused.includes(piece))).to.deep.equal([]);
  });

  it('believes what is told of devices that come later', async () => {
    const types = { bad: 'pc-q35-5.2', good: 'pc-q35-7.2' };
    const names = async (wish: Partial<Scenario>) =>
      (await separation(['bookworm', 'bookworm'], types, wish)).settable.map(pieceName);
    const later = await names({ hotplugs: true });
    expect(later).to.include('virtio-blk-device.report-discard-granularity');
    expect(await names({})).to.not.include('virtio-blk-device.report-discard-granularity');
  });
});
