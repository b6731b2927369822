import { hex } from '../../core/hex.js';
import { capabilityIds } from '../../pci/capability-ids.js';
import { findCapability } from '../../pci/registers.js';
import { RefusedError } from '../channel.js';
import type { VfioUserClient } from '../client.js';
import { deviceState, migrationSupport, readDeviceState, setDeviceState, writeDeviceState } from '../device-state.js';
import { migrationFlags, migrationStates, regions } from '../protocol/numbers.js';
import { type Bench, enableMsix } from './bench.js';
import type { Check } from './check.js';

const source = 'QEMU docs/interop/vfio-user.rst, VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE';

/** Device state, on one server and from it to another. */
export const migrationChecks: readonly Check[] = [
  {
    name: 'migration: state is saved',
    proves: 'The device saves its state to an end, runs again, and says in which state it is.',
    source,
    run: async (bench) => {
      const client = await bench.client();
      await supportOf(bench, client);
      await expectState(bench, client, 'RUNNING');
      await save(bench, client);
      await setDeviceState(client, 'RUNNING');
      await expectState(bench, client, 'RUNNING');
    },
  },
  {
    name: 'migration: no way from STOP_COPY to PRE_COPY',
    proves: 'The transition that the specification forbids is refused.',
    source,
    run: async (bench) => {
      const client = await bench.client();
      await supportOf(bench, client);
      await setDeviceState(client, 'STOP_COPY');
      await bench.mustRefuse('the transition from STOP_COPY to PRE_COPY', () => setDeviceState(client, 'PRE_COPY'));
      await restart(client);
    },
  },
  {
    name: 'migration: from one server to another',
    proves:
      'The second server takes the state of the first and the replayed configuration space, which then reads the same.',
    source: `${source}; nutanix/libvfio-user issue 640`,
    run: async (bench) => {
      const { to } = bench.options;
      if (to === undefined) return bench.skip('no second server was given (--to SOCKET)');
      const client = await bench.client();
      await supportOf(bench, client);
      const other = await bench.otherClient(to);
      await supportOf(bench, other);
      await migrate(bench, client, other);
      await restart(client);
      await restart(other);
    },
  },
];

async function migrate(bench: Bench, client: VfioUserClient, other: VfioUserClient): Promise<void> {
  const offset = findCapability(await bench.config(client), capabilityIds.msix)?.offset;
  await client.write(regions.config, 0x04, Buffer.from([0x06, 0x00]));
  if (offset !== undefined) await enableMsix(client, offset, true);
  const config = await bench.config(client);
  const state = await save(bench, client);
  bench.begin();
  await setDeviceState(other, 'RESUMING');
  await writeDeviceState(other, state);
  await setDeviceState(other, 'STOP');
  bench.begin();
  await replay(bench, other, { config, offset });
  const after = await bench.config(other);
  await setDeviceState(other, 'RUNNING');
  await expectState(bench, other, 'RUNNING');
  const different = [...config.keys()].filter((at) => config[at] !== after[at]);
  if (different.length > 0)
    bench.find(`configuration space reads otherwise on the second server at ${different.map(hex).join(', ')}`);
  const again = await save(bench, other);
  if (!again.equals(state)) {
    bench.note(`the second server saves ${again.length} bytes that are not the ${state.length} that it was given`);
  }
}

/** Writes what a client keeps of configuration space: BARs, Command, Interrupt Line, and at MSI-X +3 the 2 bytes of the bug report. */
async function replay(
  bench: Bench,
  other: VfioUserClient,
  { config, offset }: { config: Buffer; offset: number | undefined },
): Promise<void> {
  for (let at = 0x10; at < 0x28; at += 4) await other.write(regions.config, at, config.subarray(at, at + 4));
  await other.write(regions.config, 0x04, config.subarray(0x04, 0x06));
  await other.write(regions.config, 0x3c, config.subarray(0x3c, 0x3d));
  if (offset === undefined) return;
  bench.begin();
  try {
    await other.write(regions.config, offset + 3, config.subarray(offset + 3, offset + 5));
  } catch (thrown) {
    if (!(thrown instanceof RefusedError)) throw thrown;
    bench.find(`the replay of MSI-X Message Control, 2 bytes at ${hex(offset + 3)}, is refused: ${thrown.message}`);
  }
}

/** The whole state, through PRE_COPY where the device has it; the device is stopped then. */
async function save(bench: Bench, client: VfioUserClient): Promise<Buffer> {
  bench.begin();
  const support = await migrationSupport(client);
  const first: Buffer[] = [];
  if ((support & migrationFlags.PRE_COPY) !== 0) {
    await setDeviceState(client, 'PRE_COPY');
    first.push(await readDeviceState(client));
  }
  await setDeviceState(client, 'STOP_COPY');
  const rest = await readDeviceState(client);
  await setDeviceState(client, 'STOP');
  return Buffer.concat([...first, rest]);
}

async function supportOf(bench: Bench, client: VfioUserClient): Promise<void> {
  let flags: number;
  try {
    flags = await migrationSupport(client);
  } catch (thrown) {
    if (!(thrown instanceof RefusedError)) throw thrown;
    // What the specification said until 2022, and libvfio-user with it: a region with registers, and this capability.
    const older = 'migration' in client.version.capabilities;
    bench.skip(
      `the device has ${older ? 'the migration of an older protocol alone' : 'no migration'}: ${thrown.message}`,
    );
  }
  if ((flags & migrationFlags.STOP_COPY) === 0) bench.find(`the migration flags ${hex(flags)} do not say STOP_COPY`);
}

async function expectState(bench: Bench, client: VfioUserClient, wanted: 'RUNNING'): Promise<void> {
  bench.begin();
  const state = await deviceState(client);
  if (state !== migrationStates[wanted]) bench.find(`the device is in state ${state}, and ${wanted} was expected`);
}

/** Takes a device back to where it was found, by a reset where there is no other way. */
async function restart(client: VfioUserClient): Promise<void> {
  try {
    await setDeviceState(client, 'RUNNING');
  } catch (thrown) {
    if (!(thrown instanceof RefusedError)) throw thrown;
    await client.reset();
  }
}
