import type { CellShape } from 'godwit';

/** The first major versions of QEMU whose CPUs under TCG have other system registers than those of the version tried before: 5.2.0, 7.2.22, 10.0.13, 11.1.3. */
const changes = [7, 10, 11];

/**
 * Why a machine of arm64 with the CPU that Godwit gives it (machines/virt.yaml) cannot go along a route under TCG; undefined where it can, or where
 * nobody has tried. The registers are in the stream as a list, and one that the destination does not know ends the migration, as does a
 * longer list (target/arm/machine.c, cpu_post_load() and cpreg_vmstate_array_len). `cpu-models.scenario.ts` has every model.
 */
export function lackOfCpuState({ route }: Pick<CellShape, 'route'>): string | undefined {
  const eras = new Set(route.map(({ version }) => changes.filter((major) => version.major >= major).length));
  if (eras.size === 1) return undefined;
  const versions = new Set(route.map(({ version }) => version.text));
  return `the system registers of an arm64 CPU under TCG are other ones in each of ${[...versions].join(', ')}`;
}
