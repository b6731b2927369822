import { expect, scenario, type StreamEdit } from 'godwit';
import { lackOfCpuState } from './cpu-state.js';
import { machines, takesMessages } from './virt.js';

interface Flip {
  edit: StreamEdit;
  /** What the look at the guest's machine tells of it. */
  seen: RegExp;
}

const network = '0000:00:05.0/e1000e';
const bit = (change: string, field: string, byte = 0): StreamEdit => ({ change, field, byte, xor: 0x01 });

/** One bit of a stream each, on a machine with either GIC. */
const flips: Readonly<Record<string, Flip>> = {
  'MSI-X Message Data': {
    edit: bit(network, 'msix/vector[2]/Message Data'),
    seen: /MSI-X.*entry 2 of nic0 \(00:05\.0\)/,
  },
  'a register of the CPU': { edit: bit('cpu', 'env.xregs[5]'), seen: /^X05 of CPU 0 / },
  'the serial port': { edit: bit('pl011', 'ibrd', 3), seen: /^UARTIBRD of PL011/ },
  'the clock': { edit: bit('pl031', 'lr', 3), seen: /^RTCLR of PL031/ },
  'the GPIO controller': { edit: bit('pl061', 'dir'), seen: /^GPIODIR of PL061/ },
  'the SMMU': { edit: bit('smmuv3', 'cr[1]'), seen: /^SMMU_CR1 of SMMUv3/ },
};
const gicFlips: Readonly<Record<string, Readonly<Record<string, Flip>>>> = {
  2: {
    'an interrupt': {
      edit: bit('arm_gic', 'irq_state[40]/enabled'),
      seen: /^GICD_ISENABLER\[1\] of GICv2 distributor/,
    },
    'the mask of a CPU': { edit: bit('arm_gic', 'priority_mask[0]'), seen: /^GICC_PMR of GICv2 CPU interface/ },
  },
  3: {
    'an interrupt': { edit: bit('arm_gicv3', 'enabled[1]', 1), seen: /^GICD_ISENABLER\[1\] of GICv3 distributor/ },
    'where an interrupt goes': {
      edit: bit('arm_gicv3', 'gicd_irouter[40]', 7),
      seen: /^GICD_IROUTER \(halves\)\[80\] of GICv3 interrupt routing/,
    },
    'an interrupt of a CPU': {
      edit: bit('arm_gicv3', 'gicr_ienabler0'),
      seen: /^GICR_ISENABLER0 of GICv3 redistributor of CPU 0/,
    },
    'the ITS': { edit: bit('arm_gicv3_its', 'cbaser'), seen: /^GITS_CBASER \(halves\)\[1\] of ITS/ },
  },
};

for (const gic of ['2', '3']) {
  const all = { ...flips, ...gicFlips[gic] };
  scenario(`arm64: a stream that is spoilt on its way, GICv${gic}`, {
    machines,
    options: { at: Object.keys(all) },
    devices: `-machine gic-version=${gic},iommu=smmuv3 -device e1000e,id=nic0,romfile=,addr=0x5`,
    // By its name: the table of a device that has not enabled MSI-X is looked at on request only.
    oracle: ['device-registers', 'msi-x', 'chipset', 'interrupt-controllers', 'cpu', 'memory'],
    only: ({ machineType }) => takesMessages({ machineType, options: { gic } }),
    skip: lackOfCpuState,
    async body({ options, migrate }) {
      const flip = all[options['at'] ?? ''];
      if (!flip) throw new Error(`no flip is called '${options['at']}'`);
      const outcome = await migrate({ relay: { edits: [flip.edit] } });
      expect(outcome).to.not.be.completed;
      expect(outcome).to.have.cleanLogs.and.log(flip.seen);
    },
  });
}
