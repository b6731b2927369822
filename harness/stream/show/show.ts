import { type Capture, type CapturedItem, type DeviceState, devicesOf } from '../capture.js';
import { registerValues } from '../state/config-space.js';
import { sectionName } from '../section.js';
import { bufferInWords, bytesOf, elementsOf, type Field, valueOf } from '../state/fields.js';
import { countsInWords, inBytes, padded } from './text.js';

export interface ShowOptions {
  /** Which devices' fields to show, by the section's name; all of them unless told. */
  device?: RegExp;
  /** False lists the sections only. */
  fields: boolean;
}

/** A capture for people, line by line: what it is, its sections in their order, and the fields of its devices. */
export function* showCapture(capture: Capture, { device, fields }: ShowOptions): Generator<string> {
  yield* head(capture);
  yield '';
  yield* sections(capture.items);
  if (!fields) return;
  for (const state of devicesOf(capture)) {
    if (device && !device.test(state.section.name)) continue;
    yield '';
    yield* showDevice(state);
  }
}

function* head({ bytes, configuration, blocks, items, description, trailingBytes }: Capture): Generator<string> {
  const { machineType, pageBytes, capabilities, uuid } = configuration;
  yield `migration stream of ${machineType === '' ? 'a machine that sends no configuration' : machineType}, ${inBytes(bytes)}`;
  if (pageBytes !== 4096) yield `target pages of ${inBytes(pageBytes)}`;
  if (capabilities.length > 0) yield `capabilities: ${capabilities.join(', ')}`;
  if (uuid !== undefined) yield `UUID ${uuid}`;
  for (const { name, bytes: size, pageBytes: own, mapped } of blocks) {
    const pages = own === undefined ? '' : `, host pages of ${inBytes(own)}`;
    const where = mapped ? `, ${mapped.pagesPresent} pages from offset ${mapped.pagesOffset}` : '';
    yield `RAM block ${name}: ${inBytes(size)}${pages}${where}`;
  }
  if (!description) yield 'the stream does not describe its devices: fields are not known';
  if (items.some((item) => item.kind === 'section' && item.section.packaged))
    yield 'the devices are in a package: postcopy';
  if (trailingBytes > 0) yield `${inBytes(trailingBytes)} follow the end`;
}

function* sections(items: readonly CapturedItem[]): Generator<string> {
  yield `${'offset'.padStart(12)}  ${'bytes'.padStart(12)}  section`;
  for (const item of items) {
    if (item.kind === 'configuration') {
      yield line(item.offset, item.end - item.offset, 'configuration');
    } else if (item.kind === 'command') {
      yield line(item.command.offset, 5 + item.command.data.length, `command ${item.command.name}`);
    } else {
      const { section, times } = item;
      const repeated = times > 1 ? ` ×${times}` : '';
      const counts = countsInWords(section.content?.counts ?? {});
      const content = counts === '' ? '' : `: ${counts}`;
      yield line(
        section.offset,
        section.bodyBytes,
        `${section.type.padEnd(5)} ${sectionName(section)}${repeated}${content}`,
      );
    }
  }
}

function line(offset: number, bytes: number, text: string): string {
  return `${String(offset).padStart(12)}  ${String(bytes).padStart(12)}  ${text}`;
}

function* showDevice({ section, body, fields, misfit }: DeviceState): Generator<string> {
  const instance = section.instance === 0 ? '' : ` instance ${section.instance}`;
  yield `${section.name}${instance}, version ${section.version}, ${section.bodyBytes} bytes at ${section.bodyOffset}`;
  if (misfit) yield `  its description does not fit: ${misfit.message}`;
  else if (fields) yield* showFields(fields, body, '  ');
  else if (body.length > 0) yield `  not described: ${bufferInWords(body)}`;
}

function* showFields(fields: readonly Field[], body: Buffer, indent: string): Generator<string> {
  for (let index = 0; index < fields.length;) {
    const run = runFrom(fields, index, body);
    const [field] = run;
    if (!field) return;
    if (run.length === 1) yield* showField(field, body, indent);
    else if (field.parts) yield* showEqual(run, field.parts, { body, indent });
    else yield* padded(`${indent}${arrayName(run)}: `, elements(run, body));
    index += run.length;
  }
}

/** Structures of one array that hold the same, told once. */
function* showEqual(
  run: readonly Field[],
  parts: readonly Field[],
  { body, indent }: { body: Buffer; indent: string },
): Generator<string> {
  yield `${indent}${arrayName(run)}, each`;
  yield* showFields(parts, body, `${indent}  `);
}

function* showField(field: Field, body: Buffer, indent: string): Generator<string> {
  if (field.count !== undefined) {
    yield* padded(`${indent}${field.name}[0–${field.count - 1}]: `, elements(elementsOf(field), body));
  } else if (field.parts) {
    yield `${indent}${field.name}`;
    yield* showFields(field.parts, body, `${indent}  `);
  } else if (field.type === 'pci config') {
    yield `${indent}${field.name}: configuration space of ${field.size} bytes`;
    for (const { offset, name, value, bits } of registerValues(bytesOf(field, body)))
      yield `${indent}  0x${offset.toString(16).padStart(3, '0')} ${name} ${value}${bits.length > 0 ? ` (${bits.join(', ')})` : ''}`;
  } else yield `${indent}${field.name}: ${valueOf(field, body)}`;
}

const element = /^(.*)\[(\d+)\]$/;

/** The elements of one array that are told together: plain values, or structures that hold the same. */
function runFrom(fields: readonly Field[], start: number, body: Buffer): readonly Field[] {
  const first = fields[start];
  const name = first && first.type !== 'pci config' ? element.exec(first.name)?.[1] : undefined;
  if (!first || name === undefined) return fields.slice(start, start + 1);
  const belongs = (field: Field | undefined): boolean => {
    if (field?.type !== first.type || element.exec(field.name)?.[1] !== name) return false;
    return field.parts ? bytesOf(field, body).equals(bytesOf(first, body)) : !first.parts;
  };
  let end = start + 1;
  while (belongs(fields[end])) end += 1;
  return fields.slice(start, end);
}

function arrayName(run: readonly Field[]): string {
  const [, name = '', first = ''] = element.exec(run[0]?.name ?? '') ?? [];
  const last = element.exec(run.at(-1)?.name ?? '')?.[2] ?? '';
  return `${name}[${first}–${last}]`;
}

/** The values of an array; equal neighbours are told once. */
function elements(run: Iterable<Field>, body: Buffer): string[] {
  const told: { value: string; times: number }[] = [];
  for (const field of run) {
    const value = valueOf(field, body);
    const last = told.at(-1);
    if (last?.value === value) last.times += 1;
    else told.push({ value, times: 1 });
  }
  return told.map(({ value, times }) => (times === 1 ? value : `${value} ×${times}`));
}
