import { constants } from 'node:os';
import {
  commands,
  deviceFlags,
  featureFlags,
  features,
  irqFlags,
  irqs,
  irqSetFlags,
  migrationFlags,
  type MigrationState,
  migrationStates,
  regionFlags,
} from '../protocol/numbers.js';
import * as payloads from '../protocol/payloads.js';
import { type Device, Refusal } from './device.js';

const { EINVAL, ENOTSUP } = constants.errno;
const numRegions = 9;
const numIrqs = 5;
const nothing = Buffer.alloc(0);

/** What a device answers to each command but VERSION: the payload of the reply. Each throws Refusal, or ProtocolError for a payload too short. */
export const answers: Readonly<Record<number, (device: Device, payload: Buffer) => Buffer>> = {
  [commands.DMA_MAP]: (device, payload) => {
    const { address, size } = payloads.dmaMap.decode(payload).values;
    device.mapDma(address, size);
    return nothing;
  },
  [commands.DMA_UNMAP]: (device, payload) => {
    const { address, size } = payloads.dmaUnmap.decode(payload).values;
    device.unmapDma(address, size);
    return payload;
  },
  [commands.DEVICE_GET_INFO]: (_, payload) => {
    const { deviceInfo } = payloads;
    deviceInfo.decode(payload);
    return deviceInfo.encode({
      argsz: deviceInfo.bytes,
      flags: deviceFlags.RESET | deviceFlags.PCI,
      numRegions,
      numIrqs,
    });
  },
  [commands.DEVICE_GET_REGION_INFO]: (device, payload) => {
    const { regionInfo } = payloads;
    const { index } = regionInfo.decode(payload).values;
    if (index >= numRegions) throw new Refusal(EINVAL);
    const size = BigInt(device.regionBytes(index));
    const flags = size === 0n ? 0 : regionFlags.READ | regionFlags.WRITE;
    return regionInfo.encode({ argsz: regionInfo.bytes, flags, index, capOffset: 0, size, offset: 0n });
  },
  [commands.DEVICE_GET_IRQ_INFO]: (device, payload) => {
    const { irqInfo } = payloads;
    const { index } = irqInfo.decode(payload).values;
    if (index >= numIrqs) throw new Refusal(EINVAL);
    const count = irqCount(device, index);
    const flags = count === 0 ? 0 : irqFlags.EVENTFD | irqFlags.NORESIZE;
    return irqInfo.encode({ argsz: irqInfo.bytes, flags, index, count });
  },
  [commands.DEVICE_SET_IRQS]: (device, payload) => {
    const { values, data } = payloads.irqSet.decode(payload);
    const { flags, index, start, count } = values;
    if (index >= numIrqs || start + count > irqCount(device, index)) throw new Refusal(EINVAL);
    if ((flags & irqSetFlags.DATA_BOOL) !== 0 && data.length !== count) throw new Refusal(EINVAL);
    device.irqSetups.push({ flags, index, start, count });
    return nothing;
  },
  [commands.REGION_READ]: (device, payload) => {
    const { values } = payloads.regionAccess.decode(payload);
    if (values.count > device.model.transferBytes) throw new Refusal(EINVAL);
    return payloads.regionAccess.encode(values, device.read(values.region, values.offset, values.count));
  },
  [commands.REGION_WRITE]: (device, payload) => {
    const { values, data } = payloads.regionAccess.decode(payload);
    if (values.count !== data.length || values.count > device.model.transferBytes) throw new Refusal(EINVAL);
    device.write(values.region, values.offset, data);
    return payloads.regionAccess.encode(values);
  },
  [commands.DEVICE_RESET]: (device) => {
    device.reset();
    return nothing;
  },
  [commands.DEVICE_FEATURE]: feature,
  [commands.MIG_DATA_READ]: (device, payload) => {
    const { size } = payloads.migrationData.decode(payload).values;
    if (size > device.model.transferBytes) throw new Refusal(EINVAL);
    const data = device.saved.take(size);
    if (!device.model.migratable || !data) throw new Refusal(EINVAL);
    return payloads.migrationData.encode(
      { argsz: payloads.migrationData.bytes + data.length, size: data.length },
      data,
    );
  },
  [commands.MIG_DATA_WRITE]: (device, payload) => {
    const { values, data } = payloads.migrationData.decode(payload);
    if (values.size !== data.length || !device.model.migratable || !device.saved.give(data)) throw new Refusal(EINVAL);
    return nothing;
  },
};

function feature(device: Device, payload: Buffer): Buffer {
  const { values, data } = payloads.deviceFeature.decode(payload);
  const index = values.flags & 0xffff;
  const { saved, model } = device;
  const known = index === features.MIGRATION || index === features.MIG_DEVICE_STATE;
  if (!known || !model.migratable) throw new Refusal(ENOTSUP);
  if ((values.flags & featureFlags.PROBE) !== 0) return payload;
  const answer = (more: Buffer): Buffer =>
    payloads.deviceFeature.encode({ argsz: payloads.deviceFeature.bytes + more.length, flags: values.flags }, more);
  const isGet = (values.flags & featureFlags.GET) !== 0;
  if (index === features.MIGRATION) {
    if (!isGet) throw new Refusal(EINVAL);
    const flags = BigInt(migrationFlags.STOP_COPY | migrationFlags.PRE_COPY);
    return answer(payloads.migrationFeature.encode({ flags }));
  }
  if (!isGet) {
    const wanted = payloads.migrationStateData.decode(data).values.deviceState;
    const state = stateOf(wanted);
    if (!state || state === 'ERROR' || !saved.goTo(state)) throw new Refusal(EINVAL);
  }
  return answer(payloads.migrationStateData.encode({ deviceState: migrationStates[saved.state], dataFd: 0 }));
}

function irqCount(device: Device, index: number): number {
  if (index === irqs.MSIX) return device.model.msix.vectors;
  return index === irqs.INTX || index === irqs.ERR || index === irqs.REQ ? 1 : 0;
}

function stateOf(number: number): MigrationState | undefined {
  return (Object.keys(migrationStates) as MigrationState[]).find((name) => migrationStates[name] === number);
}
