import { expect } from 'chai';
import { constants } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'mocha';
import { Deadline } from '../../../harness/core/deadline.js';
import { ConnectError, ProtocolError, WaitTimeoutError } from '../../../harness/core/errors.js';
import { PrivateFolder } from '../../../harness/machine/private-folder.js';
import { RefusedError } from '../../../harness/vfio/channel.js';
import { VfioUserClient } from '../../../harness/vfio/client.js';
import {
  readDeviceState,
  setDeviceState,
  deviceState,
  migrationSupport,
  writeDeviceState,
} from '../../../harness/vfio/device-state.js';
import { commands, irqs, irqSetFlags, migrationStates, regions } from '../../../harness/vfio/protocol/numbers.js';
import { type Fault, type Misdeed, refusedWrite } from '../../../harness/vfio/server/faults.js';
import type { DeviceModel } from '../../../harness/vfio/server/model.js';
import { VfioUserServer } from '../../../harness/vfio/server/server.js';
import { failure, timersRunning } from '../support/failure.js';

/**
 * A vfio-user client and a server, which play both sides of the wire:
 * 1. negotiation, device, regions, interrupt types, reads and writes of every size, reset
 * 2. only bits that can be written are; what is outside is refused with the errno
 * 3. several commands at once, each with its own answer
 * 4. memory is mapped and unmapped, and a mapping over another one is refused
 * 5. the device's state goes from one server to another, in more than one piece
 * 6. a server that closes, hangs, sends half a message or too much, or answers with another id, command or size: one error that says so
 */
