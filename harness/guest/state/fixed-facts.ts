import type { Machine } from '../../machine/machine.js';
import type { StateArea } from '../../record/outcome.js';
import { type GuestRam, locateRam } from './memory.js';

/** A CPU of a machine. */
export interface Cpu {
  /** As monitor commands count them. */
  index: number;
  /** What it says of its CPUID, as QMP returned it; undefined where the area is not asked for, and for what is no x86. */
  features: unknown;
}

/**
 * What neither a guest nor a migration changes of a machine that runs, so that it can be asked while there is nothing else to do. CPUID is among
 * it: it follows from the command line alone, and no section of a stream has it (QEMU target/i386/machine.c).
 */
export interface FixedFacts {
  cpus: Promise<Cpu[]>;
  /** Undefined where the area is not asked for. */
  ram: Promise<GuestRam | undefined>;
}

/** Asks a machine for what the areas need of it. What it does not answer is told to whoever awaits it. */
export function askFixedFacts(machine: Machine, areas: readonly StateArea[]): FixedFacts {
  const needs = (...wanted: StateArea[]): boolean => wanted.some((area) => areas.includes(area));
  const facts = {
    ram: needs('memory') ? locateRam(machine) : Promise.resolve(undefined),
    cpus: needs('cpu', 'interrupt-controllers')
      ? listCpus(machine, needs('cpu') && machine.spec.build.arch === 'x86_64')
      : Promise.resolve([]),
  };
  for (const asked of Object.values(facts)) asked.catch(() => undefined);
  return facts;
}

async function listCpus({ qmp }: Machine, withFeatures: boolean): Promise<Cpu[]> {
  const listed = (await qmp.execute('query-cpus-fast')).map(async ({ 'cpu-index': index, 'qom-path': path }) => ({
    index,
    features: withFeatures ? await qmp.execute('qom-get', { path, property: 'feature-words' }) : undefined,
  }));
  return Promise.all(listed);
}
