import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import tmp from 'tmp';
import { inDump, inStream, readDump } from '../../../harness/cli/explain-spaces.js';
import { UsageError } from '../../../harness/core/errors.js';
import type { PlacedDevice } from '../../../harness/diagnosis/device-name.js';
import { registerAt, spaceWithCapability } from '../../../harness/pci/registers.js';
import { captureFile } from '../support/captured.js';
import { Launchpad } from '../support/launchpad.js';

const vendorSpecific = 0x09;
const about = '0000:00:04.0/vfio';
const placed = (text: string): PlacedDevice => ({ driver: 'vfio-pci', text });
const nowhere = { about, byPlace: () => undefined };

/** A space whose byte 0 is told apart from those of others. */
const numbered = (value: number): { config: Uint8Array } => ({ config: new Uint8Array(256).fill(value, 0, 1) });

function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => bytes.writeUInt32BE(value >>> 0, 4 * index));
  return bytes;
}

const tag = (number: number): Buffer => u32(0xffffffff, 0xef100000 + number);
const head = (type: number, id: number): Buffer =>
  Buffer.concat([Buffer.from([type]), u32(id), Buffer.from([about.length]), Buffer.from(about), u32(0, 1)]);
const rest = (type: number, id: number): Buffer => Buffer.concat([Buffer.from([type]), u32(id)]);
const foot = (id: number): Buffer => Buffer.concat([Buffer.from([0x7e]), u32(id)]);

/** The state of a VFIO device as QEMU 7.2 and later send it, in one section, or as 5.2 did, at the end of the iterable state. */
function vfioStream(config: Uint8Array, form: 'full' | 'iterated'): Buffer {
  const state = Buffer.concat([tag(2), u32(2), config, Buffer.alloc(16), tag(1)]);
  const sections =
    form === 'full'
      ? [head(4, 3), state, foot(3)]
      : [head(1, 3), tag(3), tag(1), foot(3), rest(3, 3), tag(1), foot(3), rest(3, 3), state, tag(1), foot(3)];
  return Buffer.concat([u32(0x5145564d, 3), ...sections, Buffer.from([0])]);
}

// 1. A stream of a real QEMU gives the space of each of its devices by section; one with VFIO state gives that of the VFIO device.
// 2. A dump is asked at the host's address that the -device names, at the guest's, and last for the only function there is.
// 3. A file that is none of these is refused with its name.
describe('configuration space that a user has', () => {
  it('finds every device of a captured stream', async () => {
    await using pad = new Launchpad();
    const words = ['-device', 'pcie-root-port,addr=12.0,id=rp0', '-device', 'e1000,addr=4.0'];
    const bySection = inStream(await captureFile(await pad.launch({ machineType: 'pc-q35-7.2', words })));
    const port = bySection('0000:00:12.0/pcie-root-port')?.config;
    expect(port).to.have.length(4096);
    expect(port && registerAt(port, 0x6e)?.name).to.equal('Slot Status');
    expect(bySection('0000:00:04.0/e1000')?.config.subarray(0, 4)).to.deep.equal(Buffer.from('86800e10', 'hex'));
    expect(bySection('0000:00:05.0/e1000')).to.equal(undefined);
  });

  for (const form of ['full', 'iterated'] as const) {
    it(`finds the space in ${form} VFIO state`, () => {
      using folder = new Folder();
      const space = spaceWithCapability(vendorSpecific, 0x80);
      const path = folder.write('stream', vfioStream(space, form));
      expect(Uint8Array.from(inStream(path)(about)?.config ?? [])).to.deep.equal(space);
    });
  }

  it('finds the function of a dump that is meant', () => {
    const functions = [
      { address: '3b:00.4', ...numbered(1) },
      { address: '00:04.0', ...numbered(2) },
    ];
    const bytesOf = (text?: string): unknown => {
      const byPlace = () => (text === undefined ? undefined : placed(text));
      return inDump(functions, { about, byPlace })(about)?.config[0];
    };
    expect(bytesOf('vfio-pci,host=0000:3b:00.4')).to.equal(1);
    expect(bytesOf('vfio-pci,sysfsdev=/sys/bus/pci/devices/0000:3b:00.4,id=x')).to.equal(1);
    expect(bytesOf()).to.equal(2);
    expect(inDump(functions, nowhere)('0000:00:05.0/vfio')).to.equal(undefined);
    const only = inDump(functions.slice(0, 1), nowhere);
    expect([only(about)?.config[0], only('0000:00:05.0/vfio')]).to.deep.equal([1, undefined]);
  });

  it('reads a copy of a config file', () => {
    using folder = new Folder();
    const space = spaceWithCapability(vendorSpecific, 0x80);
    expect(readDump(folder.write('config', space)).map(({ config }) => Uint8Array.from(config))).to.deep.equal([space]);
  });

  it('refuses files that are none', () => {
    using folder = new Folder();
    const path = folder.write('text', Buffer.from('not this'));
    expect(() => readDump(path)).to.throw(UsageError, /^--config \S+text cannot be used: no line/);
    expect(() => inStream(path)).to.throw(UsageError, /^--stream \S+text cannot be used: offset 0/);
    expect(() => readDump(join(path, 'missing'))).to.throw(UsageError, /^--config \S+missing cannot be used/);
  });
});

/** A folder for a test. */
class Folder implements Disposable {
  private readonly folder = tmp.dirSync({ unsafeCleanup: true });

  write(name: string, bytes: Uint8Array): string {
    const path = join(this.folder.name, name);
    writeFileSync(path, bytes);
    return path;
  }

  [Symbol.dispose](): void {
    this.folder.removeCallback();
  }
}
