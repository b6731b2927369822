import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { packageRoot } from '../../core/package-root.js';
import type { MachineFamily } from '../../machine/family.js';

const width = z.union([z.literal(1), z.literal(2), z.literal(4)]);
const row = z.union([z.tuple([z.number(), width, z.string()]), z.tuple([z.number(), width, z.string(), z.number()])]);

const mapFields = {
  name: z.string(),
  /** QEMU's own files and functions that were read for what reading does. */
  source: z.string(),
  registers: z.array(row).default([]),
  groups: z
    .array(
      z.strictObject({
        name: z.string(),
        at: z.number(),
        every: z.number(),
        count: z.number(),
        registers: z.array(row),
      }),
    )
    .default([]),
  span: z.number().default(0),
  varies: z.strictObject({ while: z.tuple([z.number(), z.number()]), registers: z.array(z.number()) }).optional(),
  unread: z.record(z.string(), z.string()).default({}),
};

const place = z.union([
  z.strictObject({ space: z.enum(['ports', 'memory']), at: z.number() }),
  z.strictObject({
    space: z.literal('ports'),
    base: z.strictObject({ function: z.string(), register: z.number(), mask: z.number() }),
    enabled: z.strictObject({ register: z.number(), mask: z.number() }),
  }),
]);

const chipsetSchema = z.array(
  z.strictObject({
    ...mapFields,
    area: z.enum(['chipset', 'interrupt-controllers']).default('chipset'),
    families: z.array(z.string()).optional(),
    /** Only where a property of `/machine` has one of these values, and there are so many CPUs. */
    only: z.strictObject({ property: z.string(), values: z.array(z.string()), cpus: z.number().optional() }).optional(),
    place,
  }),
);
const devicesSchema = z.array(z.strictObject({ ...mapFields, match: z.array(z.string()), bar: z.number() }));

/** One register where reading it changes nothing. */
export interface ReadableRegister {
  name: string;
  /** From the start of its map, in bytes. */
  offset: number;
  width: 1 | 2 | 4;
}

/** Registers that one read fetches: one of any width, or several of 4 bytes. */
export type Run = readonly [ReadableRegister, ...ReadableRegister[]];

/** What can be read of one device without changing it. */
export interface RegisterMap {
  name: string;
  space: 'ports' | 'memory';
  /** Every register, in the order of their offsets. */
  runs: readonly Run[];
  /** Registers, by offset, that time changes while the bits of `mask` are set in the register at `offset`. */
  varies?: { offset: number; mask: number; registers: readonly number[] };
}

/** Registers of the machine itself, and which machines of an architecture have them: all where nothing is said. */
export type ChipsetMap = RegisterMap &
  Pick<z.infer<typeof chipsetSchema>[number], 'area' | 'families' | 'only' | 'place'>;

/** Registers behind a base address of a PCI function; `match` holds "VENDOR:DEVICE" or a class code, in hexadecimal. */
export interface DeviceMap extends RegisterMap {
  match: readonly string[];
  bar: number;
}

const chipsets = new Map<string, ChipsetMap[]>();
let devices: DeviceMap[] | undefined;

/** What machines of a family have outside PCI functions, from `machines/registers/chipset-ARCHITECTURE.yaml`; nothing where there is no such file. */
export function chipsetMaps({ family, architecture }: Pick<MachineFamily, 'family' | 'architecture'>): ChipsetMap[] {
  const name = `chipset-${architecture}`;
  const known = chipsets.get(name) ?? (existsSync(pathOf(name)) ? readChipset(name) : []);
  chipsets.set(name, known);
  return known.filter(({ families }) => families?.includes(family) !== false);
}

function readChipset(name: string): ChipsetMap[] {
  return chipsetSchema.parse(load(name)).map(({ area, families, only, place, ...entry }) => ({
    ...expand(entry, place.space),
    ...{ area, families, only, place },
  }));
}

/** What is known of a PCI function's registers, by its IDs or its class, from `machines/registers/devices.yaml`. */
export function deviceMaps(ids: { device: string; classCode: string }): DeviceMap[] {
  devices ??= devicesSchema.parse(load('devices')).map((entry) => ({
    ...expand(entry, 'memory'),
    match: entry.match,
    bar: entry.bar,
  }));
  return devices.filter(({ match }) => match.includes(ids.device) || match.includes(ids.classCode));
}

function pathOf(name: string): string {
  return join(packageRoot, 'machines', 'registers', `${name}.yaml`);
}

function load(name: string): unknown {
  return parse(readFileSync(pathOf(name), 'utf8'));
}

type Row = z.infer<typeof row>;
type MapData = Pick<z.infer<typeof chipsetSchema>[number], 'name' | 'registers' | 'groups' | 'span' | 'varies'>;

function expand({ name, registers, groups, span, varies }: MapData, space: RegisterMap['space']): RegisterMap {
  const all = [
    ...registers.flatMap(repeat),
    ...groups.flatMap((group) =>
      Array.from({ length: group.count }, (_, index) =>
        group.registers.flatMap(repeat).map((register) => ({
          ...register,
          name: `${register.name} of ${group.name} ${index}`,
          offset: group.at + index * group.every + register.offset,
        })),
      ).flat(),
    ),
  ];
  const [offset = 0, mask = 0] = varies?.while ?? [];
  const runs = runsOf(all, space === 'memory' ? span : -1);
  return { name, space, runs, ...(varies && { varies: { offset, mask, registers: varies.registers } }) };
}

/**
 * Words that one read can fetch, narrower registers alone: a device is asked in the width that a driver would use.
 * @param span the largest gap between two registers that one read may take along, in bytes; less than 0 reads every register alone.
 */
export function runsOf(registers: readonly ReadableRegister[], span: number): Run[] {
  const runs: [ReadableRegister, ...ReadableRegister[]][] = [];
  for (const register of [...registers].sort((a, b) => a.offset - b.offset)) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    const joins = span >= 0 && last?.width === 4 && register.width === 4 && register.offset - last.offset - 4 <= span;
    if (run && joins) run.push(register);
    else runs.push([register]);
  }
  return runs;
}

function repeat([offset, bytes, name, count]: Row): ReadableRegister[] {
  if (count === undefined) return [{ name, offset, width: bytes }];
  return Array.from({ length: count }, (_, index) => ({
    name: `${name}[${index}]`,
    offset: offset + index * bytes,
    width: bytes,
  }));
}
