import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { packageRoot } from '../../../harness/core/package-root.js';
import type { Finding } from '../../../harness/record/outcome.js';
import type { ExplainedLog } from '../../../harness/report/explained-log.js';
import { type Ended, Sandbox } from './sandbox.js';

const main = join(packageRoot, 'dist', 'harness', 'cli', 'main.js');

const pasted = (name: string): string => join(packageRoot, 'tests', 'harness', 'diagnosis', 'pasted', `${name}.txt`);

async function asJson(...words: string[]): Promise<ExplainedLog & { first: Finding }> {
  using sandbox = new Sandbox();
  const ended = await sandbox.godwit('explain', '--json', ...words);
  expect(ended.exitCode, ended.stderr).to.equal(0);
  const explained = JSON.parse(ended.stdout) as ExplainedLog;
  const [first] = explained.findings;
  if (!first) throw new Error('nothing was found');
  return { ...explained, first };
}

/** `godwit explain WORDS` with something on standard input. */
async function piped(input: string | Uint8Array, ...words: string[]): Promise<Ended> {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [main, 'explain', ...words], {
    input,
    reject: false,
  });
  return { exitCode, stdout, stderr };
}

/** `lspci -xxx` of a function with these bytes, all others 0. */
function lspciOf(bytes: Record<number, number | number[]>): string {
  const config = Buffer.alloc(256);
  for (const [offset, values] of Object.entries(bytes)) config.set([values].flat(), Number(offset));
  const rows = Array.from({ length: 16 }, (_, row) => {
    const pairs = config.toString('hex', 16 * row, 16 * row + 16).match(/../g) ?? [];
    return `${(16 * row).toString(16).padStart(2, '0')}: ${pairs.join(' ')}`;
  });
  return ['3b:00.4 Serial controller: Red Hat, Inc. Device 1100', ...rows, ''].join('\n');
}

