import { configStateTag } from '../bodies/vfio.js';
import { type LoadStep, type OrderViolation, violationsAmong } from './order.js';

/** Trace events, by QEMU's names, in which a destination says what it loads; an asterisk is for those that earlier versions do not have. */
export const loadEvents: readonly string[] = [
  'qemu_loadvm_state_section_startfull',
  'vfio_load_state*',
  'vfio_load_device_config_state*',
  'vfio_load_bufs_thread_*',
  'vfio_msix_enable',
];

const section = /^qemu_loadvm_state_section_startfull \d+\((?<name>[^)]*)\) (?<instance>\d+)/;
const ofVfio = /^(?<event>vfio_\w+)\s+\((?<host>[^)]*)\)(?: data 0x(?<tag>[\da-f]+))?/;
const configTag = configStateTag.toString('hex');
/** What a VFIO device's events mean, in the words of its marks in a stream. */
const vfioSteps: Readonly<Record<string, string>> = {
  // Of a configuration in the main channel the tag tells first; one from another channel has this event alone, from 10.0 on.
  [`vfio_load_state ${configTag}`]: 'config-state',
  vfio_load_device_config_state_start: 'config-state',
  vfio_load_state_device_data: 'data-state',
  vfio_load_state_device_buffer_load_start: 'data-state',
  vfio_msix_enable: 'MSI-X',
};
/** Names of bridges' sections: a trace has nothing else by which they can be told. */
const bridge = /\/.*(?:root-port|upstream-port|downstream-port|bridge)$/;

/**
 * What a destination loaded, in its own order, from the lines of its trace with `loadEvents`: what goes by other channels than the main one too.
 * `offset` counts lines.
 */
export function traceOrder(lines: readonly string[]): LoadStep[] {
  const sections = new Map<string, Begun>();
  const steps: LoadStep[] = [];
  let current: Begun = { name: '', instance: 0 };
  for (const [offset, line] of lines.entries()) {
    const begun = section.exec(line)?.groups;
    if (begun) {
      current = { name: begun['name'] ?? '', instance: Number(begun['instance']) };
      if (!current.name.endsWith('/vfio')) steps.push({ ...current, offset, holdsConfig: true });
      continue;
    }
    const { event = '', host = '', tag } = ofVfio.exec(line)?.groups ?? {};
    // The first that a device says is in its own section; later another thread may load it while the main one is elsewhere.
    if (event === 'vfio_load_state' && !sections.has(host)) sections.set(host, current);
    const mark = vfioSteps[tag === undefined ? event : `${event} ${tag}`];
    const of = sections.get(host);
    if (mark === undefined || !of) continue;
    const name = `${of.name} ${mark}`;
    if (mark === 'config-state' && steps.some((step) => step.name === name)) continue;
    steps.push({ name, instance: of.instance, offset, holdsConfig: mark !== 'data-state' });
  }
  return steps;
}

interface Begun {
  name: string;
  instance: number;
}

/** A VFIO device for which a thread began to load what multifd's channels brought, and has not come to its end. */
export interface UnfinishedLoad {
  /** What QEMU calls the device. */
  host: string;
  /** The last that QEMU traced of it but for what the main channel brought. */
  last: string;
}

/** Every load that has begun and not ended, from the lines of a destination's trace with `loadEvents`. */
export function unfinishedLoads(lines: readonly string[]): UnfinishedLoad[] {
  const running = new Map<string, string>();
  for (const line of lines) {
    const { event = '', host = '' } = ofVfio.exec(line)?.groups ?? {};
    // What the main channel brings meanwhile is no sign of the thread.
    if (event === 'vfio_load_state') continue;
    if (event === 'vfio_load_bufs_thread_end') running.delete(host);
    else if (event === 'vfio_load_bufs_thread_start' || running.has(host)) running.set(host, line);
  }
  return [...running].map(([host, last]) => ({ host, last }));
}

/** The rules that the order of a trace breaks, one entry for each thing that was loaded too early. */
export function traceViolations(lines: readonly string[]): OrderViolation[] {
  const steps = traceOrder(lines);
  return violationsAmong(steps, new Set(steps.map(({ name }) => name).filter((name) => bridge.test(name))));
}
