import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { UsageError } from '../core/errors.js';
import { packageRoot } from '../core/package-root.js';

const familySchema = z.strictObject({
  family: z.string(),
  alias: z.string().optional(),
  architecture: z.string(),
  rootBus: z.string(),
  ecam: z.strictObject({ address: z.string(), register: z.number(), base: z.number() }).optional(),
  acpiHotplugPort: z.number().optional(),
});

/** What all versions of one machine have in common, from `machines/FAMILY.yaml`. */
export type MachineFamily = z.infer<typeof familySchema>;

const folder = join(packageRoot, 'machines');
let families: MachineFamily[] | undefined;

/** The family of a machine type ("pc-q35-6.0", "q35,smm=off"). Throws UsageError that lists the families there are. */
export function familyOf(machineType: string): MachineFamily {
  families ??= readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => familySchema.parse(parse(readFileSync(join(folder, file), 'utf8'))));
  const name = machineType.split(',')[0] ?? '';
  const found = families.find(
    ({ family, alias }) => name === alias || name === family || name.startsWith(`${family}-`),
  );
  if (found) return found;
  throw new UsageError(
    `Godwit knows no machine family of '${machineType}'; it knows: ${families.map(({ family }) => family).join(', ')}`,
  );
}