// 1. Each bug report gives its device, register and bit, and what is known of it; text around the log is nobody's error.
// 2. The layout comes from a probe: of the machine of the command line, or of the device alone, and what was assumed is said.
// 3. What cannot be read, and what says nothing, ends with one sentence and its exit status.
describe('godwit explain', () => {
  it('leads the slot of the report to its -device line, register and bit', async () => {
    const { first, lines, notes } = await asJson(pasted('slot'), '--build', 'deb:bookworm');
    expect(first).to.include({
      kind: 'config-mismatch',
      device: 'pcie-root-port18',
      commandLine: 'driver=pcie-root-port,port=18,chassis=19,id=pcie-root-port18,bus=pcie.0,addr=0x12',
    });
    expect(first.fields).to.include({ register: 'Slot Status', bits: 'PDS', capability: 'PCI Express at 0x54' });
    expect(first.known?.words).to.contain('8.1');
    expect(first.path).to.have.length(5);
    expect(notes).to.deep.equal([]);
    expect(lines.filter(({ mark }) => mark === 'undiagnosed')).to.deep.equal([]);
    expect(lines.filter(({ mark }) => mark === 'diagnosed')).to.have.length(1);
  });

  it('looks at the machine of the architecture that the log is of', async () => {
    const log = [
      'get_pci_config_device: Bad config data: i=0x6e read: 0 device: 40 cmask: ff wmask: 0 w1cmask:19',
      "error while loading state for instance 0x0 of device '0000:00:01.0/pcie-root-port'",
    ];
    const { stdout } = await piped(
      log.map((line) => `qemu-system-aarch64: ${line}\n`).join(''),
      '--build',
      'deb:bookworm',
    );
    expect(stdout).to.match(/Slot Status, byte 0x6e, in PCI Express at 0x54, bits: PDS/);
    expect(stdout.replaceAll(/\s+/g, ' ')).to.include('(deb:bookworm:aarch64), virt-7.2: no machine type was given');
    const status = 'Bad config data: i=0x6 read: 0 device: 10 cmask: 10 wmask: 0 w1cmask:0';
    const section = "error while loading state for instance 0x0 of device 'pci@800000020000000:00.0/virtio-net'";
    const pseries = await piped(`qemu-system-ppc64: get_pci_config_device: ${status}\nqemu-system-ppc64: ${section}\n`);
    expect(pseries.stdout).to.match(/^Status of virtio-net \(00:00\.0\): Capabilities List is 0 in the stream/);
    const other = await piped(log.map((line) => `qemu-system-sparc64: ${line}\n`).join(''));
    expect(other.stdout.replaceAll(/\s+/g, ' ')).to.include(
      'the log is of qemu-system-sparc64, whose devices Godwit cannot look at',
    );
  });

  it('names Status and its bit where the log names no device', async () => {
    const { first, lines } = await asJson(pasted('status'));
    expect(first.fields).to.include({ register: 'Status', bits: 'Capabilities List' });
    expect(first.known?.words).to.contain('ibm,change-msi');
    expect(lines.map(({ mark }) => mark)).to.deep.equal([
      'beside',
      'beside',
      'diagnosed',
      'beside',
      'beside',
      'beside',
    ]);
  });

  it('tells of a VFIO device, which no build can show, what is likely and what to supply', async () => {
    const { first, notes } = await asJson(pasted('vendor-specific'));
    expect(first.fields).to.include({ offset: 0x83, read: 0x11, device: 0x22, section: '0000:00:04.0/vfio' });
    expect(first.known?.words)
      .to.contain('the likely part is a vendor-specific capability')
      .and.contain('skip-vsc-check');
    expect(notes).to.have.length(1);
    expect(notes[0]).to.contain('most likely 0x83 belongs to a Vendor-Specific capability').and.contain('--config');
  });

  it('names the Vendor-Specific capability of a VFIO device with what lspci prints of it', async () => {
    using sandbox = new Sandbox();
    writeFileSync(
      sandbox.path('lspci'),
      lspciOf({ 0x06: 0x10, 0x34: 0x60, 0x60: [0x11, 0x80], 0x80: [0x09, 0, 0x10, 0x11] }),
    );
    const { first, notes } = await asJson(pasted('vendor-specific'), '--config', sandbox.path('lspci'));
    expect(first.fields).to.include({ register: 'Vendor-Specific byte 0x3', capability: 'Vendor-Specific at 0x80' });
    expect(first.known?.words)
      .to.match(/^From QEMU 9\.1 on/)
      .and.contain('skip-vsc-check=on');
    expect(notes).to.deep.equal([]);
  });

  it('doubts a dump that neither side has the byte of', async () => {
    using sandbox = new Sandbox();
    writeFileSync(sandbox.path('lspci'), lspciOf({ 0x06: 0x10, 0x34: 0x80, 0x80: [0x09, 0, 0x10, 0x33] }));
    const { notes } = await asJson(pasted('vendor-specific'), '--config', sandbox.path('lspci'));
    expect(notes.join()).to.contain('has 0x33 at 0x83, and neither side of the log has');
  });

  it('names the registers that a vfio-user server did not let write', async () => {
    const { first, lines } = await asJson(pasted('vfio-user'));
    expect(first.summary).to.contain('0x87 is byte 1 of MSI-X Message Control, 0x88 is byte 0 of MSI-X Table Offset');
    expect(first.fields['bits']).to.equal('Table Size, Function Mask, MSI-X Enable, Table BIR, Table Offset');
    expect(first.known?.source).to.contain('640');
    expect(lines.filter(({ mark }) => mark === 'undiagnosed')).to.deep.equal([]);
  });

  it('looks at a device alone where the log is all there is, and says what it assumed', async () => {
    const log = `qemu-system-x86_64: get_pci_config_device: Bad config data: i=0x9a read: 2 device: 3 cmask: ff wmask: 0 w1cmask:0
qemu-system-x86_64: error while loading state for instance 0x0 of device '0000:00:12.0:00.0/virtio-net'
`;
    const { stdout } = await piped(log, '--build', 'deb:bookworm', '--machine', 'pc-q35-7.2');
    expect(stdout).to.match(/^Vendor-Specific byte 0x6 of virtio-net \(01:00\.0\): is 0x2 in the stream/);
    expect(stdout).to.match(/assuming\s+a\s+virtio-net(-pci)?\s+with\s+its\s+default\s+properties/);
  });

  it('starts the devices of a command line, without the backends of the other host', async () => {
    using sandbox = new Sandbox();
    writeFileSync(
      sandbox.path('line.sh'),
      `qemu-system-x86_64 -machine pc-q35-7.2 -m 4G \\
        -netdev tap,id=n0,ifname=tap7 -drive file=/nowhere.img,if=none,id=d0 \\
        -device '{"driver":"virtio-blk-pci","drive":"d0","id":"disk"}' -device virtio-net-pci,netdev=n0,id=nic -device e1000 # comment`,
    );
    writeFileSync(
      sandbox.path('log'),
      "qemu-system-x86_64: get_pci_config_device: Bad config data: i=0x9a read: 2 device: 3 cmask: ff wmask: 0 w1cmask:0\nqemu-system-x86_64: error while loading state for instance 0x0 of device '0000:00:01.0/virtio-net'\n",
    );
    const { stdout } = await sandbox.godwit('explain', 'log', '--cmdline', 'line.sh', '--build', 'deb:bookworm');
    expect(stdout).to.match(/^MSI-X Message Control of nic \(00:01\.0\): Table Size/);
    expect(stdout).to.contain('-device     virtio-net-pci,netdev=n0,id=nic\n');
    expect(stdout).to.not.contain('note');
  });

  it('finds the -device in the command line that a log of libvirt begins with', async () => {
    const log = `2026-03-01 10:00:00.000+0000: starting up libvirt version: 9.0.0, qemu version: 7.2.22
LC_ALL=C \\
/usr/bin/qemu-system-x86_64 \\
-machine pc-q35-7.2,usb=off \\
-device '{"driver":"pcie-root-port","port":16,"chassis":1,"id":"pci.1","bus":"pcie.0","multifunction":true,"addr":"0x2"}' \\
-device '{"driver":"pcie-root-port","port":17,"chassis":2,"id":"pci.2","bus":"pcie.0","addr":"0x2.0x1"}' \\
-msg timestamp=on
2026-03-01T10:00:01.000000Z qemu-system-x86_64: get_pci_config_device: Bad config data: i=0x6a read: 12 device: 1a cmask: ff wmask: 0 w1cmask:0
2026-03-01T10:00:01.000001Z qemu-system-x86_64: error while loading state for instance 0x0 of device '0000:00:02.1/pcie-root-port'
2026-03-01 10:00:01.100+0000: shutting down, reason=failed
`;
    const { stdout } = await piped(log, '--build', 'deb:bookworm', '--json');
    const { findings, lines } = JSON.parse(stdout) as ExplainedLog;
    expect(findings[0]).to.include({ kind: 'config-mismatch', device: 'pci.2' });
    expect(findings[0]?.commandLine).to.contain('"id":"pci.2"');
    expect(findings[0]?.fields).to.include({ register: 'Slot Capabilities' });
    expect(lines.filter(({ mark }) => mark === 'undiagnosed')).to.deep.equal([]);
  });

  it('exits 1 where nothing is diagnosed, and shows every line', async () => {
    const { exitCode, stdout } = await piped('qemu-system-x86_64: nobody has taught this\n');
    expect(exitCode).to.equal(1);
    expect(stdout).to.contain('undiagnosed | qemu-system-x86_64: nobody has taught this');
  });

  for (const [what, input, message] of [
    ['nothing', '', /^godwit: standard input is empty/],
    [
      'bytes',
      Uint8Array.from([0x51, 0x45, 0x56, 0x4d, 0, 0, 0, 3]),
      /^godwit: standard input holds bytes that are no text/,
    ],
  ] as const) {
    it(`refuses ${what} with exit status 2`, async () => {
      const { exitCode, stderr } = await piped(input);
      expect(exitCode).to.equal(2);
      expect(stderr).to.match(message);
      expect(stderr.trimEnd().split('\n')).to.have.length(1);
    });
  }

  it('refuses a file that is not there, two readers of one input, and a build that is none', async () => {
    using sandbox = new Sandbox();
    for (const words of [
      ['missing.log'],
      ['-', '--cmdline', '-'],
      [pasted('status'), '--side', 'left'],
      [pasted('slot'), '--config', pasted('slot')],
      [pasted('slot'), '--stream', pasted('slot')],
      [pasted('slot'), '--build', 'nonesuch'],
    ]) {
      const { exitCode, stderr } = await sandbox.godwit('explain', ...words);
      expect([exitCode, stderr.trimEnd().split('\n').length], stderr).to.deep.equal([2, 1]);
    }
  });
});
