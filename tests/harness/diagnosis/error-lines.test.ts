import { expect } from 'chai';
import fc from 'fast-check';
import { type ErrorLine, isHarmless, parseErrorLines } from '../../../harness/diagnosis/error-lines.js';
import { mailedLog, slotLogInOneLine } from './logs.js';

const setup = 'Make sure that your current VM setup matches your saved VM setup, including any hotplugged devices';

/** What QEMU 5.2.0, 7.2.22, 10.0.13 or 11.1.3 prints, and what it means: seen, or made from the format in its source. */
const wordings: [line: string, ...meanings: object[]][] = [
  [
    'get_pci_config_device: Bad config data: i=0x10a read: 40 device: 0 cmask: ff wmask: 0 w1cmask:0',
    { kind: 'config-mismatch', offset: 0x10a, read: 0x40, device: 0, cmask: 0xff, wmask: 0, w1cmask: 0 },
  ],
  ['i=0x6e read: 18 device: 40', { kind: 'undiagnosed', text: 'i=0x6e read: 18 device: 40' }],
  ['Bad config data: i=0x6e read: 18 device: 40', { kind: 'config-mismatch', offset: 0x6e, read: 0x18, device: 0x40 }],
  ['Failed to load PCIDevice:config', { kind: 'vmstate-path', vmstate: 'PCIDevice', path: ['config'] }],
  [
    'Failed to load pcie-root-port:parent_obj.parent_obj.parent_obj',
    { kind: 'vmstate-path', vmstate: 'pcie-root-port', path: ['parent_obj', 'parent_obj', 'parent_obj'] },
  ],
  ['Failed to load ICH9LPC:pm', { kind: 'vmstate-path', vmstate: 'ICH9LPC', path: ['pm'] }],
  [
    'Failed to load element of type pci config for config',
    { kind: 'vmstate-path', type: 'pci config', path: ['config'] },
  ],
  [
    "error while loading state for instance 0x0 of device '0000:00:05.0/virtio-net'",
    { kind: 'section-device', instance: 0, device: '0000:00:05.0/virtio-net' },
  ],
  [
    `Unknown savevm section or instance '0000:00:05.0/1/usb-ptr' 0. ${setup}`,
    { kind: 'unknown-section', section: '0000:00:05.0/1/usb-ptr', instance: 0 },
  ],
  [
    `load of migration failed: Invalid argument: Unknown section or instance 'apic' 1. ${setup}`,
    { kind: 'load-failed', reason: 'Invalid argument' },
    { kind: 'unknown-section', section: 'apic', instance: 1 },
  ],
  ['Unknown savevm section 37', { kind: 'unknown-section-id', id: 37 }],
  ['Missing section footer for 0000:00:05.0/xhci', { kind: 'missing-section-footer', section: '0000:00:05.0/xhci' }],
  [
    'load of migration failed: Invalid argument: Section footer error, section_id: 37',
    { kind: 'load-failed', reason: 'Invalid argument' },
    { kind: 'section-footer', id: 37 },
  ],
  [
    'Mismatched section id in footer for timer - read 0x3 expected 0x4',
    { kind: 'section-footer-id', section: 'timer', read: 3, expected: 4 },
  ],
  [
    'Unknown ramblock "0000:00:05.0/e1000.rom", cannot accept migration',
    { kind: 'unknown-ramblock', block: '0000:00:05.0/e1000.rom' },
  ],
  [
    'Size mismatch: pc.ram: 0x1000000 != 0x2000000: Invalid argument',
    { kind: 'ramblock-size', block: 'pc.ram', source: 0x1000000, destination: 0x2000000 },
  ],
  [
    'Mismatched RAM page size pc.ram (local) 2097152 != 4096',
    { kind: 'ramblock-page-size', block: 'pc.ram', source: 4096, destination: 2097152 },
  ],
  [
    'Features 0x130ffffa7 unsupported. Allowed features: 0x1c0010179bfffe7',
    { kind: 'features', features: '0x130ffffa7', allowed: '0x1c0010179bfffe7' },
  ],
  [
    'VQ 3 vring.num 256 exceeds allocated max 0',
    { kind: 'virtqueue', queue: 3, detail: 'vring.num 256 exceeds allocated max 0' },
  ],
  [
    "Machine type received is 'pc-q35-7.2' and local is 'pc-i440fx-5.2'",
    { kind: 'machine-type', source: 'pc-q35-7.2', destination: 'pc-i440fx-5.2' },
  ],
  [
    "load of migration failed: Invalid argument: post load hook failed for: configuration, version_id: 1, minimum_version: 0: Machine type received is 'pc-q35-11.1' and local is 'pc-i440fx-5.2'",
    { kind: 'load-failed', reason: 'Invalid argument' },
    { kind: 'post-load', vmstate: 'configuration' },
    { kind: 'machine-type', source: 'pc-q35-11.1', destination: 'pc-i440fx-5.2' },
  ],
  [
    'Capability postcopy-ram is off, but received capability is on',
    { kind: 'capability', capability: 'postcopy-ram', source: 'on', destination: 'off' },
  ],
  ["savevm: unsupported version 3 for 'ram' v2", { kind: 'version', section: 'ram', source: 3, destination: 2 }],
  [
    'virtio-mem: incoming version_id 4 is too new for local version_id 3',
    { kind: 'version', section: 'virtio-mem', source: 4, destination: 3 },
  ],
  [
    'virtio-mem: incoming version_id 1 is too old for local minimum version_id  2',
    { kind: 'version', section: 'virtio-mem', source: 1, destination: 2 },
  ],
  ['3 != ff', { kind: 'field-value', source: 'ff', destination: '3' }],
  ['Unknown combination of migration flags: 0x200', { kind: 'unknown-flags', flags: 0x200 }],
  [
    "load of migration failed: Invalid argument: error while loading state for instance 0x0 of device 'ram': Failed to load vmstate version_id: 4, ret: -22",
    { kind: 'load-failed', reason: 'Invalid argument' },
    { kind: 'section-device', instance: 0, device: 'ram' },
    { kind: 'vmstate-load', version: 4, ret: -22 },
  ],
  [
    "load of migration failed: Invalid argument: something new: error while loading state for instance 0x2 of device 'x'",
    { kind: 'load-failed', reason: 'Invalid argument' },
    { kind: 'undiagnosed', text: 'something new' },
    { kind: 'section-device', instance: 2, device: 'x' },
  ],
  [
    "State blocked by non-migratable device '0000:00:01.0/nvme'",
    {
      kind: 'migration-blocker',
      device: '0000:00:01.0/nvme',
      reason: "State blocked by non-migratable device '0000:00:01.0/nvme'",
    },
  ],
  [
    "Migration is disabled when using feature 'peer mode' in device 'ivshmem'",
    {
      kind: 'migration-blocker',
      device: 'ivshmem',
      reason: "Migration is disabled when using feature 'peer mode' in device 'ivshmem'",
    },
  ],
  ['RP: Sibling indicated error 1', { kind: 'sibling-error', error: 1 }],
  [
    'Failed to flush QEMUFile: Unable to write to socket: Broken pipe',
    { kind: 'save-failed', detail: 'Failed to flush QEMUFile' },
    { kind: 'connection-lost', reason: 'Unable to write to socket: Broken pipe' },
  ],
  [
    'failed to save SaveStateEntry with id(name): 2(ram): -5',
    { kind: 'save-failed', section: 'ram', detail: 'failed to save SaveStateEntry with id(name): 2(ram): -5' },
  ],
  [
    "../../util/async.c:343: aio_ctx_finalize: Assertion `flags & BH_DELETED' failed.",
    {
      kind: 'assertion',
      file: '../../util/async.c',
      lineNumber: 343,
      function: 'aio_ctx_finalize',
      expression: 'flags & BH_DELETED',
    },
  ],
  [
    'Unexpected error in object_property_try_add() at ../../qom/object.c:1238:',
    {
      kind: 'assertion',
      file: '../../qom/object.c',
      lineNumber: 1238,
      function: 'object_property_try_add',
      expression: 'Unexpected error',
    },
  ],
  [
    "-device e1000,id=net0,addr=5,x=on: Property 'e1000.x' not found",
    {
      kind: 'device-error',
      argument: 'e1000,id=net0,addr=5,x=on',
      id: 'net0',
      reason: "Property 'e1000.x' not found",
    },
  ],
  [
    '-machine pc-q35-9.9: unsupported machine type',
    { kind: 'option-error', option: '-machine', argument: 'pc-q35-9.9', reason: 'unsupported machine type' },
  ],
  ['terminating on signal 15 from pid 4711 (node)', { kind: 'terminated', signal: 15, pid: 4711 }],
];

