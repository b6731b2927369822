import { expect } from 'chai';
import { randomFillSync } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Deadline } from '../../../../harness/core/deadline.js';
import { ScriptedGuest } from '../../../../harness/guest/scripted.js';
import { locateRam, readMemory } from '../../../../harness/guest/state/memory.js';
import type { DeviceState } from '../../../../harness/guest/state/part.js';
import { memoryBase } from '../../../../harness/pci/base-address.js';
import { compareViews, findingOfDifference, type View } from '../../../../harness/migration/compare.js';
import { splitWords } from '../../../../harness/machine/words.js';
import { type StateArea, stateAreas } from '../../../../harness/record/outcome.js';
import { Launchpad, type Suite } from '../../support/launchpad.js';

const words =
  splitWords(`-netdev hubport,id=h0,hubid=0 -netdev hubport,id=h1,hubid=0 -device pcie-root-port,id=rp0,addr=0x4,chassis=1
  -device virtio-net-pci,id=net0,bus=rp0,netdev=h0,romfile= -device e1000e,id=nic0,netdev=h1,romfile=,addr=0x5
  -device nec-usb-xhci,id=usb0,addr=0x6 -device pcie-pci-bridge,id=br0,addr=0x7 -device ich9-ahci,id=disk0,addr=0x8 -serial null`);

const more =
  splitWords(`-netdev hubport,id=h0,hubid=0 -netdev hubport,id=h1,hubid=0 -device ich9-usb-ehci1,id=ehci0 -device pci-ohci,id=ohci0
  -device intel-hda,id=hda0 -device rtl8139,id=rtl0,netdev=h0,romfile= -device vmxnet3,id=vmx0,netdev=h1,romfile=,mac=52:54:00:12:34:56
  -device megasas,id=mega0 -device megasas-gen2,id=mega1`);

/** A guest whose devices have addresses, and its state as often as it is asked for. */
async function stage(pad: Launchpad, build: Suite, wish: { type?: string; words?: readonly string[] } = {}) {
  const machine = await pad.launch({ build, machineType: wish.type ?? 'pc-q35-6.0', words: wish.words ?? words });
  const guest = ScriptedGuest.attach(machine, Deadline.after(20_000));
  await guest.mapDevices();
  const look = async (areas: readonly StateArea[] = stateAreas): Promise<View> => {
    const config = await guest.configSpace();
    return { config, parts: await guest.readState(config, areas) };
  };
  const baseOf = (id: string, bar: number, { config }: View): number => {
    const found = [...config.values()].find((listed) => listed.id === id);
    return (found && memoryBase(found.config, bar)) ?? NaN;
  };
  return { machine, guest, look, baseOf };
}

function fileToWrite(path: string): Disposable & { write(block: Buffer, position: number): void } {
  const file = openSync(path, 'r+');
  return {
    write: (block, position) => void writeSync(file, block, 0, block.length, position),
    [Symbol.dispose]: () => closeSync(file),
  };
}

function statesOf({ parts }: View): DeviceState[] {
  return parts.flatMap((part) => part.read());
}

function told(before: View, after: View): string[] {
  return compareViews(before, after).map((difference) => findingOfDifference(difference).summary);
}

/**
 * 1. Looking changes nothing: any number of looks are the same, in every area alone and in all at once.
 * 2. Every area is really read: what is changed by hand is told, with the device and the register, and nothing else.
 * 3. Memory reads the same from the process, from a shared file, and as QEMU writes it out.
 */
