import { type LoadStep, type OrderViolation, violationsAmong } from './order.js';

/** Trace events, by QEMU's names, in which a destination says what it loads; the same from 5.2 to 11.1. */
export const loadEvents: readonly string[] = [
  'qemu_loadvm_state_section_startfull',
  'vfio_load_state*',
  'vfio_load_device_config_state*',
  'vfio_msix_enable',
];

const section = /^qemu_loadvm_state_section_startfull \d+\((?<name>[^)]*)\) (?<instance>\d+)/;
const ofVfio = /^(?<event>vfio_\w+)\s+\((?<host>[^)]*)\)/;
/** What a VFIO device's events mean, in the words of its marks in a stream. Later versions say when the configuration begins and when it ends. */
const vfioSteps: Readonly<Record<string, string>> = {
  vfio_load_device_config_state: 'config-state',
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
  const sections = new Map<string, { name: string; instance: number }>();
  let current = { name: '', instance: 0 };
  return lines.flatMap((line, offset) => {
    const begun = section.exec(line)?.groups;
    if (begun) {
      current = { name: begun['name'] ?? '', instance: Number(begun['instance']) };
      return current.name.endsWith('/vfio') ? [] : [{ ...current, offset, holdsConfig: true }];
    }
    const { event = '', host = '' } = ofVfio.exec(line)?.groups ?? {};
    // The first that a device says is in its own section; later another thread may load it while the main one is elsewhere.
    if (event === 'vfio_load_state' && !sections.has(host)) sections.set(host, current);
    const step = vfioSteps[event];
    const of = sections.get(host);
    if (step === undefined || !of) return [];
    return [{ name: `${of.name} ${step}`, instance: of.instance, offset, holdsConfig: step !== 'data-state' }];
  });
}

/** The rules that the order of a trace breaks, one entry for each thing that was loaded too early. */
export function traceViolations(lines: readonly string[]): OrderViolation[] {
  const steps = traceOrder(lines);
  return violationsAmong(steps, new Set(steps.map(({ name }) => name).filter((name) => bridge.test(name))));
}
