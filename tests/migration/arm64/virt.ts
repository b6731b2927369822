import type { CellShape, KnownIssue } from 'godwit';

/** Machine types that differ in more than their names: the place of ECAM (2.12), no ITS under TCG (5.2), and the newest of each build. */
export const machines = ['virt-2.12', 'virt-5.2', 'virt-7.2', 'virt-10.0', 'virt-11.1'];

/** Every interrupt controller that a virt machine can have under TCG. */
export const everyGic = { gic: ['2', '3'] };

/** The words that give a cell its interrupt controller. */
export function gicOf({ options }: Pick<CellShape, 'options'>): string[] {
  return ['-machine', `gic-version=${options['gic'] ?? ''}`];
}

/**
 * False for a GICv3 without an ITS: nobody takes the messages of PCI devices, and QEMU refuses a root port. Under TCG there is an ITS from virt-6.2 on
 * (hw/arm/virt.c, no_tcg_its).
 */
export function takesMessages({ machineType, options }: Pick<CellShape, 'machineType' | 'options'>): boolean {
  return options['gic'] === '2' || !/^virt-(?:[2-5]\.|6\.[01]$)/.test(machineType);
}

/** The one CPU model that goes from one version to another under TCG (cpu-known-issues.ts). */
export const travellingCpu = 'cortex-a15';

/** Why that CPU does not go along a route to another version; undefined where it does, which is from 10.0 to 11.1. */
export function lackOfTravel({ route }: Pick<CellShape, 'route'>): string | undefined {
  const majors = route.map(({ version }) => version.major);
  const travels = majors.slice(1).every((to, index) => majors[index] === 10 && to === 11);
  return travels
    ? undefined
    : `${travellingCpu} travels from QEMU 10 to 11 alone, and this is from ${majors.join(' to ')}`;
}

/** A known issue of other machines as it is on virt, whatever its version. */
export function onVirt(issue: KnownIssue): KnownIssue {
  return { ...issue, machineTypes: ['virt'] };
}
