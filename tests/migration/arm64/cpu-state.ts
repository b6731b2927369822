import type { CellShape } from 'godwit';

/**
 * Why a machine of arm64 cannot go along a route under TCG; undefined where it can. A CPU's system registers are in the stream as a list, and one
 * that the destination does not know ends the migration, as does a longer list (target/arm/machine.c, cpu_post_load() and
 * cpreg_vmstate_array_len). 5.2.0, 7.2.22, 10.0.13 and 11.1.3 have four different lists of every model, and none can be taken by another.
 */
export function lackOfCpuState({ route }: Pick<CellShape, 'route'>): string | undefined {
  const versions = new Set(route.map(({ version }) => `${version.major}.${version.minor}`));
  if (versions.size === 1) return undefined;
  return `the system registers of an arm64 CPU under TCG are other ones in each of ${[...versions].join(', ')}`;
}