for (const build of ['bookworm', 'trixie'] as const) {
  describe(`the state of a machine on ${build}`, () => {
    let pad: Launchpad;

    beforeEach(() => {
      pad = new Launchpad();
    });

    afterEach(() => pad[Symbol.asyncDispose]());

    for (const type of ['pc-q35-6.0', 'pc-i440fx-6.0']) {
      it(`is the same on every look, ${type}`, async () => {
        const wish = type === 'pc-q35-6.0' ? {} : { words: splitWords('-device nec-usb-xhci,id=usb0 -serial null') };
        const { machine, look } = await stage(pad, build, { type, ...wish });
        await machine.qtest.out(0xcf8, 4, 0x80003c10);
        const first = await look();
        for (const area of stateAreas) await look([area]);
        const last = await look();
        expect(last.config).to.deep.equal(first.config);
        expect(statesOf(last)).to.deep.equal(statesOf(first));
        expect(last.parts.map(({ told }) => told)).to.deep.equal(first.parts.map(({ told }) => told));
        expect(await machine.qtest.in(0xcf8, 4)).to.equal(0x80003c10);
        const areas = new Set(statesOf(first).map(({ area }) => area));
        expect([...areas].sort()).to.deep.equal(stateAreas.filter((area) => area !== 'config-space').sort());
      });
    }

    it('knows the registers of devices', async () => {
      const { machine, look, baseOf } = await stage(pad, build);
      const before = await look();
      const { qtest } = machine;
      await qtest.writeMemory(baseOf('usb0', 0, before) + 0x78, 4, 3);
      await qtest.writeMemory(baseOf('usb0', 0, before) + 0x1024, 4, 0xfa0);
      await qtest.writeMemory(baseOf('nic0', 0, before) + 0x5208, 4, 0x11);
      await qtest.writeMemory(baseOf('disk0', 5, before) + 0x188, 4, 0x2000);
      await qtest.writeMemory(baseOf('net0', 4, before) + 0x14, 1, 1);
      await qtest.writeMemory(baseOf('net0', 1, before) + 0x2c, 4, 0);
      await qtest.writeMemory(0xfed00000 + 0x108, 4, 0x77);
      await qtest.out(0x4d0, 1, 0x20);
      await qtest.out(0x3ff, 1, 0x5a);
      expect(told(before, await look())).to.have.members([
        'CONFIG of usb0 (00:06.0) was 0x0 on the source and is 0x3 on the destination',
        'IMOD of Interrupter 0 of usb0 (00:06.0) was 0x0 on the source and is 0xfa0 on the destination',
        'MTA[2] of nic0 (00:05.0) was 0x0 on the source and is 0x11 on the destination',
        'PxFB of Port 1 of disk0 (00:08.0) was 0x0 on the source and is 0x2000 on the destination',
        'device_status of net0 (01:00.0) was 0x0 on the source and is 0x1 on the destination',
        'MSI-X Vector Control of entry 2 of net0 (01:00.0) was 0x1 on the source and is 0x0 on the destination',
        'Comparator (low) of Timer 0 of HPET was 0xffffffff on the source and is 0x77 on the destination',
        'ELCR1 of interrupt trigger control was 0x0 on the source and is 0x20 on the destination',
        'elcr of PIC 0 was 00 on the source and is 20 on the destination',
        'Scratch of serial port 0 was 0x0 on the source and is 0x5a on the destination',
      ]);
    });

    it('knows the registers of more devices, which any number of looks leave as they are', async () => {
      const { machine, look, baseOf } = await stage(pad, build, { words: more });
      const before = await look();
      expect(statesOf(await look())).to.deep.equal(statesOf(before));
      const at = (id: string, bar: number, offset: number): number => baseOf(id, bar, before) + offset;
      const { qtest } = machine;
      await qtest.writeMemory(at('ehci0', 0, 0x28), 4, 0x3f);
      await qtest.writeMemory(at('ohci0', 0, 0x18), 4, 0x1000);
      await qtest.writeMemory(at('hda0', 0, 0xa8), 4, 0x200);
      await qtest.writeMemory(at('rtl0', 1, 0x3c), 2, 0x5);
      await qtest.writeMemory(at('vmx0', 1, 0x28), 4, 0x12005452);
      await qtest.writeMemory(at('vmx0', 1, 0x30), 4, 0x5734);
      await qtest.writeMemory(at('mega0', 0, 0x34), 4, 0x7);
      await qtest.writeMemory(at('mega1', 1, 0x34), 4, 0x7);
      const changes = told(before, await look());
      expect(changes.map((line) => line.replace(/ \(.*/, ''))).to.have.members([
        'USBINTR of ehci0',
        'HcHCCA of ohci0',
        'SDCBL of Stream 1 of hda0',
        'IMR of rtl0',
        'MACH of vmx0',
        'Outbound Interrupt Mask of mega0',
        'Outbound Interrupt Mask of mega1',
      ]);
    });

    it('knows interrupt controllers, power management and memory', async () => {
      const { machine, guest, look } = await stage(pad, build);
      const lpc = { bus: 0, device: 0x1f, function: 0 };
      await guest.access.write(lpc, { offset: 0x40, width: 4 }, 0x601);
      await guest.access.write(lpc, { offset: 0x44, width: 1 }, 0x80);
      const before = await look();
      const { qtest } = machine;
      await qtest.writeMemory(0xfec00000, 4, 0x10 + 2 * 4);
      await qtest.writeMemory(0xfec00010, 4, 0xa031);
      await qtest.out(0x602, 2, 0x120);
      await qtest.writeBlock(0x2003, Buffer.from('lost'));
      const changes = told(before, await look());
      expect(changes.map((line) => line.replace(/ was .*/, ''))).to.have.members([
        'sel of I/O APIC',
        'Redirection entry 4 of I/O APIC',
        'PM1 Enable of ACPI power management',
        'page 0x2000 of guest RAM',
      ]);
      expect(changes.join()).to.match(/entry 4 of I\/O APIC was 0x0000000000010000 .* is 0x000000000000a031/);
      expect(changes.join()).to.match(/page 0x2000 of guest RAM was zeroes .* is [0-9a-f]{16} on/);
    });

    it('reads memory of a file, and of more than a piece, as it is', async () => {
      const backed = splitWords('-object memory-backend-memfd,id=m0,size=16M,share=on -machine memory-backend=m0');
      const [plain, shared] = await Promise.all([
        stage(pad, build, { words: [] }),
        stage(pad, build, { words: backed }),
      ]);
      const block = randomFillSync(Buffer.alloc(3 << 20));
      await Promise.all([plain, shared].map(({ machine }) => machine.qtest.writeBlock(0x400800, block)));
      const [one, other] = await Promise.all([plain.look(['memory']), shared.look(['memory'])]);
      expect(statesOf(one)[0]?.readings.length).to.equal((3 << 20) / 4096 + 1);
      expect(statesOf(other)).to.deep.equal(statesOf(one));
      // What another process put into the file is in no page that QEMU ever touched.
      const file = join(pad.folder, 'ram');
      const foreign = await stage(pad, build, {
        words: splitWords(
          `-object memory-backend-file,id=m0,size=16M,share=on,mem-path=${file} -machine memory-backend=m0`,
        ),
      });
      using opened = fileToWrite(file);
      opened.write(block, 0x400800);
      expect(statesOf(await foreign.look(['memory']))).to.deep.equal(statesOf(one));
      // Without the number of the process QEMU has to write its memory out.
      const unreachable = Object.create(plain.machine, { pid: { value: undefined } }) as typeof plain.machine;
      const saved = await readMemory(unreachable, await locateRam(unreachable));
      expect(saved.read()).to.deep.equal(statesOf(one)[0]?.readings);
    });
  });
}
