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

/** One bit field of a register that differs between the two sides. */
export interface RegisterDifference {
  /** The `-device` id, or QEMU's own path of the device when it has none. */
  device: string;
  /** Bus, device and function as the guest numbers them, "00:12.0". */
  address: string;
  /** Offset in configuration space, in bytes. */
  offset: number;
  /** The register that covers the offset, in the words of the PCI specifications: "Slot Status". */
  register: string;
  /** Names of the bits that differ, where the register has named bits: ["PDS"]. */
  bits: string[];
  source: number;
  destination: number;
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
  /** The fields parsed from the line, under QEMU's own names. */
  fields: Record<string, string | number>;
  /** The `-device` id on the command line, when it is known which. */
  device?: string;
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
  /** Bytes that the source says it sent, RAM and devices together. */
  transferredBytes?: number;
  findings: Finding[];
  differences: RegisterDifference[];
}
