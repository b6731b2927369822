import type { CellShape } from 'godwit';

type Typed = Pick<CellShape, 'machineType'>;

/** Whether the guest of a cell is one of arm64. */
export function isArm({ machineType }: Typed): boolean {
  return machineType.startsWith('virt');
}

/** Whether the version of a cell's machine type ("pc-q35-9.0") is that one or later. */
export function isMachineFrom({ machineType }: Typed, major: number, minor: number): boolean {
  return isFrom(/-(\d+)\.(\d+)/.exec(machineType)?.slice(1).map(Number) ?? [], major, minor);
}

/** Whether a build is of that version or later. */
export function isVersionFrom(build: CellShape['route'][number] | undefined, major: number, minor: number): boolean {
  return isFrom(build ? [build.version.major, build.version.minor] : [], major, minor);
}

function isFrom([major = 0, minor = 0]: readonly number[], wantedMajor: number, wantedMinor: number): boolean {
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
