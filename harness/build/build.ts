import { UsageError } from '../core/errors.js';

/** A released version of QEMU, as it names itself. */
export interface QemuVersion {
  major: number;
  minor: number;
  micro: number;
  /** "7.2.22" */
  text: string;
}

export interface MachineType {
  name: string;
  /** Another name by which this build knows the type: "q35". */
  alias?: string;
  isDefault: boolean;
  deprecated: boolean;
  /** The most virtual CPUs that the type allows. */
  cpuMax: number;
}

/** A property that a machine type sets to what an older QEMU did. */
export interface CompatProperty {
  driver: string;
  property: string;
  value: string;
}

/** What a build says about itself; asked once per binary and cached. */
export interface BuildProbe {
  version: QemuVersion;
  /** The architecture of its guests, as in qemu-system-ARCH. */
  arch: string;
  /** The distribution's own version text, or ''. */
  package: string;
  machineTypes: MachineType[];
  /** What `-device` accepts, aliases included, sorted. */
  devices: string[];
  /** Accelerators in which a probe guest really ran on this host, 'tcg' first. */
  accelerators: string[];
  migrationCapabilities: string[];
  /** What `migrate-set-parameters` accepts. */
  migrationParameters: string[];
  /** By machine type; undefined for builds before 9.1, which do not tell. */
  compatProperties: Record<string, CompatProperty[]> | undefined;
}

/** A build that has been found and not yet asked anything; plain JSON. */
export interface LocatedBuild {
  /** As the user wrote it: 'deb:bookworm', 'git:DIR@REV', a path, a name. */
  name: string;
  /** The QEMU binary itself; the command may start it through a loader. */
  binary: string;
  /** What starts it, without any machine arguments. */
  command: readonly string[];
  /** What the environment must hold besides. */
  env: Readonly<Record<string, string>>;
  /** What to say of it where the binary itself names no package. */
  package?: string;
}

/** One QEMU binary with what it needs to run. */
export interface Build extends LocatedBuild {
  version: QemuVersion;
  /** The architecture of its guests, as in qemu-system-ARCH: builds of one name differ by it. */
  arch: string;
  /** The distribution's own version text, or ''. */
  package: string;
  /** SHA-256 of the binary, hexadecimal. */
  sha256: string;
  probe: BuildProbe;
}

/** Negative when `a` is older than `b`, zero when they are the same, positive when `a` is newer. */
export function compareVersions(a: QemuVersion, b: QemuVersion): number {
  return a.major - b.major || a.minor - b.minor || a.micro - b.micro;
}

/** Reads "7.2" or "7.2.22"; throws UsageError for anything else. */
export function parseVersion(text: string): QemuVersion {
  const match = /^(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?$/.exec(text);
  if (!match)
    throw new UsageError(`"${text}" is no QEMU version: write MAJOR.MINOR or MAJOR.MINOR.MICRO, as in 7.2.22`);
  return versionOf({ major: Number(match[1]), minor: Number(match[2]), micro: Number(match[3] ?? 0) });
}

/** Adds the text to the three numbers of a QMP greeting. */
export function versionOf({ major, minor, micro }: { major: number; minor: number; micro: number }): QemuVersion {
  return { major, minor, micro, text: `${major}.${minor}.${micro}` };
}
