import { expect } from 'chai';
import { knownFixes, knownFixOf } from '../../../harness/diagnosis/known-fixes.js';
import type { Finding } from '../../../harness/record/outcome.js';

const finding = (kind: string, fields: Finding['fields'], line = ''): Finding => ({
  ...{ kind, side: 'destination', summary: '', line, fields },
});

// 1. The file is as its schema says, with a name for each cause.
// 2. Each measured failure finds its own cause, and no other.
describe('knownFixes', () => {
  it('has a name and a source for each cause', () => {
    const names = knownFixes().map(({ name }) => name);
    expect(new Set(names).size).to.equal(names.length);
    for (const { source, words } of knownFixes()) expect([source, words].map((text) => text.trim())).to.not.include('');
  });

  for (const [known, found] of [
    ['Presence Detect State', finding('config-mismatch', { register: 'Slot Status', bits: 'PDS' })],
    ['x-pcie-err-unc-mask', finding('config-mismatch', { register: 'Uncorrectable Error Mask' })],
    [
      'x-pcie-ari-nextfn-1',
      finding('config-mismatch', { register: 'ARI Capability', section: '0000:00:12.0:00.0/igb' }),
    ],
    [
      'vectors=0',
      finding('config-mismatch', { register: 'Capabilities Pointer', section: '0000:00:05.0/virtio-balloon' }),
    ],
    [
      'skip-vsc-check',
      finding('config-mismatch', { section: '0000:00:04.0/vfio', capability: 'Vendor-Specific at 0x80' }),
    ],
    ['x-early-migration', finding('missing-section-footer', { section: '0000:00:05.0/virtio-mem' })],
    ['multifd-flush-after-each-section', finding('unknown-flags', { flags: 0x200 })],
    ['acpi-pci-hotplug-with-bridge-support', finding('vmstate-path', {}, 'qemu: Failed to load ICH9LPC:pm')],
    ['-machine pc-q35-7.2', finding('machine-type', { source: 'pc-q35-10.0', destination: 'pc-q35-11.1' })],
    [
      'replaced the migration protocol',
      finding('vfio', { host: '0000:3b:00.4' }, 'qemu: 0000:3b:00.4: Unknown tag 0x1'),
    ],
    ['(-m)', finding('ramblock-size', { block: 'pc.ram' })],
  ] as const) {
    it(`knows ${known}`, () => {
      expect(knownFixOf(found)?.words).to.contain(known);
    });
  }

  it('says nothing of what it does not know', () => {
    expect(knownFixOf(finding('config-mismatch', { register: 'Slot Status', bits: 'EIS' }))).to.equal(undefined);
    expect(knownFixOf(finding('unknown-flags', { flags: 0x400 }))).to.equal(undefined);
  });
});
