import { differingRegisters } from '../../pci/register-differences.js';
import { type Capture, type DeviceState, devicesOf } from '../capture.js';
import { timerReason, timerType, volatileFields } from './diff-rules.js';
import { sectionName } from '../section.js';
import { bufferInWords, bytesOf, eachField, elementsOf, type Field, valueOf } from '../state/fields.js';
import { loadOrder } from './order.js';

/** Something that is not the same in two captures. */
export interface StreamDifference {
  kind:
    'configuration' | 'ram' | 'pages' | 'section' | 'version' | 'layout' | 'field' | 'register' | 'order' | 'contents';
  /** The section it is in; 'configuration' and 'ram' for these. */
  section: string;
  /** What differs within it: the path of a field, "Slot Status" of a configuration space, the name of a RAM block. */
  what: string;
  /** Both values in words; 'absent' for what one capture does not have. */
  first: string;
  second: string;
  /** Why this may differ; absent where it should not. */
  expected?: string;
}

const absent = 'absent';

/** Compares two captures field by field: what should not differ first, then what may, with its reason. */
export function compareCaptures(first: Capture, second: Capture): StreamDifference[] {
  const found = [
    ...compareConfiguration(first, second),
    ...compareBlocks(first, second),
    ...comparePages(first, second),
    ...compareDevices(devicesOf(first), devicesOf(second)),
    ...compareOrder(first, second),
  ];
  return [
    ...found.filter(({ expected }) => expected === undefined),
    ...found.filter(({ expected }) => expected !== undefined),
  ];
}

function compareConfiguration(first: Capture, second: Capture): StreamDifference[] {
  const rows = ({ configuration }: Capture): [string, string][] => [
    ['machine type', configuration.machineType],
    ['target page size', String(configuration.pageBytes)],
    ['capabilities', configuration.capabilities.join(' ')],
    ['UUID', configuration.uuid ?? absent],
  ];
  return compareRows('configuration', new Map(rows(first)), new Map(rows(second)));
}

function compareBlocks(first: Capture, second: Capture): StreamDifference[] {
  const rows = ({ blocks }: Capture): Map<string, string> =>
    new Map(blocks.map(({ name, bytes }) => [name, `${bytes} bytes`]));
  return compareRows('ram', rows(first), rows(second));
}

/** Stretches of RAM whose contents differ, where both captures have digests of their pages. */
function comparePages(first: Capture, second: Capture): StreamDifference[] {
  if (!first.pages || !second.pages) return [];
  const { differing, unknown } = first.pages.compare(second.pages);
  const { pageBytes } = first.configuration;
  const found: StreamDifference[] = [...differing].flatMap(([block, addresses]) =>
    stretches(addresses, pageBytes).map(([from, to]) => ({
      ...{ kind: 'pages' as const, section: 'ram' },
      what: `${block} from 0x${from.toString(16)} to 0x${(to + pageBytes - 1).toString(16)}`,
      ...{ first: 'contents', second: 'other contents' },
    })),
  );
  if (unknown === 0) return found;
  const expected = 'not compared: they stand in the stream as what changed, or compressed';
  return [
    ...found,
    { kind: 'pages', section: 'ram', what: `${unknown} pages`, first: 'unknown', second: 'unknown', expected },
  ];
}

/** Ascending addresses as first and last of those that follow each other. */
function stretches(addresses: readonly number[], step: number): [from: number, to: number][] {
  const found: [number, number][] = [];
  for (const address of addresses) {
    const last = found.at(-1);
    if (last && last[1] + step === address) last[1] = address;
    else found.push([address, address]);
  }
  return found;
}

function compareRows(
  kind: 'configuration' | 'ram',
  first: ReadonlyMap<string, string>,
  second: ReadonlyMap<string, string>,
): StreamDifference[] {
  const names = new Set([...first.keys(), ...second.keys()]);
  return [...names].flatMap((what) => {
    const [one = absent, other = absent] = [first.get(what), second.get(what)];
    return one === other ? [] : [{ kind, section: kind, what, first: one, second: other }];
  });
}

function compareDevices(first: readonly DeviceState[], second: readonly DeviceState[]): StreamDifference[] {
  const others = new Map(second.map((state) => [sectionName(state.section), state]));
  const known = new Set(first.map(({ section }) => sectionName(section)));
  const missing = second.filter((state) => !known.has(sectionName(state.section)));
  return [
    ...first.flatMap((state) => {
      const other = others.get(sectionName(state.section));
      if (other) return compareDevice(state, other);
      return [
        {
          kind: 'section' as const,
          section: sectionName(state.section),
          what: 'section',
          first: `${state.section.bodyBytes} bytes`,
          second: absent,
        },
      ];
    }),
    ...missing.map((state) => ({
      ...{ kind: 'section' as const, section: sectionName(state.section), what: 'section' },
      ...{ first: absent, second: `${state.section.bodyBytes} bytes` },
    })),
  ];
}

function compareDevice(first: DeviceState, second: DeviceState): StreamDifference[] {
  const section = sectionName(first.section);
  const found: StreamDifference[] = [];
  const [one, other] = [first.section.version, second.section.version];
  if (one !== other)
    found.push({ kind: 'version', section, what: 'version', first: String(one), second: String(other) });
  if (first.body.equals(second.body)) return found;
  if (first.fields && second.fields) return [...found, ...compareFields(section, valuesOf(first), valuesOf(second))];
  return [...found, { kind: 'contents', section, what: 'contents', first: inWords(first), second: inWords(second) }];
}

