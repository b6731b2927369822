import { ProtocolError } from '../core/errors.js';
import type { VfioUserClient } from './client.js';
import { commands, featureFlags, features, type MigrationState, migrationStates } from './protocol/numbers.js';
import { migrationData, migrationFeature, migrationStateData } from './protocol/payloads.js';

/** The most state that is taken from one device, in bytes: a server that never comes to an end is stopped there. */
const mostStateBytes = 256 * 1024 * 1024;

/** migrationFlags of the device. Throws RefusedError where it has no migration. */
export async function migrationSupport(client: VfioUserClient): Promise<number> {
  const data = await client.feature(featureFlags.GET | features.MIGRATION, Buffer.alloc(0), migrationFeature.bytes);
  return Number(migrationFeature.decodeWhole(data).flags);
}

/** The state that the device says it is in, as a number of migrationStates. */
export async function deviceState(client: VfioUserClient): Promise<number> {
  const asked = featureFlags.GET | features.MIG_DEVICE_STATE;
  return migrationStateData.decode(await client.feature(asked, Buffer.alloc(0), migrationStateData.bytes)).values
    .deviceState;
}

/** Takes the device to a state. Throws RefusedError where the way there is not allowed. */
export async function setDeviceState(client: VfioUserClient, state: MigrationState): Promise<void> {
  const data = migrationStateData.encode({ deviceState: migrationStates[state], dataFd: 0 });
  await client.feature(featureFlags.SET | features.MIG_DEVICE_STATE, data);
}

/** All that a device in a saving state has to give, in its order. Throws ProtocolError for more than 256 MiB. */
export async function readDeviceState(client: VfioUserClient): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const size = client.transferBytes;
  for (let total = 0; total <= mostStateBytes;) {
    const asked = migrationData.encode({ argsz: migrationData.bytes + size, size });
    const { values, data } = migrationData.decode(await client.command(commands.MIG_DATA_READ, asked));
    if (values.size !== data.length || data.length > size) {
      throw new ProtocolError(
        `MIG_DATA_READ of ${size} bytes was answered with ${values.size}, and ${data.length} came`,
      );
    }
    pieces.push(data);
    total += data.length;
    if (data.length < size) return Buffer.concat(pieces);
  }
  throw new ProtocolError(`the device's state has not ended after ${mostStateBytes} bytes`);
}

/** Gives a device in RESUMING the state of another one. */
export async function writeDeviceState(client: VfioUserClient, state: Buffer): Promise<void> {
  for (let at = 0; at < state.length; at += client.transferBytes) {
    const data = state.subarray(at, at + client.transferBytes);
    const asked = migrationData.encode({ argsz: migrationData.bytes + data.length, size: data.length }, data);
    await client.command(commands.MIG_DATA_WRITE, asked);
  }
}