describe('VfioUserClient', () => {
  let folder: PrivateFolder;
  let servers: VfioUserServer[];
  beforeEach(() => {
    folder = PrivateFolder.create();
    servers = [];
  });
  afterEach(() => {
    for (const server of servers) server.stop();
    folder[Symbol.dispose]();
  });

  async function serve(faults: readonly Fault[] = [], model: Partial<DeviceModel> = {}): Promise<string> {
    const path = join(folder.path, `s${servers.length}`);
    servers.push(await VfioUserServer.listen(path, { faults, model }));
    return path;
  }

  const open = (path: string, timeoutMs = 5000): Promise<VfioUserClient> =>
    VfioUserClient.open(path, { deadline: Deadline.after(timeoutMs), timeoutMs });

  it('learns what the device is, and reaches its registers', async () => {
    await using client = await open(await serve());
    expect(client.version).to.deep.include({ major: 0, minor: 0 });
    expect(await client.deviceInfo()).to.deep.include({ flags: 3, numRegions: 9, numIrqs: 5 });
    expect(await client.regionInfo(regions.config)).to.deep.equal({ index: 7, flags: 3, size: 256n });
    expect(await client.irqInfo(irqs.MSIX)).to.deep.include({ count: 4 });
    await client.setIrqs({
      flags: irqSetFlags.DATA_NONE | irqSetFlags.ACTION_TRIGGER,
      index: irqs.MSIX,
      start: 0,
      count: 0,
    });
    for (const count of [1, 2, 3, 4, 8, 4096]) {
      const data = Buffer.alloc(count, count);
      await client.write(0, 0, data);
      expect(await client.read(0, 0, count)).to.deep.equal(data);
    }
    await client.write(regions.config, 0x3c, Buffer.from([9]));
    await client.reset();
    expect(await client.read(regions.config, 0x3c, 1)).to.deep.equal(Buffer.from([0]));
  });

  it('writes bits that can be written, and no others', async () => {
    await using client = await open(await serve());
    await client.write(regions.config, 0x87, Buffer.from([0xc0, 0xff]));
    expect((await client.read(regions.config, 0x84, 8)).toString('hex')).to.equal('11a003c000000000');
    const outside = await failure(client.read(regions.config, 255, 2), RefusedError);
    expect(outside.errno).to.equal(constants.errno.EINVAL);
    expect(outside.message).to.equal('REGION_READ was refused with EINVAL');
  });

  it('is told by a server as of seed 003 that the write is refused, and nothing has changed', async () => {
    await using client = await open(await serve([refusedWrite(0x87, 2, constants.errno.EINVAL)]));
    await failure(client.write(regions.config, 0x87, Buffer.from([0x80, 0x00])), RefusedError);
    expect((await client.read(regions.config, 0x86, 2)).toString('hex')).to.equal('0300');
  });

  it('has several commands in flight', async () => {
    await using client = await open(
      await serve([{ command: commands.REGION_READ, offset: 0, does: { kind: 'late', ms: 20 } }]),
    );
    const reads = await Promise.all([0, 2, 0x84].map((offset) => client.read(regions.config, offset, 1)));
    expect(Buffer.concat(reads).toString('hex')).to.equal('36ff11');
  });

  it('maps memory and unmaps it', async () => {
    await using client = await open(await serve());
    await client.mapDma(0n, 0x10000n);
    const over = await failure(client.mapDma(0x8000n, 0x1000n), RefusedError);
    expect(over.errno).to.equal(constants.errno.EEXIST);
    expect([...(servers[0]?.device.dma ?? [])]).to.deep.equal([[0n, 0x10000n]]);
    await client.unmapDma(0n, 0x10000n);
    await failure(client.unmapDma(0n, 0x10000n), RefusedError);
    // The client shares nothing that a server could read.
    await client.mapDma(0n, 0x10000n);
    await failure(servers[0]?.readMemory(0n, 4, Deadline.after(5000)) ?? Promise.resolve(), RefusedError);
  });

  it('moves state from one server to another', async () => {
    const model = { transferBytes: 0x800 };
    await using from = await open(await serve([], model));
    await using to = await open(await serve([], model));
    await from.write(1, 0x1234, Buffer.from('godwit'));
    expect(await migrationSupport(from)).to.equal(5);
    await setDeviceState(from, 'PRE_COPY');
    await setDeviceState(from, 'STOP_COPY');
    const state = await readDeviceState(from);
    expect(state.length).to.equal(0x3000);
    expect((await failure(setDeviceState(from, 'PRE_COPY'), RefusedError)).errno).to.equal(constants.errno.EINVAL);
    await setDeviceState(to, 'RESUMING');
    await writeDeviceState(to, state);
    await setDeviceState(to, 'RUNNING');
    expect(await deviceState(to)).to.equal(migrationStates.RUNNING);
    expect((await to.read(1, 0x1234, 6)).toString()).to.equal('godwit');
    await setDeviceState(to, 'RESUMING');
    await writeDeviceState(to, state.subarray(1));
    await failure(setDeviceState(to, 'STOP'), RefusedError);
    expect(await deviceState(to)).to.equal(migrationStates.ERROR);
    await to.reset();
    expect(await deviceState(to)).to.equal(migrationStates.RUNNING);
  });

  const misdeeds: [Misdeed, new (...words: never[]) => Error, RegExp][] = [
    [{ kind: 'close' }, ConnectError, /^the server closed the connection$/],
    [{ kind: 'die' }, ConnectError, /^the server closed the connection$/],
    [{ kind: 'silence' }, WaitTimeoutError, /^the server did not answer DEVICE_GET_INFO within \d+ ms$/],
    [{ kind: 'half', bytes: 20 }, WaitTimeoutError, /within \d+ ms; 20 bytes of a message of 32 had come$/],
    [{ kind: 'wrong-id' }, ProtocolError, /a reply to DEVICE_GET_INFO came with the id \d+; awaited: \d+$/],
    [{ kind: 'wrong-command' }, ProtocolError, /is to DEVICE_GET_REGION_INFO, and DEVICE_GET_INFO was sent$/],
    [{ kind: 'resize', by: -4 }, ProtocolError, /^a device info takes 16 bytes, and 12 came$/],
    [{ kind: 'send', bytes: Buffer.alloc(32, 0xff) }, ProtocolError, /announces 4294967295 bytes; \d+ are accepted/],
    [{ kind: 'send', bytes: Buffer.alloc(32) }, ProtocolError, /announces 0 bytes, less than its own header of 16/],
  ];
  for (const [does, type, message] of misdeeds) {
    it(`says what is wrong with a server that does ${JSON.stringify(does).slice(0, 40)}`, async () => {
      const path = await serve([{ command: commands.DEVICE_GET_INFO, does }]);
      {
        await using client = await open(path, 200);
        const error = await failure(client.deviceInfo(), type);
        expect(error.message).to.match(message);
      }
      expect(timersRunning()).to.equal(0);
    });
  }

  it('says that a server closed in the middle of a message', async () => {
    const path = await serve([
      { command: commands.DEVICE_GET_INFO, does: { kind: 'half', bytes: 7 } },
      { command: commands.DEVICE_RESET, does: { kind: 'close' } },
    ]);
    await using client = await open(path);
    const asked = client.deviceInfo();
    client.reset().catch(() => undefined);
    expect((await failure(asked, ConnectError)).message).to.equal(
      'the server closed the connection in the middle of a message: 7 bytes of 16 had come',
    );
  });

  it('says that nobody listens', async () => {
    await failure(open(join(folder.path, 'nobody')), ConnectError);
  });
});
