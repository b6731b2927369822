import type { Machine } from '../../machine/machine.js';
import type { Cpu, FixedFacts } from './fixed-facts.js';
import { type DeviceState, partOf, type Reading, type StatePart } from './part.js';
import { powerRegisters, xicsStates } from './power.js';

/**
 * Registers and CPUID of every CPU, as the monitor tells them: nobody but a CPU can read them, and asking changes none. What only one of two
 * builds prints is not compared.
 */
export async function readProcessors(machine: Machine, { cpus }: FixedFacts): Promise<StatePart[]> {
  return Promise.all((await cpus).map((cpu) => readProcessor(machine, cpu)));
}

async function readProcessor(machine: Machine, { index, features }: Cpu): Promise<StatePart> {
  const [registers, words] = await Promise.all([ask(machine, 'info registers', index), features]);
  return partOf(
    { area: 'cpu', device: `CPU ${index}`, address: '' },
    {
      told: `${registers}\n${JSON.stringify(words)}`,
      read: () => [...registersOf(machine)(registers), ...cpuid(words)],
    },
  );
}

function registersOf({ spec }: Machine): (text: string) => Reading[] {
  return spec.build.arch === 'ppc64' ? powerRegisters : cpuRegisters;
}

/** Interrupt controllers of an x86 machine, and the local APIC of every CPU; XICS of pseries. The monitors of other architectures tell of none. */
export async function readInterruptControllers(machine: Machine, { cpus }: FixedFacts): Promise<StatePart[]> {
  const { arch } = machine.spec.build;
  if (arch === 'ppc64') {
    const told = await ask(machine, 'info pic');
    return [{ key: 'interrupt-controllers', told, read: () => xicsStates(told) }];
  }
  if (arch !== 'x86_64') return [];
  const asked = ask(machine, 'info pic');
  // A machine that dies before its CPUs are told is told of by those: nobody awaits this answer then.
  asked.catch(() => undefined);
  const apics = (await cpus).map(async ({ index }) => {
    const text = await ask(machine, 'info lapic', index);
    const place = { area: 'interrupt-controllers', device: `local APIC of CPU ${index}`, address: '' } as const;
    return partOf(place, { told: text, read: () => localApic(text) });
  });
  const [pics, ...others] = await Promise.all([asked, ...apics]);
  return [{ key: 'interrupt-controllers', told: pics, read: () => picStates(pics) }, ...others];
}

function picStates(text: string): DeviceState[] {
  return picParts(text).map((part) => ({ area: 'interrupt-controllers', address: '', ...part }));
}

function ask(machine: Machine, command: string, cpu = 0): Promise<string> {
  return machine.qmp.execute('human-monitor-command', { 'command-line': command, 'cpu-index': cpu });
}

/**
 * The registers in the text of `info registers`: NAME=VALUE, where a value is one or more hexadecimal words. The descriptions that
 * follow a segment are told by its words already.
 */
export function cpuRegisters(text: string): Reading[] {
  const found = text.replaceAll(/\[.*?\]/g, '').matchAll(/\b([A-Z]+\d*) *=((?: *\b[0-9a-f]+\b)+)/g);
  return Array.from(found, ([, name = '', words = '']) => ({ name, offset: 0, value: wordsOf(name, words) })).filter(
    ({ name }) => name !== 'DPL',
  );
}

/** 7.2 began to print the halves of XMM registers apart, and widths differ with the mode of the CPU. */
function wordsOf(name: string, text: string): string {
  const words = text.trim().split(/\s+/);
  return name.startsWith('XMM') ? words.join('') : words.map((word) => word.replace(/^0+(?=.)/, '')).join(' ');
}

/**
 * Bits that tell of more than one logical processor, by leaf and register: HTT and CmpLegacy. Before 10.0 `feature-words` lacks them, though
 * the CPUID instruction has them (target/i386/cpu.c, cpu_x86_cpuid() in 7.2.22; x86_cpu_expand_features() in 10.0.13).
 */
const topologyBits: Readonly<Record<string, number>> = { '0x1 EDX': 1 << 28, '0x80000001 ECX': 1 << 1 };

/** The words of `feature-words`, named by leaf and register, without what not every version has among them. */
export function cpuid(words: unknown): Reading[] {
  if (!Array.isArray(words)) return [];
  return words.flatMap((word: Partial<Record<string, unknown>>) => {
    const leaf = Number(word['cpuid-input-eax']).toString(16);
    const subleaf = word['cpuid-input-ecx'] === undefined ? '' : `.${Number(word['cpuid-input-ecx'])}`;
    const name = `0x${leaf}${subleaf} ${String(word['cpuid-register'])}`;
    const value = (Number(word['features']) & ~(topologyBits[name] ?? 0)) >>> 0;
    return { name: `CPUID ${name}`, offset: 0, value };
  });
}

/** The local APIC in the text of `info lapic`: each line has a name and a value, or several pairs of them. */
export function localApic(text: string): Reading[] {
  const readings: Reading[] = [];
  for (const line of text.split(/\r?\n/)) {
    const whole = /^(\w+)\t ?(0x[0-9a-f]+|\(none\)|[\d ()a-z]*\d[\d ()a-z]*)/.exec(line);
    if (whole && !line.startsWith('Timer')) {
      readings.push({ name: whole[1] ?? '', offset: 0, value: numberOrText(whole[2] ?? '') });
      continue;
    }
    for (const [, name = '', value = ''] of line.matchAll(/\b(\w+) ?=? ?(0x[0-9a-f]+|(?<== )\d+)/g)) {
      readings.push({ name, offset: 0, value: numberOrText(value) });
    }
  }
  return readings;
}

/** I/O APICs and PICs in the text of `info pic`, whose order is not the same on every start. */
export function picParts(text: string): { device: string; readings: Reading[] }[] {
  const parts: { device: string; readings: Reading[] }[] = [];
  let apics = 0;
  for (const line of text.split(/\r?\n/)) {
    const [, chip = '', number = '', pairs = ''] = /^(ioapic|pic)(\d+): (.*)/.exec(line) ?? [];
    if (chip !== '') {
      const device = chip === 'pic' ? `PIC ${number}` : `I/O APIC${apics === 0 ? '' : ` ${apics}`}`;
      if (chip === 'ioapic') apics += 1;
      parts.push({ device, readings: pairsOf(pairs) });
      continue;
    }
    const last = parts.at(-1);
    const [, pin, entry = ''] = /^ +pin (\d+) +0x([0-9a-f]+)/.exec(line) ?? [];
    const [, list, pins = ''] = /^ +((?:Remote )?IRR) +(.*?) *$/.exec(line) ?? [];
    if (pin !== undefined) addTo(last, { name: `Redirection entry ${pin}`, offset: 0, value: `0x${entry}` });
    if (list !== undefined) addTo(last, { name: list, offset: 0, value: pins });
  }
  return parts;
}

function addTo(part: { readings: Reading[] } | undefined, reading: Reading): void {
  part?.readings.push(reading);
}

function pairsOf(text: string): Reading[] {
  return Array.from(text.matchAll(/(\w+)=(\w+)/g), ([, name = '', value = '']) => ({ name, offset: 0, value }));
}

function numberOrText(text: string): number | string {
  return /^(0x[0-9a-f]+|\d+)$/.test(text) ? Number(text) : text.trim();
}
