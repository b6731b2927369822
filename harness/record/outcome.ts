/** Which of the two ends of a migration something is about. */
export type Side = 'source' | 'destination';

/**
 * What one migration came to.
 * - `completed`: both sides say so, the destination is alive
 * - `silent-difference`: completed, and the destination's guest sees something else than the source's
 * - `load-failure`: the destination refused the stream
 * - `refused`: the source refused to migrate (a blocker, a wrong argument)
 * - `cannot-start`: a QEMU ended before it answered on its monitor
 * - `died`: a signal or an assertion ended a QEMU
 * - `hang`: no progress and no answer until the deadline
 * - `harness-fault`: our host or tool was at fault; says nothing about QEMU
 */
export type OutcomeClass =
  'completed' | 'silent-difference' | 'load-failure' | 'refused' | 'cannot-start' | 'died' | 'hang' | 'harness-fault';

/** What is known of one side when the migration is over. Texts are QEMU's own. */
export interface SideOutcome {
  /** `query-migrate` status as QAPI spells it; undefined when the side no longer answered. */
  migrationStatus?: string;
  /** `query-status` status as QAPI spells it; undefined when the side no longer answered. */
  runState?: string;
  /** `error-desc` of `query-migrate`. */
  errorDesc?: string;
  /** What QMP answered when it refused the command that starts the migration. */
  refusal?: string;
  exitCode?: number;
  signal?: string;
  /** Lines on standard error that are no harmless warning. */
  errorLines: string[];
}

/**
 * The parts of a machine's state that can be read without its guest.
 * - `config-space`: configuration space of every PCI function
 * - `device-registers`: registers of PCI functions behind their base addresses
 * - `msi-x`: MSI-X tables and pending bits
 * - `chipset`: ports and memory of the machine itself: PCI host, ELCR, ACPI power management, HPET, …
 * - `interrupt-controllers`: PIC, I/O APIC, local APIC
 * - `cpu`: registers and CPUID of every CPU
 * - `memory`: digests of the guest's pages
 */
export const stateAreas = [
  'config-space',
  'device-registers',
  'msi-x',
  'chipset',
  'interrupt-controllers',
  'cpu',
  'memory',
] as const;

export type StateArea = (typeof stateAreas)[number];

/** One register that differs between the two sides. */
export interface RegisterDifference {
  /** Configuration space where nothing is said. */
  area?: StateArea;
  /** The `-device` id, '' or QEMU's own path for a PCI function that has none; the name of what is no PCI function: "I/O APIC". */
  device: string;
  /** Bus, device and function as the guest numbers them, "00:12.0"; '' for what is no PCI function. */
  address: string;
  /** Offset in configuration space, in a base address or in the ports of the device, in bytes; 0 where registers have names alone. */
  offset: number;
  /** The register that covers the offset, in the words of its specification: "Slot Status". */
  register: string;
  /** Names of the bits that differ, where the register has named bits: ["PDS"]. */
  bits: string[];
  /** Text where a number does not hold the value exactly: 64 bits in hexadecimal, a digest. */
  source: number | string;
  destination: number | string;
}

/** What a log line, or a difference found by an oracle, means. */
export interface Finding {
  /** Stable word for the kind of finding: 'config-mismatch', 'unknown-section', … or 'undiagnosed'. */
  kind: string;
  side: Side;
  /** One sentence for a person: "Slot Status of pcie-root-port18 (00:12.0): PDS is 0 in the stream and 1 on the destination". */
  summary: string;
  /** The line that it was read from, whole. */
  line?: string;
  /** How many messages said the same; absent for one. */
  times?: number;
  /** The fields parsed from the line, under QEMU's own names. */
  fields: Record<string, string | number>;
  /** The `-device` id on the command line, when it is known which. */
  device?: string;
  /** The value of the `-device` that made it, as it was written. */
  commandLine?: string;
  /** Why it is fatal: which bits the destination compares, and which may differ. */
  why?: string;
  /** The way from the section to the field that could not be loaded, outermost first. */
  path?: string[];
  /** What is known to cause or cure it, and where that is written. */
  known?: { words: string; source: string };
}

/** What went through one connection of a relay. */
export interface ChannelFigures {
  bytesToDestination: number;
  bytesToSource: number;
  /** Path of the copy of what the destination was sent, where one was kept. */
  file?: string;
}

/** One migration, judged. */
export interface OutcomeRecord {
  class: OutcomeClass;
  /** Builds at the two ends, as the user wrote them. */
  from: string;
  to: string;
  source: SideOutcome;
  destination: SideOutcome;
  /** Milliseconds; QEMU's own figures where it gave them. */
  totalMs?: number;
  downtimeMs?: number;
  /** Milliseconds for which a guest that ran was held at the destination, to be looked at. */
  heldMs?: number;
  /**
   * Milliseconds of the outage as somebody outside sees it who hears from the guest all the time: the largest gap between two signs of
   * its life, less the time for which it was held.
   */
  guestDowntimeMs?: number;
  /** Bytes that the source says it sent, RAM and devices together. */
  transferredBytes?: number;
  /** Passes over RAM, as QEMU counts them (`dirty-sync-count`). */
  passes?: number;
  /** What went through a relay, where there was one: the main channel first. */
  channels?: ChannelFigures[];
  findings: Finding[];
  differences: RegisterDifference[];
}
