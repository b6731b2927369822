import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { UsageError } from '../core/errors.js';
import { packageRoot } from '../core/package-root.js';

const ecamSchema = z.strictObject({
  base: z.number(),
  register: z.strictObject({ address: z.string(), offset: z.number() }).optional(),
});

const familySchema = z.strictObject({
  family: z.string(),
  alias: z.string().optional(),
  /** As in qemu-system-ARCH. */
  architecture: z.string(),
  /** The CPU model of its machines, where the default is another one on every build or in every version of the machine. */
  cpu: z.string().optional(),
  rootBus: z.string(),
  /** Slots of the root bus that the machine itself fills. */
  ownSlots: z.array(z.number()),
  /** Where configuration space is in memory, and the register of a function that puts it there, where firmware has to. */
  ecam: ecamSchema.optional(),
  /** Machine types that have it elsewhere, as patterns of what `-machine` is given. */
  variants: z.array(z.strictObject({ machineType: z.string(), ecam: ecamSchema })).default([]),
  /** The unit ID of the PCI host bridge that QEMU makes by itself, in two words, where configuration space is reached through RTAS. */
  rtas: z.strictObject({ high: z.number(), low: z.number() }).optional(),
  /** Where the BARs of PCI devices have room, as addresses on the bus, and what a CPU adds to one to get there. */
  pciMemory: z.strictObject({ first: z.number(), cpuOffset: z.number().default(0) }),
  /**
   * How many serial ports a machine has of its own, and the device, with `chardev` to be added, by which it gets more; where nothing is said
   * it has as many as are asked for.
   */
  serials: z.strictObject({ own: z.number(), more: z.string() }).optional(),
  /** The physical address at which guest RAM begins. */
  ramBase: z.number().default(0),
  acpiHotplugPort: z.number().optional(),
  /** MiB of memory in which its machines are at home, where that is more than others need. */
  memoryMiB: z.number().optional(),
});

/** What all versions of one machine have in common, from `machines/FAMILY.yaml`. */
export type MachineFamily = z.infer<typeof familySchema>;

const folder = join(packageRoot, 'machines');
let families: MachineFamily[] | undefined;

/** Every family that there is a file for. */
export function machineFamilies(): readonly MachineFamily[] {
  families ??= readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => familySchema.parse(parse(readFileSync(join(folder, file), 'utf8'))));
  return families;
}

/** The family of a machine type ("pc-q35-6.0", "q35,smm=off"). Throws UsageError that lists the families there are. */
export function familyOf(machineType: string): MachineFamily {
  const found = findFamily(machineType);
  if (found) return found;
  const known = machineFamilies().map(({ family }) => family);
  throw new UsageError(`Godwit knows no machine family of '${machineType}'; it knows: ${known.join(', ')}`);
}

/** MiB of memory in which a machine of a type is at home. */
export function usualMemoryMiB(machineType: string): number {
  return findFamily(machineType)?.memoryMiB ?? 16;
}

/** The family of a machine type; undefined for one of no family that is known here ("none"). */
export function findFamily(machineType: string): MachineFamily | undefined {
  const name = machineType.split(',')[0] ?? '';
  const found = machineFamilies().find(
    ({ family, alias }) => name === alias || name === family || name.startsWith(`${family}-`),
  );
  const variant = found?.variants.find((one) => new RegExp(one.machineType).test(machineType));
  return found && variant ? { ...found, ecam: variant.ecam } : found;
}
