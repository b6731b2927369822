import { expect } from 'chai';
import { diagnose, type TopologyView } from '../../../harness/diagnosis/diagnose.js';
import { knownFixes } from '../../../harness/diagnosis/known-fixes.js';
import { rootPortSpace, virtioNetSpace } from '../pci/spaces.js';
import { mailedLog, slotLog, slotLogInOneLine } from './logs.js';

const topology: TopologyView = {
  byAddress: (address) => {
    if (address === '00:12.0') {
      const config = Uint8Array.from(rootPortSpace);
      config[0x19] = 1;
      return { id: 'pcie-root-port18', model: 'pcie-root-port', config };
    }
    if (address === '00:05.0') return { id: 'net0', config: virtioNetSpace };
    return address === '01:00.0' ? { id: 'net1', config: virtioNetSpace } : undefined;
  },
};

const chainOf = (section: string, first: string): string =>
  `qemu-system-x86_64: ${first}\nqemu-system-x86_64: error while loading state for instance 0x0 of device '${section}'\n` +
  'qemu-system-x86_64: load of migration failed: Invalid argument\n';

// 1. A mismatch is told with the device's id, the register and the bits that the destination compares, and no others.
// 2. The steps of a chain are not told beside their cause; alone they are.
// 3. Without a topology nothing is claimed that the log does not say.
describe('diagnose', () => {
  it('names register, bit and device of the bug report', () => {
    const known = knownFixes().find(({ name }) => name === 'slot-presence-detect-state');
    expect(diagnose('destination', mailedLog, topology)).to.deep.equal([
      {
        kind: 'config-mismatch',
        side: 'destination',
        summary:
          'Slot Status of pcie-root-port18 (00:12.0): PDS (Presence Detect State) is 0 (slot empty) in the stream, 1 (card present) on the destination',
        why: 'the destination compares PDS (mask 0x40) with its own device, and the guest cannot change it; in this byte may differ: ABP, PDC, CC (mask 0x19), which the guest clears by writing 1 (w1cmask)',
        line: mailedLog.split('\n').slice(0, 2).join('\n'),
        fields: {
          offset: 0x6e,
          read: 0,
          device: 0x40,
          cmask: 0xff,
          wmask: 0,
          w1cmask: 0x19,
          section: '0000:00:12.0/pcie-root-port',
          register: 'Slot Status',
          capability: 'PCI Express at 0x54',
          bits: 'PDS',
        },
        device: 'pcie-root-port18',
        path: [
          '0000:00:12.0/pcie-root-port',
          'pcie-root-port',
          'parent_obj.parent_obj.parent_obj',
          'PCIDevice',
          'config',
        ],
        known: { words: known?.words, source: known?.source },
      },
    ]);
  });

  it('leaves out the bits that the destination does not compare', () => {
    const [finding] = diagnose('destination', mailedLog.replace('read: 0', 'read: 18'), topology);
    expect(finding?.fields['bits']).to.equal('PDS');
    const [unmasked] = diagnose(
      'destination',
      chainOf('0000:00:12.0/pcie-root-port', 'Bad config data: i=0x6e read: 18 device: 40'),
      topology,
    );
    expect(unmasked?.fields['bits']).to.equal('PDC CC PDS');
  });

  it('claims no register in capabilities without a topology', () => {
    const [finding] = diagnose('destination', mailedLog);
    expect(finding?.summary).to.equal(
      'Offset 0x6e in the configuration space of pcie-root-port (00:12.0): is 0x0 in the stream, 0x40 on the destination',
    );
    expect(finding).to.not.have.property('device');
  });

  it('names registers of the header without a topology', () => {
    const log = chainOf(
      '0000:00:05.0/virtio-net',
      'Bad config data: i=0x2 read: 41 device: 0 cmask: ff wmask: 0 w1cmask:0',
    );
    expect(diagnose('destination', log)[0]?.summary).to.equal(
      'Device ID of virtio-net (00:05.0): byte 0x2 is 0x41 in the stream, 0x0 on the destination',
    );
  });

  it('says the same of one line as of a chain of lines', () => {
    const [chain, ...others] = diagnose('destination', slotLog, topology);
    expect(others).to.deep.equal([]);
    const path = ['0000:00:12.0/pcie-root-port', 'pci config', 'config'];
    expect(diagnose('destination', slotLogInOneLine, topology)).to.deep.equal([{ ...chain, path }]);
    expect(chain?.summary).to.equal(
      'Slot Capabilities of pcie-root-port18 (00:12.0): Physical Slot Number: byte 0x6a is 0xa in the stream, 0x12 on the destination',
    );
  });

  it('says the values of a field of more than one bit', () => {
    const log = chainOf(
      '0000:00:12.0/pcie-root-port',
      'Bad config data: i=0x60 read: 3 device: 4 cmask: ff wmask: 0 w1cmask:0',
    );
    expect(diagnose('destination', log, topology)[0]?.summary).to.equal(
      'Link Capabilities of pcie-root-port18 (00:12.0): Max Link Speed is 3 (8 GT/s) in the stream, 4 (16 GT/s) on the destination',
    );
  });

  it('follows the way behind a bridge to the bus number that the guest gave', () => {
    const log = chainOf('0000:00:12.0:00.0/virtio-net', 'VQ 3 vring.num 256 exceeds allocated max 0');
    expect(diagnose('destination', log, topology)[0]).to.deep.include({
      kind: 'virtqueue',
      device: 'net1',
      summary: 'Virtqueue 3 of net1 (01:00.0): vring.num 256 exceeds allocated max 0',
    });
  });

  it('names the id of a device that the destination lacks', () => {
    const log = "qemu-system-x86_64: Unknown savevm section or instance '0000:00:05.0/virtio-net' 0. Make sure\n";
    expect(diagnose('destination', log, topology)[0]).to.deep.include({ kind: 'unknown-section', device: 'net0' });
  });

  it('names a RAM block as a part of its device', () => {
    const log = 'Unknown ramblock "0000:00:05.0/virtio-net-pci.rom", cannot accept migration';
    const [finding] = diagnose('destination', log, topology);
    expect(finding?.summary).to.contain('virtio-net-pci.rom of net0 (00:05.0)');
  });

  it('gives two devices of two chains to their own mismatches', () => {
    const mismatch = 'Bad config data: i=0x6a read: a device: 12 cmask: ff wmask: 0 w1cmask:0';
    const log = chainOf('0000:00:12.0/pcie-root-port', mismatch) + chainOf('0000:00:05.0/virtio-net', mismatch);
    expect(diagnose('destination', log, topology).map(({ device }) => device)).to.deep.equal([
      'pcie-root-port18',
      'net0',
    ]);
  });

  it('names the device of a section that comes in parts, as 5.2 does', () => {
    const log = [
      'qemu-system-x86_64: get_pci_config_device: Bad config data: i=0x6 read: 11 device: 22 cmask: ff wmask: 0 w1cmask:0',
      'qemu-system-x86_64: Failed to load VFIOPCIDevice:pdev',
      'qemu-system-x86_64: 0000:3b:00.4: Failed to load device config space',
      'qemu-system-x86_64: error while loading state section id 38(0000:00:05.0/vfio)',
      'qemu-system-x86_64: load of migration failed: Invalid argument',
    ].join('\n');
    const [finding, ...rest] = diagnose('destination', log, topology);
    expect(rest).to.deep.equal([]);
    expect(finding).to.include({ kind: 'config-mismatch', device: 'net0' });
    expect(finding?.path).to.deep.equal(['0000:00:05.0/vfio', 'VFIOPCIDevice', 'pdev']);
  });

  it('does not give a mismatch the device of a later chain', () => {
    const cut = 'qemu-system-x86_64: Bad config data: i=0x6e read: 0 device: 40 cmask: ff wmask: 0 w1cmask:19\n';
    const [first] = diagnose('destination', cut + slotLog, topology);
    expect(first?.summary).to.contain('a PCI device that the log does not name');
    expect(first).to.not.have.property('device');
  });

  it('puts an assertion first and what follows from a failure last', () => {
    const log = [
      'qemu-system-x86_64: Unable to write to socket: Broken pipe',
      'qemu-system-x86_64: nobody knows this',
      'qemu-system-x86_64: Missing section footer for hpet',
      "qemu-system-x86_64: ../a.c:1: f: Assertion `x' failed.",
      'qemu-system-x86_64: load of migration failed: Invalid argument',
    ].join('\n');
    const kinds = diagnose('destination', log).map(({ kind }) => kind);
    expect(kinds).to.deep.equal(['assertion', 'missing-section-footer', 'undiagnosed', 'connection-lost']);
  });

  it('tells the steps of a chain where nothing else is told, and says nothing twice', () => {
    const log = chainOf('hpet', 'load of migration failed: Invalid argument');
    expect(diagnose('destination', log).map(({ kind }) => kind)).to.deep.equal(['section-device', 'load-failed']);
  });

  it('finds nothing in harmless lines', () => {
    expect(diagnose('source', "qemu-kvm: warning: Machine type 'x' is deprecated: use y\n\n")).to.deep.equal([]);
  });
});
