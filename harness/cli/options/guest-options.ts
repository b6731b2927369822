import type { Command } from 'commander';
import type { Build } from '../../build/build.js';
import { Deadline } from '../../core/deadline.js';
import { UsageError } from '../../core/errors.js';
import { kernelArchitecture } from '../../guest/linux/image/kernel-architecture.js';
import { linuxSystem } from '../../guest/linux/system.js';
import type { PlannedCell } from '../../record/events.js';
import type { Scenario } from '../../scenario/definition.js';
import type { GuestSettings } from '../../scenario/guests.js';
import { skippedFor } from './skipped-cells.js';

/** What `withGuestOptions` adds to the words of a command. */
export interface GuestWords {
  kernel?: string;
  initrd?: string;
  disk?: string;
  append?: string;
  cold?: boolean;
}

/** Milliseconds that a fetch of a kernel over a slow line takes. */
const fetchMs = 10 * 60_000;

/** Adds the options that say what Linux guests are made of. */
export function withGuestOptions(command: Command): Command {
  return command
    .option('--kernel <kernel>', 'kernel of Linux guests: an image, or deb:SUITE (deb:bookworm)')
    .option('--initrd <file>', 'initramfs of Linux guests, with a shell on the first serial port')
    .option(
      '--disk <file>',
      'disk of Linux guests, raw or qcow2, with a shell on the first serial port; stays as it is',
    )
    .option('--append <words>', "words for the kernel's command line, after Godwit's own")
    .option('--cold', 'boot every guest anew, and save none');
}

export function guestSettings({ kernel, initrd, disk, append, cold = false }: GuestWords): GuestSettings {
  return {
    ...(kernel !== undefined && { kernel }),
    ...(initrd !== undefined && { initrd }),
    ...(disk !== undefined && { disk }),
    ...(append !== undefined && { append }),
    cold,
  };
}

/**
 * Fetches what Linux guests of these architectures are made of. Throws UsageError for a file that is not there, for a kernel of another
 * architecture, and for a user's initramfs or disk where there are several: neither says what it is for.
 */
export async function fetchGuests(
  architectures: readonly string[],
  settings: GuestSettings,
  signal: AbortSignal,
): Promise<void> {
  const unfitness = judgeOf(settings.kernel);
  const [unfit] = architectures.flatMap((arch) => unfitness(arch) ?? []);
  if (unfit !== undefined) throw new UsageError(unfit);
  for (const name of ['initrd', 'disk'] as const)
    if (settings[name] !== undefined && architectures.length > 1)
      throw new UsageError(
        `--${name} ${settings[name]} is for guests of one architecture, and there are some of ${architectures.join(' and ')}; --machine narrows them`,
      );
  const onProgress = (text: string): void => void process.stderr.write(`${text}\n`);
  for (const arch of architectures)
    await linuxSystem(settings, { arch, deadline: Deadline.after(fetchMs), fetch: true, signal, onProgress });
}

/**
 * The cells, of which those are skipped whose Linux guest is of another architecture than the user's own kernel. Throws UsageError where that
 * leaves none.
 */
export function cellsWithKernel(kernel: string | undefined, prepared: Prepared): PlannedCell[] {
  const linux = linuxCells(prepared);
  const unfitness = judgeOf(kernel);
  const judged = skippedFor(prepared.cells, (cell) => {
    const arch = linux.get(cell);
    return arch === undefined ? undefined : unfitness(arch);
  });
  const unfit = judged.find((cell, index) => cell !== prepared.cells[index]);
  if (unfit?.skip !== undefined && judged.every(({ skip }) => skip !== undefined)) throw new UsageError(unfit.skip);
  return judged;
}

/** The architectures of the Linux guests among cells that will run, each once. */
export function linuxGuestsOf(prepared: Prepared): string[] {
  return [...new Set(linuxCells(prepared).values())];
}

/** Cells with a Linux guest that will run, and the architecture of each. */
function linuxCells({ cells, builds, scenarios }: Prepared): Map<PlannedCell, string> {
  const linux = new Set(scenarios.flatMap(({ guest, title }) => (guest === 'linux' ? [title] : [])));
  const architectures = new Map(builds.map(({ name, arch }) => [name, arch]));
  const wanted = cells.filter(({ scenario, skip }) => skip === undefined && linux.has(scenario));
  return new Map(
    wanted.flatMap((cell) => {
      const arch = architectures.get(cell.route[0] ?? '');
      return arch === undefined ? [] : [[cell, arch] as const];
    }),
  );
}

/** Says why a guest of an architecture cannot have that kernel; undefined where it can, or nobody knows. */
function judgeOf(kernel: string | undefined): (arch: string) => string | undefined {
  const isImage = kernel !== undefined && !kernel.startsWith('deb:');
  const made = isImage ? kernelArchitecture(kernel) : undefined;
  return (arch) =>
    made === undefined || made === arch ? undefined : `--kernel ${kernel} is for ${made}, and the guest is for ${arch}`;
}

/** What is about to run. */
export interface Prepared {
  cells: readonly PlannedCell[];
  builds: readonly Build[];
  scenarios: readonly Scenario[];
}
