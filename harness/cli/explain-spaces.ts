import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { messageOf, UsageError } from '../core/errors.js';
import type { TopologyView } from '../diagnosis/device-name.js';
import { capabilityIds } from '../pci/capability-ids.js';
import { type DumpedFunction, parseHexDump, rawConfig } from '../pci/hex-dump.js';
import { findCapability } from '../pci/registers.js';
import { configStateTag, tagBytes } from '../stream/bodies/vfio.js';
import { type Capture, type DeviceState, devicesOf, readCapture, sectionsOf } from '../stream/capture.js';
import { StreamError } from '../stream/errors.js';
import { readStreamFile } from '../stream/input.js';
import { configSpaceOf } from '../stream/state/config-space.js';

/** Finds a function by the section that it writes. */
export type BySection = NonNullable<TopologyView['bySection']>;

/** A dump of one function, whose address says nothing: it is of whatever device the log is about. */
export type DumpedSpaces = readonly DumpedFunction[];

/** Reads what `lspci -xxxx` printed, or a copy of a `config` file of /sys/bus/pci; throws UsageError for anything else. */
export function readDump(path: string): DumpedSpaces {
  try {
    const bytes = readFileSync(path);
    const config = rawConfig(bytes);
    return config ? [{ config }] : parseHexDump(bytes.toString('utf8'));
  } catch (thrown) {
    throw new UsageError(`--config ${path} cannot be used: ${messageOf(thrown)}`, { cause: thrown });
  }
}

const place = /^[\da-f]{4}:(?<address>[\da-f]{2}:[\da-f]{2}\.[0-7])(?<behind>:\S+)?\/[^/.]+$/;
const hostAddress = /(?:0000:)?((?:[\da-f]{4,8}:)?[\da-f]{2}:[01][\da-f]\.[0-7])(?=[,"/]|$)/i;

/**
 * Looks a section up in a dump: at the address of the host that its `-device` names, at its own, or the only function there is. `about` is the
 * section that the log is about.
 */
export function inDump(
  functions: DumpedSpaces,
  { about, byPlace }: { about: string; byPlace: NonNullable<TopologyView['byPlace']> },
): BySection {
  const only = functions.length === 1 ? functions[0] : undefined;
  return (section) => {
    const { address, behind = '' } = place.exec(section)?.groups ?? {};
    if (address === undefined) return undefined;
    const host = hostAddress.exec(byPlace(`${address}${behind}`)?.text ?? '')?.[1]?.toLowerCase();
    const at = (wanted: string | undefined): DumpedFunction | undefined =>
      functions.find((one) => wanted !== undefined && one.address === wanted);
    return at(host) ?? (behind === '' ? at(address) : undefined) ?? (section === about ? only : undefined);
  };
}

/** Looks sections up in a stream that was captured from the guest; throws UsageError where the file is none. */
export function inStream(path: string): BySection {
  try {
    const capture = readStreamFile(path, (bytes) => readCapture(bytes));
    const devices = devicesOf(capture);
    return (section) => {
      const state = devices.find((device) => device.section.name === section);
      const config = (state && configOf(state)) ?? iteratedVfio(path, capture, section);
      return config && { config };
    };
  } catch (thrown) {
    if (!(thrown instanceof StreamError)) throw thrown;
    throw new UsageError(`--stream ${path} cannot be used: ${thrown.message}`, { cause: thrown });
  }
}

function configOf({ fields, body, section }: DeviceState): Uint8Array | undefined {
  const described = fields && configSpaceOf(fields, body)?.config;
  if (described) return described;
  return section.name.endsWith('/vfio') && body.subarray(0, tagBytes).equals(configStateTag)
    ? vfioConfig(body)
    : undefined;
}

/** The version of the PCI device's state (hw/pci/pci.c, vmstate_pci_device). */
const versionBytes = 4;
const conventionalBytes = 256;
const expressBytes = 4096;

function vfioConfig(state: Uint8Array): Uint8Array | undefined {
  const space = state.subarray(tagBytes + versionBytes);
  if (space.length < conventionalBytes) return undefined;
  const isExpress = findCapability(space.subarray(0, conventionalBytes), capabilityIds.express) !== undefined;
  return space.subarray(0, isExpress && space.length >= expressBytes ? expressBytes : conventionalBytes);
}

/** Up to QEMU 5.2 the configuration stands at the end of the device's iterable state, of which a capture keeps only the places. */
function iteratedVfio(path: string, capture: Capture, name: string): Uint8Array | undefined {
  for (const { section } of sectionsOf(capture)) {
    const mark = section.name === name && section.content?.marks?.find((one) => one.name === 'config-state');
    if (mark) return vfioConfig(bytesAt(path, mark.offset, Math.min(section.end - mark.offset, 2 * expressBytes)));
  }
  return undefined;
}

function bytesAt(path: string, offset: number, length: number): Uint8Array {
  const fd = openSync(path, 'r');
  try {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, readSync(fd, bytes, 0, length, offset));
  } finally {
    closeSync(fd);
  }
}