function inWords({ body, section }: DeviceState): string {
  return `${section.bodyBytes} bytes ${bufferInWords(body)}`;
}

interface Value {
  field: Field;
  body: Buffer;
}

/** Every field by its path; an array of plain values is one. Names that come twice in one structure are numbered. */
function valuesOf({ fields = [], body }: DeviceState): Map<string, Value> {
  const values = new Map<string, Value>();
  eachField(fields, (path, field) => {
    const name = path.join('/');
    let unique = name;
    for (let again = 2; values.has(unique); again += 1) unique = `${name} (${again})`;
    values.set(unique, { field, body });
  });
  return values;
}

function compareFields(
  section: string,
  first: ReadonlyMap<string, Value>,
  second: ReadonlyMap<string, Value>,
): StreamDifference[] {
  const names = new Set([...first.keys(), ...second.keys()]);
  return [...names].flatMap((what) => {
    const [one, other] = [first.get(what), second.get(what)];
    if (one && other && bytesOf(one.field, one.body).equals(bytesOf(other.field, other.body))) return [];
    const expected = one && other && reasonFor(section, what, [one, other]);
    return compareValue(section, what, [one, other]).map((difference) => ({
      ...difference,
      ...(expected !== undefined && { expected }),
    }));
  });
}

/** Why two values of one field may differ; undefined where they should not. */
function reasonFor(section: string, what: string, [one, other]: [Value, Value]): string | undefined {
  if (one.field.type === timerType) return timerReason;
  const rule = volatileFields.find((volatile) => volatile.section.test(section) && volatile.field.test(what));
  if (!rule?.bytes) return rule?.reason;
  const { bytes } = rule;
  const [before, after] = [bytesOf(one.field, one.body), bytesOf(other.field, other.body)];
  return before.every((byte, index) => byte === after[index] || bytes.includes(index)) ? rule.reason : undefined;
}

function compareValue(
  section: string,
  what: string,
  [one, other]: [Value | undefined, Value | undefined],
): StreamDifference[] {
  if (one && other) {
    const [before, after] = [bytesOf(one.field, one.body), bytesOf(other.field, other.body)];
    if (one.field.count !== undefined && one.field.count === other.field.count && before.length === after.length)
      return compareElements(section, what, [one, other]);
    if (one.field.type === 'pci config' && before.length === after.length)
      return compareRegisters(section, before, after);
    if (isLong(one.field) && before.length === after.length)
      return [{ kind: 'field', section, ...compareBytes(what, before, after) }];
  }
  const words = (value: Value | undefined): string => (value ? valueOf(value.field, value.body) : absent);
  return [{ kind: one && other ? 'field' : 'layout', section, what, first: words(one), second: words(other) }];
}

/** The elements of an array that differ, each with its index. */
function compareElements(section: string, what: string, [one, other]: [Value, Value]): StreamDifference[] {
  const after = [...elementsOf(other.field)];
  return [...elementsOf(one.field)].flatMap((field, index) => {
    const [first, second] = [
      { ...one, field },
      { ...other, field: after[index] ?? field },
    ];
    const isSame = bytesOf(first.field, first.body).equals(bytesOf(second.field, second.body));
    return isSame ? [] : compareValue(section, `${what}[${index}]`, [first, second]);
  });
}

/** Of a long buffer, what lies between the first and the last byte that differs. */
function compareBytes(
  what: string,
  first: Buffer,
  second: Buffer,
): Pick<StreamDifference, 'what' | 'first' | 'second'> {
  const differing = [...first.keys()].filter((index) => first[index] !== second[index]);
  const [from = 0, to = 0] = [differing[0], differing.at(-1)];
  const part = (body: Buffer): string => bufferInWords(body.subarray(from, to + 1));
  return { what: `${what} from byte ${from}`, first: part(first), second: part(second) };
}

function isLong({ size, type }: Field): boolean {
  return size > 8 && type !== 'pci config';
}

function compareRegisters(section: string, first: Buffer, second: Buffer): StreamDifference[] {
  return differingRegisters(first, second).map(({ name, bits, offset, source, destination }) => ({
    ...{ kind: 'register' as const, section },
    what: `${name}${bits.length > 0 ? ` ${bits.join(' ')}` : ''} (config 0x${offset.toString(16)})`,
    first: `0x${source.toString(16).padStart(2, '0')}`,
    second: `0x${destination.toString(16).padStart(2, '0')}`,
  }));
}

/** Sections that both have and that come in another order; told by the first that is out of its place. */
function compareOrder(first: Capture, second: Capture): StreamDifference[] {
  const names = (capture: Capture): string[] => loadOrder(capture).map(({ name, instance }) => `${name} ${instance}`);
  const [one, other] = [names(first), names(second)];
  const both = new Set(one.filter((name) => other.includes(name)));
  const [left, right] = [one.filter((name) => both.has(name)), other.filter((name) => both.has(name))];
  const at = left.findIndex((name, index) => name !== right[index]);
  if (at === -1) return [];
  const after = at === 0 ? 'first' : `after ${left[at - 1]}`;
  return [{ kind: 'order', section: 'order', what: after, first: left[at] ?? absent, second: right[at] ?? absent }];
}