// 1. Every wording of every build gives the same kind and fields, with a program's name before it or without.
// 2. Nothing is dropped: the lines of the results are the lines of the text, whatever the text.
// 3. A mail's line breaks and quotation marks do not hide a message.
describe('parseErrorLines', () => {
  for (const [line, ...meanings] of wordings) {
    it(`reads ${line.slice(0, 90)}`, () => {
      const expected = (whole: string): object[] =>
        meanings.map((fields, at) => ({ ...fields, line: whole, ...(at > 0 && { continued: true }) }));
      expect(parseErrorLines(line)).to.deep.equal(expected(line));
      const printed = `2026-03-01T10:00:00.123456Z qemu-system-x86_64: ${line}`;
      expect(parseErrorLines(`${printed}\r\n`)).to.deep.equal(expected(printed));
    });
  }

  it('puts together what a mail broke, and keeps its lines', () => {
    const found = parseErrorLines(mailedLog);
    expect(found.map(({ kind }) => kind)).to.deep.equal([
      'config-mismatch',
      'vmstate-path',
      'vmstate-path',
      'section-device',
      'load-failed',
    ]);
    expect(found[0]).to.include({ offset: 0x6e, read: 0, device: 0x40, cmask: 0xff, wmask: 0, w1cmask: 0x19 });
    expect(found[3]).to.include({ device: '0000:00:12.0/pcie-root-port' });
    expect(found.map(({ line }) => line).join('\n')).to.equal(mailedLog.trim());
  });

  it('reads a message that a mail quotes and breaks', () => {
    const text = [
      '>>   qemu-system-ppc64: get_pci_config_device: Bad config data: i=0x6',
      '>>     read: 0 device: 10 cmask: 10 wmask: 0 w1cmask:0',
      '>>                               ^^',
    ];
    const [mismatch, mark] = parseErrorLines(text.join('\n'));
    expect(mismatch).to.include({
      kind: 'config-mismatch',
      offset: 6,
      device: 0x10,
      line: text.slice(0, 2).join('\n'),
    });
    expect(mark).to.include({ kind: 'undiagnosed', line: text[2] });
  });

  it('reads a GLib assertion with the marker before it', () => {
    const text = '**\nERROR:../hw/pci/pci.c:42:pci_x: assertion failed: (a == b)';
    expect(parseErrorLines(text)).to.deep.equal([
      {
        kind: 'assertion',
        file: '../hw/pci/pci.c',
        lineNumber: 42,
        function: 'pci_x',
        expression: 'assertion failed: (a == b)',
        line: text,
      },
    ]);
  });

  it('gives one result for each message of a chain in one line', () => {
    const kinds = parseErrorLines(slotLogInOneLine).map(({ kind, continued }) => [kind, continued ?? false]);
    expect(kinds).to.deep.equal([
      ['warning', false],
      ['config-mismatch', false],
      ['load-failed', false],
      ['section-device', true],
      ['vmstate-path', true],
    ]);
  });

  it('keeps every line of any text', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(': ', '\n', '**', 'qemu-kvm: ', ...wordings.map(([line]) => line)),
    );
    const text = fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(text, (log) => {
        const lines = log.split(/\r?\n/).filter((line) => line.trim() !== '');
        const found = parseErrorLines(log);
        const own = found.filter((message: ErrorLine) => !message.continued);
        expect(own.flatMap(({ line }) => line.split('\n'))).to.deep.equal(lines);
        expect(found.length === 0).to.equal(lines.length === 0);
      }),
    );
  });
});

describe('isHarmless', () => {
  for (const [line, harmless] of [
    ["warning: Machine type 'pc-q35-5.2' is deprecated: machines more than 3 years old are subject to deletion", true],
    ["warning: TCG doesn't support requested feature: CPUID.01H:ECX.vmx [bit 5]", true],
    ['warning: nic e1000.0 has no peer', true],
    [
      '-device nec-usb-xhci,id=x,bus=rp,addr=0x12.0x1: warning: PCI: slot 18 is not valid for nec-usb-xhci, parent device only allows plugging into slot 0.',
      true,
    ],
    ['terminating on signal 15 from pid 1 (node)', true],
    ["warning: UUID is received 1234, but local uuid isn't set", false],
    ['load of migration failed: Invalid argument', false],
    ['nobody knows this', false],
  ] as const) {
    it(`${harmless ? 'takes' : 'does not take'} "${line.slice(0, 60)}" for harmless`, () => {
      const [parsed] = parseErrorLines(`qemu-system-x86_64: ${line}`);
      if (!parsed) throw new Error('nothing was parsed');
      expect(isHarmless(parsed)).to.equal(harmless);
    });
  }
});
