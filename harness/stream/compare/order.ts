import { type Capture, devicesOf, sectionsOf } from '../capture.js';
import { configSpaceOf } from '../state/config-space.js';

/** One thing that a destination loads. */
export interface LoadStep {
  /** The section's name; of a VFIO device's own configuration space within its section, with the mark's name. */
  name: string;
  instance: number;
  offset: number;
  /** False for what a VFIO device sends beside its configuration space. */
  holdsConfig: boolean;
}

/** A rule that the order of a stream breaks. */
export interface OrderViolation {
  rule: OrderRule;
  /** What was loaded too early. */
  early: LoadStep;
  /** What should have been loaded before it. */
  late: LoadStep;
}

/** Whatever is `first` has to be loaded before whatever is `then`. */
export interface OrderRule {
  name: string;
  /** Why, and where QEMU says so. */
  reason: string;
  first: (step: LoadStep, of: Roles) => boolean;
  then: (step: LoadStep, of: Roles) => boolean;
  /** True limits the rule to pairs of which the first leads to the second: a bridge and a device behind it. */
  related?: (first: LoadStep, then: LoadStep) => boolean;
}

interface Roles {
  /** Names of the sections that are PCI bridges. */
  bridges: ReadonlySet<string>;
}

/** The qdev path of a PCI function, which begins the name of its section; on pseries the host bridge is named and not numbered. */
const pciPath = /^(?:[\da-f]{4}:[\da-f]{2}|pci@[\da-f]+)(?::[\da-f]{2}\.[0-7])+(?=\/)/;
/** Controllers that take the messages with which PCI devices interrupt: GIC and ITS, local APIC, XICS and XIVE. */
const messageControllers =
  /^(?:arm_gic|arm_gicv3|arm_gicv3_its|apic|kvm-apic|icp\/server|xics|ics|spapr-xive|xive\/\w+)$/;
const iommu = /(?:^|\/)(?:iommu-intel|amd-iommu|smmuv3|virtio-iommu|spapr_iommu)$/;

/** Rules that hold for every stream. Source: QEMU 7.2–10.0 include/migration/vmstate.h, MigrationPriority; migration/savevm.c. */
export const orderRules: readonly OrderRule[] = [
  {
    name: 'interrupt controller before PCI config space',
    reason:
      "a device's interrupts are set up when its configuration space is restored (vmstate.h: MIG_PRI_GICV3_ITS, and after 10.0 MIG_PRI_APIC)",
    first: ({ name }) => messageControllers.test(name),
    then: ({ name, holdsConfig }) => holdsConfig && pciPath.test(name),
  },
  {
    name: 'GICv3 before its ITS',
    reason: 'the ITS reads tables through the GIC (vmstate.h: MIG_PRI_GICV3)',
    first: ({ name }) => name === 'arm_gicv3',
    then: ({ name }) => name === 'arm_gicv3_its',
  },
  {
    name: 'PCI bridges before the IOMMU',
    reason: 'the IOMMU finds its devices by the numbers of their buses (vmstate.h: MIG_PRI_PCI_BUS)',
    first: ({ name }, { bridges }) => bridges.has(name),
    then: ({ name }) => iommu.test(name),
  },
  {
    name: 'virtio-mem before the IOMMU',
    reason: 'the IOMMU maps what virtio-mem has plugged (vmstate.h: MIG_PRI_VIRTIO_MEM)',
    first: ({ name }) => name.includes('/virtio-mem') && !name.endsWith('-early'),
    then: ({ name }) => iommu.test(name),
  },
  {
    name: 'IOMMU before PCI devices',
    reason: 'devices translate addresses when they are restored (vmstate.h: MIG_PRI_IOMMU)',
    first: ({ name }) => iommu.test(name),
    then: ({ name, holdsConfig }, { bridges }) =>
      holdsConfig && pciPath.test(name) && !bridges.has(name) && !name.includes('/virtio-mem') && !iommu.test(name),
  },
  {
    name: 'PCI bridge before what is behind it',
    reason: 'the windows of a bridge are mapped before those of the devices behind (vmstate.h: MIG_PRI_PCI_BUS)',
    first: ({ name }, { bridges }) => bridges.has(name),
    then: ({ name }) => pciPath.test(name),
    related: (first, then) => isBehind(then.name, first.name),
  },
];

/** Everything that a destination loads once, in the order of the stream: RAM and other parts that come in rounds are left out. */
export function loadOrder(capture: Capture): LoadStep[] {
  return sectionsOf(capture).flatMap(({ section }) => {
    const { name, instance, offset } = section;
    if (section.type === 'full') return [{ name, instance, offset, holdsConfig: true }];
    if (section.content?.format !== 'vfio') return [];
    return (section.content.marks ?? []).map((mark) => ({
      ...{ name: `${name} ${mark.name}`, instance, offset: mark.offset },
      holdsConfig: mark.name === 'config-state',
    }));
  });
}

/** The rules that a capture breaks, one entry for each thing that was loaded too early. */
export function orderViolations(capture: Capture): OrderViolation[] {
  return violationsAmong(loadOrder(capture), bridgesOf(capture));
}

/** The rules that steps in their order break. @param bridges names of the sections that are PCI bridges. */
export function violationsAmong(steps: readonly LoadStep[], bridges: ReadonlySet<string>): OrderViolation[] {
  return orderRules.flatMap((rule) => violationsOf(rule, steps, { bridges }));
}

function violationsOf(rule: OrderRule, steps: readonly LoadStep[], roles: Roles): OrderViolation[] {
  return steps.flatMap((early, index) => {
    if (!rule.then(early, roles)) return [];
    const late = steps
      .slice(index + 1)
      .find((step) => rule.first(step, roles) && (rule.related?.(step, early) ?? true));
    return late ? [{ rule, early, late }] : [];
  });
}

function bridgesOf(capture: Capture): ReadonlySet<string> {
  const bridges = new Set<string>();
  for (const { section, fields, body } of devicesOf(capture)) {
    const space = fields && configSpaceOf(fields, body);
    if (space && ((space.config[0x0e] ?? 0) & 0x7f) === 1) bridges.add(section.name);
  }
  return bridges;
}

function isBehind(device: string, bridge: string): boolean {
  const path = pciPath.exec(bridge)?.[0];
  return path !== undefined && device.startsWith(`${path}:`);
}
