import type { Command } from 'commander';
import type { Build } from '../../build/build.js';
import { Deadline } from '../../core/deadline.js';
import { linuxSystem } from '../../guest/linux/system.js';
import type { PlannedCell } from '../../record/events.js';
import type { Scenario } from '../../scenario/definition.js';
import type { GuestSettings } from '../../scenario/guests.js';

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

/** Fetches what Linux guests of these architectures are made of. Throws UsageError for a file that is not there. */
export async function fetchGuests(
  architectures: readonly string[],
  settings: GuestSettings,
  signal: AbortSignal,
): Promise<void> {
  const onProgress = (text: string): void => void process.stderr.write(`${text}\n`);
  for (const arch of architectures)
    await linuxSystem(settings, { arch, deadline: Deadline.after(fetchMs), fetch: true, signal, onProgress });
}

/** The architectures of the Linux guests among cells that will run, each once. */
export function linuxGuestsOf({ cells, builds, scenarios }: Prepared): string[] {
  const linux = new Set(scenarios.flatMap(({ guest, title }) => (guest === 'linux' ? [title] : [])));
  const wanted = cells.filter(({ scenario, skip }) => skip === undefined && linux.has(scenario));
  const names = new Set(wanted.map(({ route }) => route[0]));
  return [...new Set(builds.flatMap(({ name, arch }) => (names.has(name) ? [arch] : [])))];
}

/** What is about to run. */
export interface Prepared {
  cells: readonly PlannedCell[];
  builds: readonly Build[];
  scenarios: readonly Scenario[];
}
