import {
  expect,
  loadEvents,
  loadOrder,
  orderViolations,
  readCapture,
  readStreamFile,
  scenario,
  traceOrder,
  traceViolations,
  type Capture,
  type CellShape,
  type Journey,
  type Outcome,
} from 'godwit';
import { lackOfCpuState } from './cpu-state.js';
import { takesMessages } from './virt.js';

const port = '0000:00:04.0/pcie-root-port';
const rule = 'interrupt controller before PCI config space';
/** Sections of what comes in rounds: a trace has their first rounds among the others. */
const inRounds = /^(?:ram|dirty-bitmap)$/;

interface MachineWish {
  gic: string;
  iommu?: string | undefined;
  /** False leaves the slot of the root port empty. */
  withDevice?: boolean;
}

/** The machine of a cell: a device behind a root port and one beside it; without an ITS one that sends no messages, alone. */
function machineOf({ gic, iommu = 'none', withDevice = true }: MachineWish) {
  return ({ machineType }: Pick<CellShape, 'machineType'>): string => {
    const networks = takesMessages({ machineType, options: { gic } })
      ? `-device pcie-root-port,id=slot0,addr=0x4,chassis=1 ${withDevice ? '-device e1000e,bus=slot0,romfile=' : ''}
         -device virtio-net-pci,addr=0x5,romfile=`
      : '-device virtio-net-pci,addr=0x5,romfile=,vectors=0';
    return `-machine gic-version=${gic},iommu=${iommu} ${networks}`;
  };
}

/** The stream as the destination was sent it. */
function captureOf({ channels }: Outcome): Capture {
  return readStreamFile(channels?.[0]?.file ?? '', (bytes) => readCapture(bytes));
}

/** What the destination loaded, by the stream and by its own trace, which must tell the same; and the rules that this breaks, by either. */
function judged(capture: Capture, { machine }: Journey): { names: string[]; broken: string[] } {
  const lines = machine.trace();
  const sent = loadOrder(capture).map(({ name }) => name);
  const loaded = traceOrder(lines)
    .map(({ name }) => name)
    .filter((name) => !inRounds.test(name));
  expect(loaded, 'what the destination loaded').to.deep.equal(sent);
  const told = [orderViolations(capture), traceViolations(lines)].map((violations) =>
    violations.map((violation) => `${violation.rule.name}: ${violation.early.name}, ${violation.late.name}`),
  );
  const [byStream = [], byTrace] = told;
  expect(byTrace, 'the rules that the trace breaks').to.deep.equal(byStream);
  return { names: sent, broken: byStream };
}

const machines = ['virt-5.2', 'virt-7.2', 'virt-10.0', 'virt-11.1'];

scenario('arm64: seed 004, the interrupt controller is loaded before PCI devices', {
  machines,
  options: { iommu: ['none', 'smmuv3'] },
  devices: (cell) => machineOf({ gic: '3', iommu: cell.options['iommu'] })(cell),
  trace: loadEvents,
  skip: lackOfCpuState,
  async body(journey) {
    const outcome = await journey.migrate({ relay: { tee: true } });
    expect(outcome).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    const { names, broken } = judged(captureOf(outcome), journey);
    const hasIts = takesMessages({ machineType: journey.machineType, options: { gic: '3' } });
    const first = hasIts ? ['arm_gicv3', 'arm_gicv3_its', port] : ['arm_gicv3'];
    const wanted = [...first, ...(journey.options['iommu'] === 'smmuv3' ? ['smmuv3'] : [])].join(', ');
    expect(names.join(', '), 'what is loaded first').to.match(new RegExp(`^${wanted.replaceAll('.', '\\.')}, `));
    expect(broken, 'rules that are broken').to.deep.equal([]);
  },
});

scenario('arm64: seed 004, a GICv2 is loaded after a root port, which is found', {
  machines,
  devices: machineOf({ gic: '2' }),
  trace: loadEvents,
  skip: lackOfCpuState,
  async body(journey) {
    const outcome = await journey.migrate({ relay: { tee: true } });
    expect(outcome).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    const { broken } = judged(captureOf(outcome), journey);
    expect(broken, 'rules that are broken').to.deep.equal([`${rule}: ${port}, arm_gic`]);
  },
});

scenario('arm64: seed 004, sections that are put into another order, which QEMU accepts, are found', {
  machines,
  options: { moved: ['a PCI device', 'a root port', 'the ITS'] },
  devices: machineOf({ gic: '3' }),
  trace: loadEvents,
  only: ({ machineType }) => takesMessages({ machineType, options: { gic: '3' } }),
  skip: lackOfCpuState,
  async body(journey) {
    const { move, broken: expected } = moves[journey.options['moved'] ?? ''] ?? { move: '', broken: [] };
    const outcome = await journey.migrate({ relay: { tee: true, edits: [{ move, before: 'arm_gicv3' }] } });
    expect(outcome).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    const { broken } = judged(captureOf(outcome), journey);
    expect(broken, 'rules that are broken').to.deep.equal(expected);
  },
});

scenario('arm64: seed 004, a hotplugged device is loaded last', {
  machines,
  devices: machineOf({ gic: '3', withDevice: false }),
  hotplugs: true,
  trace: loadEvents,
  only: ({ machineType }) => takesMessages({ machineType, options: { gic: '3' } }),
  skip: lackOfCpuState,
  async body(journey) {
    await journey.guest.hotplug('e1000e,id=nic0,bus=slot0,romfile=');
    const outcome = await journey.migrate({ relay: { tee: true } });
    expect(outcome).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    const { names, broken } = judged(captureOf(outcome), journey);
    expect(names.at(-1), 'what is loaded last').to.match(/^0000:00:04\.0:00\.0\/e1000e$/);
    expect(broken, 'rules that are broken').to.deep.equal([]);
  },
});

const network = '0000:00:05.0/virtio-net';

/** What is moved in front of the GICv3, and what the check then says. */
const moves: Readonly<Record<string, { move: string; broken: string[] }>> = {
  'a PCI device': { move: network, broken: [`${rule}: ${network}, arm_gicv3`] },
  'a root port': { move: port, broken: [`${rule}: ${port}, arm_gicv3`] },
  'the ITS': { move: 'arm_gicv3_its', broken: ['GICv3 before its ITS: arm_gicv3_its, arm_gicv3'] },
};
