import { messageOf, UsageError } from '../core/errors.js';
import { splitWords } from './words.js';

/** One `-device`, taken apart. Values are text, as QEMU's command line has them. */
export interface DeviceLine {
  driver: string;
  id?: string;
  bus?: string;
  /** Every property but `driver`, in the order written: `id` and `bus` are among them. */
  properties: ReadonlyMap<string, string>;
}

/**
 * Reads the value of one `-device` in either of QEMU's two syntaxes: `driver,prop=value,…` (with `,,` for a comma) or JSON.
 * A leading `-device` is allowed. Throws UsageError when there is no driver, or JSON that cannot be read.
 */
export function parseDeviceLine(text: string): DeviceLine {
  const words = splitDevice(text.trim());
  const properties = new Map<string, string>();
  let driver: string | undefined;
  for (const [index, [key, value]] of words.entries()) {
    if (key === 'driver' || (index === 0 && value === undefined)) driver = value ?? key;
    else properties.set(key, value ?? 'on');
  }
  if (driver === undefined || driver === '')
    throw new UsageError(`'${text}' names no driver; accepted: driver,property=value,…`);
  const id = properties.get('id');
  const bus = properties.get('bus');
  return { driver, ...(id !== undefined && { id }), ...(bus !== undefined && { bus }), properties };
}

function splitDevice(text: string): [string, string | undefined][] {
  const value = text.startsWith('-device') ? (splitWords(text)[1] ?? '') : text;
  if (value.startsWith('{')) return splitJson(value);
  // From the left, as QEMU reads: `,,` is a comma of the value, so that `a=x,,,b=y` gives `x,` to a.
  const parts = [...value.matchAll(/(?:[^,]|,,)+/g)].map(([part]) => part.replaceAll(',,', ','));
  return parts.map((part) => {
    const equals = part.indexOf('=');
    return equals === -1 ? [part, undefined] : [part.slice(0, equals), part.slice(equals + 1)];
  });
}

function splitJson(text: string): [string, string][] {
  try {
    const json = JSON.parse(text) as Record<string, unknown>;
    return Object.entries(json).map(([key, member]) => [
      key,
      typeof member === 'string' ? member : JSON.stringify(member),
    ]);
  } catch (cause) {
    throw new UsageError(`'${text}' is no device: ${messageOf(cause)}`, { cause });
  }
}

/** Type names as `device-list-properties` gives them, by property. */
export type PropertyTypes = ReadonlyMap<string, string>;

/**
 * The arguments of QMP's `device_add` for the same device: from 9.2 on QEMU wants numbers and booleans as JSON has them,
 * where its command line has text. A property that `types` does not list stays text, for QEMU to judge.
 */
export function deviceAddArguments(
  device: DeviceLine,
  types: PropertyTypes,
): { driver: string } & Record<string, unknown> {
  const typed = [...device.properties].map(([key, value]): [string, unknown] => [
    key,
    typedValue(value, types.get(key)),
  ]);
  return { driver: device.driver, ...Object.fromEntries(typed) };
}

function typedValue(value: string, type: string | undefined): unknown {
  if (type === 'bool' && /^(on|yes|true|y)$/.test(value)) return true;
  if (type === 'bool' && /^(off|no|false|n)$/.test(value)) return false;
  return type !== undefined && /^(u?int\d*|size)$/.test(type) ? (exactNumber(value) ?? value) : value;
}

/** The number, where JSON can carry it as it is: not an octal one, and none that loses its last digits. */
function exactNumber(text: string): number | undefined {
  const match = /^(-?)(0x[0-9a-f]+|0|[1-9]\d*)$/i.exec(text);
  if (!match) return undefined;
  const magnitude = Number(match[2]);
  if (!Number.isSafeInteger(magnitude)) return undefined;
  return match[1] === '-' ? -magnitude : magnitude;
}

/** The device as one value of `-device`. */
export function formatDeviceLine(device: DeviceLine): string {
  const parts = [...device.properties].map(([key, value]) => `${key}=${value.replaceAll(',', ',,')}`);
  return [device.driver, ...parts].join(',');
}

/** Every `-device` among the words of a command line, in order. */
export function devicesOf(words: readonly string[]): DeviceLine[] {
  return words.flatMap((word, index) => (words[index - 1] === '-device' ? [parseDeviceLine(word)] : []));
}

/** The words without the `-device` of that id. Throws UsageError when there is none. */
export function withoutDevice(words: readonly string[], id: string): string[] {
  const at = words.findIndex((word, index) => words[index - 1] === '-device' && parseDeviceLine(word).id === id);
  if (at === -1) throw new UsageError(`no -device of the command line has the id '${id}'`);
  return words.toSpliced(at - 1, 2);
}
