import { expect } from 'chai';
import { randomFillSync } from 'node:crypto';
import type { Build } from '../../../harness/build/build.js';
import { resolveBuild } from '../../../harness/build/resolve.js';
import { Deadline } from '../../../harness/core/deadline.js';
import { ScriptedGuest } from '../../../harness/guest/scripted.js';
import { locateRam, readMemory } from '../../../harness/guest/state/memory.js';
import { splitWords } from '../../../harness/machine/words.js';
import { compareViews, findingOfDifference, type View } from '../../../harness/migration/compare.js';
import { memoryBase } from '../../../harness/pci/base-address.js';
import { type StateArea, stateAreas } from '../../../harness/record/outcome.js';
import { Launchpad } from '../support/launchpad.js';

const ram = 0x40000000;
const words = splitWords(
  '-device pcie-root-port,id=rp0,addr=0x4,chassis=1,slot=1 -device e1000e,id=nic0,romfile=,addr=0x5 -device qemu-xhci,id=usb0,addr=0x6',
);
/** The virt machine's own registers (hw/arm/virt.c, base_memmap). */
const gic = 0x08000000;
const redistributor = 0x080a0000;
const [pl011, pl061, smmu] = [0x09000000, 0x09030000, 0x09050000];

function told(before: View, after: View): string[] {
  return compareViews(before, after).map((difference) => findingOfDifference(difference).summary);
}

/**
 * A guest without a vCPU on virt, which has ECAM from the start and nothing but the slots of its root ports:
 * 1. It plugs and unplugs through pciehp, and a reset makes a machine as new.
 * 2. Looking changes nothing, in whatever area; every area is read.
 * 3. What is changed by hand is told with its register, on either GIC, and nothing else; memory by its physical address.
 * 4. Memory reads the same from the process and as QEMU writes it out.
 */
for (const name of ['bookworm', 'trixie'] as const) {
  describe(`a scripted guest of virt on ${name}`, () => {
    let pad: Launchpad;
    let build: Build;

    before(async function () {
      this.timeout(600_000);
      build = await resolveBuild(`deb:${name}`, { arch: 'aarch64' });
    });

    beforeEach(() => {
      pad = new Launchpad();
    });

    afterEach(() => pad[Symbol.asyncDispose]());

    const stage = async (machineType: string) => {
      const machine = await pad.launch({ build, machineType, words, memoryMiB: 64 });
      const guest = ScriptedGuest.attach(machine, Deadline.after(20_000));
      await guest.mapDevices();
      const look = async (areas: readonly StateArea[] = stateAreas): Promise<View> => {
        const config = await guest.configSpace();
        return { config, parts: await guest.readState(config, areas) };
      };
      return { machine, guest, look };
    };

    for (const version of ['2', '3']) {
      const machineType = `virt-7.2,gic-version=${version},iommu=smmuv3`;

      it(`plugs and unplugs, and resets, with GICv${version}`, async () => {
        const { guest } = await stage(machineType);
        const at = async (id: string): Promise<unknown> =>
          [...(await guest.configSpace()).values()].find((found) => found.id === id)?.address;
        for (let round = 0; round < 2; round += 1) {
          await guest.hotplug('e1000e,id=n0,bus=rp0,romfile=');
          expect(await at('n0')).to.deep.equal({ bus: 1, device: 0, function: 0 });
          await guest.unplug('n0');
          expect(await at('n0')).to.equal(undefined);
        }
        const interruptLine = 0x3c;
        await guest.access.write({ bus: 0, device: 5, function: 0 }, { offset: interruptLine, width: 1 }, 0x0b);
        expect((await guest.configSpace()).get('00:05.0')?.config[interruptLine]).to.equal(0x0b);
        await guest.reset();
        expect((await guest.configSpace()).get('00:05.0')?.config[interruptLine]).to.equal(0);
      });

      it(`is the same on every look, with GICv${version}`, async () => {
        const { look } = await stage(machineType);
        const first = await look();
        for (const area of stateAreas) await look([area]);
        const last = await look();
        expect(last.parts.map(({ told }) => told)).to.deep.equal(first.parts.map(({ told }) => told));
        const states = first.parts.flatMap((part) => part.read());
        const areas = new Set(states.map(({ area }) => area));
        expect([...areas].sort()).to.deep.equal(stateAreas.filter((area) => area !== 'config-space').sort());
        const gicParts = ['GICv2 distributor', 'GICv2 CPU interface'];
        const gicv3Parts = ['GICv3 distributor', 'GICv3 interrupt routing', 'GICv3 redistributor of CPU 0', 'ITS'];
        expect(states.map(({ device }) => device)).to.include.members([
          ...['guest RAM', 'CPU 0', 'PL011', 'PL031', 'PL061', 'SMMUv3', 'nic0', 'usb0'],
          ...(version === '2' ? gicParts : gicv3Parts),
        ]);
      });

      it(`tells what is changed by hand, with GICv${version}`, async () => {
        const { machine, look } = await stage(machineType);
        const { qtest } = machine;
        const before = await look();
        const nic = before.config.get('00:05.0')?.config ?? new Uint8Array();
        await qtest.writeMemory((memoryBase(nic, 3) ?? NaN) + 0x2c, 4, 0);
        await qtest.writeMemory(gic + 0x108, 4, 0x100);
        await qtest.writeMemory(pl011 + 0x24, 4, 0x11);
        await qtest.writeMemory(pl061 + 0x400, 4, 0x21);
        await qtest.writeMemory(smmu + 0x28, 4, 0x5);
        await qtest.writeMemory(ram + 0x345678, 1, 0x5a);
        if (version === '3') await qtest.writeMemory(redistributor + 0x10100, 4, 0x8000000);
        const [memory = '', ...others] = told(before, await look()).sort((a, b) => b.indexOf('RAM') - a.indexOf('RAM'));
        expect(memory).to.match(/^page 0x40345000 of guest RAM was zeroes on the source/);
        const sides = (from: string, to: string): string => `was ${from} on the source and is ${to} on the destination`;
        const enabledThere = `GICR_ISENABLER0 of GICv3 redistributor of CPU 0 ${sides('0x0', '0x8000000')}`;
        expect(others).to.have.members([
          `MSI-X Vector Control of entry 2 of nic0 (00:05.0) ${sides('0x1', '0x0')}`,
          `GICD_ISENABLER[2] of GICv${version} distributor ${sides('0x0', '0x100')}`,
          ...(version === '3' ? [enabledThere] : []),
          `UARTIBRD of PL011 ${sides('0x0', '0x11')}`,
          `GPIODIR of PL061 ${sides('0x0', '0x21')}`,
          `SMMU_CR1 of SMMUv3 ${sides('0x0', '0x5')}`,
        ]);
      });
    }

    it('reads memory of the process as QEMU writes it out', async () => {
      const { machine, look } = await stage('virt-7.2,gic-version=2');
      await machine.qtest.writeBlock(ram + 0x90800, randomFillSync(Buffer.alloc(3 << 20)));
      const [direct] = (await look(['memory'])).parts.flatMap((part) => part.read());
      const pages = direct?.readings.map(({ offset }) => offset) ?? [];
      expect(pages).to.include(ram + 0xa0000);
      expect(pages).to.include(ram + 0x390000);
      const unreachable = Object.create(machine, { pid: { value: undefined } }) as typeof machine;
      const saved = await readMemory(unreachable, await locateRam(unreachable));
      expect(saved.read()).to.deep.equal(direct?.readings);
    });
  });
}
