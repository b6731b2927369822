import { expect } from 'chai';
import { Deadline } from '../../../harness/core/deadline.js';
import { StateError } from '../../../harness/core/errors.js';
import { expectedEcam, proveEcam } from '../../../harness/guest/expected-ecam.js';
import { ScriptedGuest } from '../../../harness/guest/scripted.js';
import type { Machine } from '../../../harness/machine/machine.js';
import { EcamAccess, type MemoryAccess, type PciAccess } from '../../../harness/pci/access.js';
import { parseAddress } from '../../../harness/pci/address.js';
import { failure } from '../support/failure.js';
import { Launchpad, type LaunchWish, suiteFor } from '../support/launchpad.js';

const bridge = parseAddress('00:00.0');
/** Where virt-7.2 has configuration space, and where it has it without high memory (QEMU 7.2 hw/arm/virt.c). */
const [high, low] = [0x4010000000, 0x3f000000];
/** Moves it behind the back of the machine type. */
const elsewhere = ['-machine', 'highmem=off'];
const soon = (): Deadline => Deadline.after(20_000);

function ecamOf(machine: Machine, memory: MemoryAccess = machine.qtest): PciAccess {
  const access = expectedEcam(Object.create(machine, { qtest: { value: memory } }) as Machine);
  if (!access) throw new Error(`${machine.spec.machineType} has no ECAM`);
  return access;
}

/**
 * 1. Who starts on a machine is told that configuration space is not where it should be, with the place, what was read, and the file that
 * says so; whatever is read first. 2. Once it was there, and on machines that a guest came to, what is read is what is told. 3. A family without it has none, and one whose firmware puts it there is asked after that.
 */
describe('configuration space in memory', () => {
  let pad: Launchpad;
  beforeEach(() => {
    pad = new Launchpad();
  });
  afterEach(() => pad[Symbol.asyncDispose]());

  const launch = async (wish: LaunchWish = {}): Promise<Machine> =>
    pad.launch({ build: await suiteFor('bookworm', 'aarch64'), machineType: 'virt-7.2', ...wish });
  const refusal = (label: string): string =>
    `configuration space of the ${label} QEMU is not at 0x4010000000, which is its place in machines/virt.yaml: ` +
    'the Vendor ID of the host bridge 00:00.0 reads as 0x0';

  it('that is not where it should be is told of', async () => {
    const machine = await launch({ words: elsewhere, label: 'source' });
    expect(await new EcamAccess(machine.qtest, low).read(bridge, 0, 2)).to.equal(0x1b36);
    const guest = ScriptedGuest.attach(machine, soon());
    expect((await failure(guest.boot(), StateError)).message).to.equal(refusal('source'));
    expect((await failure(proveEcam(machine), StateError)).message).to.equal(refusal('source'));
    for (const width of [2, 4] as const)
      expect((await failure(ecamOf(machine).read(bridge, 0, width), StateError)).message).to.equal(refusal('source'));
  });

  it('that a guest came to reads as it is', async () => {
    const machine = await launch({ words: elsewhere, label: 'destination' });
    for (const guest of [ScriptedGuest.resume(machine, soon()), await ScriptedGuest.onlooker(machine, soon())]) {
      const space = (await guest.configSpace()).get('00:00.0');
      expect(Buffer.from(space?.config ?? []).readUInt32LE()).to.equal(0);
    }
  });

  it('is proved once', async () => {
    const machine = await launch();
    expect((await ScriptedGuest.attach(machine, soon()).boot()).length).to.equal(1);
    const bytes = await machine.qtest.readBlock(high, 256);
    let block = bytes;
    const memory = {
      readMemory: () => Promise.resolve(block.readUInt32LE()),
      writeMemory: () => Promise.resolve(),
      readBlock: () => Promise.resolve(block),
    };
    const proved = ecamOf(machine, memory);
    expect(Buffer.from(await proved.readSpace(bridge, 256)).equals(bytes)).to.equal(true);
    for (const byte of [0, 0xff]) {
      block = Buffer.alloc(256, byte);
      expect(await proved.readSpace(bridge, 256)).to.equal(block);
      const unproved = ecamOf(machine, memory);
      // Other functions may be missing.
      await unproved.read(parseAddress('00:01.0'), 0, 4);
      await failure(unproved.readSpace(bridge), StateError);
    }
  });

  it('is there once firmware has put it there, or not at all', async () => {
    const q35 = await pad.launch({ machineType: 'pc-q35-7.2' });
    expect((await failure(ecamOf(q35).readSpace(bridge), StateError)).message).to.match(
      /is not at 0xb0000000, which is its place in machines\/pc-q35.yaml: .* reads as 0x0$/,
    );
    expect((await ScriptedGuest.attach(q35, soon()).boot()).length).to.be.above(1);
    const i440fx = await pad.launch({ machineType: 'pc-i440fx-7.2' });
    expect(expectedEcam(i440fx)).to.equal(undefined);
    for (const machine of [await pad.launch({ machineType: 'pc-q35-7.2' }), i440fx, await launch()])
      await proveEcam(machine);
  });
});
