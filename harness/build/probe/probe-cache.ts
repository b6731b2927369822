import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { BuildProbe, CompatProperty, LocatedBuild } from '../build.js';
import { cacheFolder, readJson, writeJson } from '../cache-folder.js';
import { hashFile } from '../file-hashes.js';
import { accelerationOfHost } from './accelerators.js';
import { probeBuild, type ProbeOptions } from './probe.js';

const texts = z.array(z.string());

/** Machine types share most of their compat properties: each property is written once, and the types hold indices. */
const packedCompat = z.object({
  properties: z.array(z.tuple([z.string(), z.string(), z.string()])),
  types: z.record(z.string(), z.array(z.int().nonnegative())),
});
type PackedCompat = z.infer<typeof packedCompat>;

const cachedProbe = z.object({
  format: z.literal(3),
  /** What must still hold for the rest to be true. */
  identity: z.object({
    path: z.string(),
    command: texts,
    bytes: z.number(),
    modifiedMs: z.number(),
    inode: z.number(),
    host: z.string(),
  }),
  sha256: z.string(),
  probe: z.object({
    version: z.object({ major: z.number(), minor: z.number(), micro: z.number(), text: z.string() }),
    arch: z.string(),
    package: z.string(),
    machineTypes: z.array(
      z.object({
        name: z.string(),
        alias: z.exactOptional(z.string()),
        isDefault: z.boolean(),
        deprecated: z.boolean(),
        cpuMax: z.number(),
      }),
    ),
    devices: texts,
    accelerators: texts,
    migrationCapabilities: texts,
    migrationParameters: texts,
    compat: z.exactOptional(packedCompat),
  }),
});
type CachedProbe = z.infer<typeof cachedProbe>;

export interface ProbeCacheOptions extends ProbeOptions {
  /** Called before a build is really asked. */
  onProbe?: () => void;
}

/**
 * What a build says about itself and the SHA-256 of its binary: from one small file when the binary, the way to start it and the host's
 * acceleration are what they were, and asked anew otherwise.
 */
export async function probeOnce(
  build: LocatedBuild,
  options: ProbeCacheOptions,
): Promise<{ sha256: string; probe: BuildProbe }> {
  const stats = await stat(build.binary);
  const identity = {
    path: build.binary,
    command: [...build.command],
    bytes: stats.size,
    modifiedMs: stats.mtimeMs,
    inode: stats.ino,
    host: accelerationOfHost(),
  };
  const file = join(
    cacheFolder(),
    'probes',
    `${createHash('sha256').update(build.binary).digest('hex').slice(0, 32)}.json`,
  );
  const cached = await readJson(file, cachedProbe);
  if (cached && JSON.stringify(cached.identity) === JSON.stringify(identity)) {
    return { sha256: cached.sha256, probe: unpackProbe(cached.probe) };
  }
  options.onProbe?.();
  const [sha256, probe] = await Promise.all([hashFile(build.binary), probeBuild(build, options)]);
  await writeJson(file, { format: 3, identity, sha256, probe: packProbe(probe) } satisfies CachedProbe);
  return { sha256, probe };
}

function packProbe({ compatProperties, ...rest }: BuildProbe): CachedProbe['probe'] {
  return { ...rest, ...(compatProperties && { compat: packCompat(compatProperties) }) };
}

function unpackProbe({ compat, ...rest }: CachedProbe['probe']): BuildProbe {
  return { ...rest, compatProperties: compat && unpackCompat(compat) };
}

/** Exported for its test: `unpackCompat` gives back what went in. */
export function packCompat(compat: Record<string, CompatProperty[]>): PackedCompat {
  const properties: PackedCompat['properties'] = [];
  const indices = new Map<string, number>();
  const indexOf = ({ driver, property, value }: CompatProperty): number => {
    const key = JSON.stringify([driver, property, value]);
    const index = indices.get(key) ?? properties.push([driver, property, value]) - 1;
    indices.set(key, index);
    return index;
  };
  return {
    types: Object.fromEntries(Object.entries(compat).map(([type, list]) => [type, list.map(indexOf)])),
    properties,
  };
}

/** The compat properties by machine type; equal properties are one object. */
export function unpackCompat({ properties, types }: PackedCompat): Record<string, CompatProperty[]> {
  const unpacked = properties.map(([driver, property, value]) => ({ driver, property, value }));
  return Object.fromEntries(
    Object.entries(types).map(([type, list]) => [type, list.flatMap((index) => unpacked[index] ?? [])]),
  );
}
