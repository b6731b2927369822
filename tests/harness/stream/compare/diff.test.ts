import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { Deadline } from '../../../../harness/core/deadline.js';
import { ScriptedGuest } from '../../../../harness/guest/scripted.js';
import type { Machine } from '../../../../harness/machine/machine.js';
import { splitWords } from '../../../../harness/machine/words.js';
import { type Capture, devicesOf } from '../../../../harness/stream/capture.js';
import { compareCaptures } from '../../../../harness/stream/compare/diff.js';
import { eachValue } from '../../../../harness/stream/state/fields.js';
import { captured, captureFile } from '../../support/captured.js';
import { edited, readBytes } from '../../support/edited.js';
import { Launchpad } from '../../support/launchpad.js';

const slot = splitWords(
  '-device pcie-root-port,port=18,chassis=19,id=pcie-root-port18,bus=pcie.0,addr=0x12 -device nec-usb-xhci,id=xhci0,bus=pcie-root-port18',
);

/**
 * 1. The slot that the guest powered off, against a fresh machine: Slot Status, with both values and the bits.
 * 2. Two captures of one command line differ in time alone, and each such value says why it may.
 * 3. A single byte changed anywhere in the state of a device is told, with the field that it is in, whichever byte it is.
 * 4. Pages of RAM whose contents differ, on request.
 * 5. Sections that one capture lacks, RAM blocks of another size, another machine type and another order are told.
 */
describe('differences between streams', () => {
  it('shows Slot Status of the slot that was powered off', async () => {
    await using pad = new Launchpad();
    const source = await pad.launch({ machineType: 'pc-q35-6.0', words: slot });
    const guest = ScriptedGuest.attach(source, Deadline.after(20_000));
    await (await guest.slot('pcie-root-port18')).powerOn();
    await (await guest.slot('pcie-root-port18')).powerOff();
    const destination = await pad.launch({ machineType: 'pc-q35-6.0', words: slot });
    await ScriptedGuest.attach(destination, Deadline.after(20_000)).boot();
    const found = compareCaptures(await captured(source), await captured(destination));
    const status = found.find(({ what }) => what.startsWith('Slot Status'));
    expect(status).to.deep.equal({
      ...{ kind: 'register', section: '0000:00:12.0/pcie-root-port' },
      ...{ what: 'Slot Status PDC CC PDS (config 0x6e)', first: '0x18', second: '0x40' },
    });
  });

  for (const build of ['bookworm', 'trixie'] as const) {
    it(`are only in time between two machines of ${build} with one command line`, async () => {
      await using pad = new Launchpad();
      const words = [
        ...slot,
        '-device',
        'e1000e,romfile=',
        '-device',
        'virtio-net-pci,romfile=',
        '-device',
        'piix3-usb-uhci',
      ];
      const capture = async (): Promise<Capture> =>
        captured(await pad.launch({ build, machineType: 'pc-q35-7.2', words }));
      const found = compareCaptures(await capture(), await capture());
      expect(found.filter(({ expected }) => expected === undefined)).to.deep.equal([]);
      expect(found.map(({ section }) => section)).to.include('mc146818rtc');
    });
  }

  it('in the clock may be in the time of day, and in nothing else', async () => {
    await using pad = new Launchpad();
    const bytes = readFileSync(await captureFile(await pad.launch({ machineType: 'pc-q35-7.2' })));
    const differing = (byte: number) =>
      compareCaptures(
        readBytes(bytes),
        readBytes(edited(bytes, [{ change: 'mc146818rtc', field: 'cmos_data', byte, xor: 1 }])),
      );
    expect(differing(0x04)).to.deep.include.members([{ ...differing(0x04)[0], expected: 'the time of day' }]);
    expect(differing(0x10)[0]).to.include({ section: 'mc146818rtc', what: 'cmos_data from byte 16' });
    expect(differing(0x10)[0]).to.not.have.property('expected');
  });

  it('are told for every byte of every device', async () => {
    await using pad = new Launchpad();
    const source: Machine = await pad.launch({ machineType: 'pc-q35-7.2', words: slot });
    const bytes = readFileSync(await captureFile(source));
    const before = readBytes(bytes);
    const missed: string[] = [];
    for (const { section, body, fields = [] } of devicesOf(before)) {
      // Every field of small devices, eight of large ones: by its first and its last byte.
      const ends: number[] = [];
      eachValue(fields, (_, { offset, size }) => {
        if (size > 0) ends.push(offset, offset + size - 1);
      });
      const step = Math.ceil(ends.length / 8);
      for (const at of ends.filter((_, index) => index % step === 0)) {
        const changed = Buffer.from(body);
        changed[at] = (changed[at] ?? 0) ^ 0x80;
        const copy = Buffer.from(bytes);
        changed.copy(copy, section.bodyOffset);
        const found = compareCaptures(before, readBytes(copy));
        if (found.length !== 1 || found[0]?.section.startsWith(section.name) !== true)
          missed.push(`${section.name} ${at}`);
      }
    }
    expect(missed).to.deep.equal([]);
  });

  it('are told for sections, RAM blocks, the machine type and the order', async () => {
    await using pad = new Launchpad();
    const path = await captureFile(await pad.launch({ machineType: 'pc-q35-7.2' }));
    const before = readBytes(readFileSync(path));
    const after = readBytes(edited(readFileSync(path), [{ drop: 'hpet' }, { move: 'ioapic', before: 'cpu' }]));
    expect(compareCaptures(before, after)).to.deep.equal([
      { kind: 'section', section: 'hpet', what: 'section', first: '151 bytes', second: 'absent' },
      { kind: 'order', section: 'order', what: 'after cpu_common 0', first: 'cpu 0', second: 'ioapic 0' },
    ]);
    expect(compareCaptures(after, before)[0]).to.deep.include({
      section: 'hpet',
      first: 'absent',
      second: '151 bytes',
    });
    const other = await captured(await pad.launch({ machineType: 'pc-q35-6.0', memoryMiB: 32 }));
    expect(compareCaptures(before, other).slice(0, 2)).to.deep.equal([
      {
        kind: 'configuration',
        section: 'configuration',
        what: 'machine type',
        first: 'pc-q35-7.2',
        second: 'pc-q35-6.0',
      },
      { kind: 'ram', section: 'ram', what: 'pc.ram', first: '16777216 bytes', second: '33554432 bytes' },
    ]);
  });

  it('are told for pages of RAM on request', async () => {
    await using pad = new Launchpad();
    const source = await pad.launch({ machineType: 'pc-q35-7.2' });
    await source.qtest.command('memset 0x100000 0x3000 0x11');
    const bytes = readFileSync(await captureFile(source));
    const other = Buffer.from(bytes);
    const page = Buffer.alloc(4096, 0x11);
    for (const at of [bytes.indexOf(page) + 5, bytes.indexOf(page, bytes.indexOf(page) + 4096) + 4000])
      other[at] = 0x12;
    const read = (stream: Buffer): Capture => readBytes(stream, { pages: true });
    expect(compareCaptures(read(bytes), read(bytes))).to.deep.equal([]);
    expect(compareCaptures(read(bytes), read(other)).map(({ kind, what }) => [kind, what])).to.deep.equal([
      ['pages', 'pc.ram from 0x100000 to 0x101fff'],
    ]);
    expect(compareCaptures(readBytes(bytes), readBytes(other))).to.deep.equal([]);
  });
});
