import picomatch from 'picomatch';
import { UsageError } from '../core/errors.js';
import type { Build, MachineType } from './build.js';

/** One machine type over several builds. */
export interface MachineRow {
  name: string;
  /** What each build says of it, in the order of the builds; undefined where a build does not have it. */
  types: (MachineType | undefined)[];
  /** Whether a guest of this type can travel through all the builds. */
  everywhere: boolean;
}

/**
 * Machine types × builds, newest last. Globs narrow the rows; one that is an alias in some build stands for what the alias means there.
 * Throws UsageError for a glob that matches nothing.
 */
export function machineTable(builds: readonly Build[], globs: readonly string[] = []): MachineRow[] {
  const all = builds.flatMap((build) => build.probe.machineTypes);
  const wanted = globs.map((glob) => namesMatching(all, glob));
  const empty = wanted.findIndex((names) => names.size === 0);
  if (empty >= 0) {
    throw new UsageError(
      `no machine type of ${builds.map((build) => build.name).join(', ')} matches "${globs[empty]}"`,
    );
  }
  const names = new Set(
    all.map((type) => type.name).filter((name) => wanted.length === 0 || wanted.some((some) => some.has(name))),
  );
  return [...names].sort(byVersion).map((name) => {
    const types = builds.map((build) => build.probe.machineTypes.find((type) => type.name === name));
    return { name, types, everywhere: types.every((type) => type !== undefined) };
  });
}

function namesMatching(types: readonly MachineType[], glob: string): Set<string> {
  const matches = picomatch(glob);
  return new Set(types.filter((type) => matches(type.name) || type.alias === glob).map((type) => type.name));
}

/** What one alias means in each of several builds. */
export interface AliasRow {
  alias: string;
  names: (string | undefined)[];
}

/** Every alias of every build, with the machine type that it stands for there. */
export function aliasTable(builds: readonly Build[]): AliasRow[] {
  const aliases = new Set(builds.flatMap((build) => build.probe.machineTypes.flatMap((type) => type.alias ?? [])));
  return [...aliases].sort().map((alias) => ({
    alias,
    names: builds.map((build) => build.probe.machineTypes.find((type) => type.alias === alias)?.name),
  }));
}

/** Sorts "pc-q35-2.9" before "pc-q35-2.10". */
function byVersion(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
