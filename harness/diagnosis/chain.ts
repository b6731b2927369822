import type { ErrorLine } from './error-lines.js';

/** What surrounds a message in its chain. */
export interface Chain {
  /** The vmstate section that the chain is about. */
  section?: string;
  /** From the section to the field that could not be loaded, outermost first; empty where the chain names no step. */
  path: string[];
}

/** Causes that name no device themselves: the chain that they begin, or end, does. */
const chained = new Set<ErrorLine['kind']>([
  'config-mismatch',
  'features',
  'virtqueue',
  'field-value',
  'field-limit',
  'field-validation',
  'vmstate-path',
  'vmstate-load',
  'device-state',
  'vcpu-state',
  'cpu-model',
  'interrupt-controller',
]);

/** No chain has more messages: in a flood nobody looks further. */
const longestChain = 64;

/**
 * Finds the section that the message at `at` is about, and the steps to the field. Up to 10.0 QEMU prints a line for each step, from the field
 * outwards; 11.1 prints one line, from the section inwards, in which the cause may be the last word.
 */
export function chainOf(lines: readonly ErrorLine[], at: number): Chain {
  const line = lines[at];
  if (!line) return { path: [] };
  if ('section' in line) return { section: line.section, path: [] };
  if ('block' in line) return { section: line.block, path: [] };
  if (line.kind !== 'section-device' && !chained.has(line.kind)) return { path: [] };
  const after = lines.slice(at, at + longestChain);
  const end = after.findIndex((next) => ownerOf(next) !== undefined || isOther(line, next));
  const owner = ownerOf(after[end]);
  if (owner !== undefined) {
    const inner = after.slice(0, end).flatMap((step) => [stepOf(step)]);
    return pathOf(owner, [...inner.reverse(), ...stepsAfter(after, end)]);
  }
  return withinOneLine(line, lines.slice(Math.max(0, at + 1 - longestChain), at + 1));
}

/** The section that a chain's last line names; the second wording is that of a section which comes in parts, like a VFIO device's up to 5.2. */
function ownerOf(line: ErrorLine | undefined): string | undefined {
  if (line?.kind === 'section-device') return line.device;
  return line?.kind === 'section-load' ? line.section : undefined;
}

/** Another cause: what comes after it belongs to it. */
function isOther(line: ErrorLine, next: ErrorLine): boolean {
  return next !== line && chained.has(next.kind) && next.kind !== 'vmstate-path' && next.kind !== 'vmstate-load';
}

function withinOneLine(line: ErrorLine, before: readonly ErrorLine[]): Chain {
  const at = before.findLastIndex((earlier) => earlier.kind === 'section-device' && earlier.line === line.line);
  const head = before[at];
  return head?.kind === 'section-device' ? pathOf(head.device, stepsAfter(before, at)) : { path: [] };
}

function stepsAfter(lines: readonly ErrorLine[], at: number): string[][] {
  const steps: string[][] = [];
  for (const next of lines.slice(at + 1)) {
    if (next.continued !== true) break;
    steps.push(stepOf(next));
  }
  return steps;
}

function stepOf(line: ErrorLine): string[] {
  if (line.kind === 'vmstate-path')
    return [line.vmstate ?? line.type ?? '', line.path.join('.')].filter((name) => name !== '');
  return line.kind === 'subsection' ? [line.subsection] : [];
}

function pathOf(section: string, steps: string[][]): Chain {
  const path = steps.flat();
  return { section, path: path.length > 0 ? [section, ...path] : [] };
}
