import type { Command } from 'commander';
import { Deadline } from '../../core/deadline.js';
import { linuxSystem } from '../../guest/linux/system.js';
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

/** Fetches what the Linux guests of these scenarios are made of, where there are any. Throws UsageError for a file that is not there. */
export async function fetchGuests(
  scenarios: readonly Scenario[],
  settings: GuestSettings,
  signal: AbortSignal,
): Promise<void> {
  if (!scenarios.some(({ guest }) => guest === 'linux')) return;
  const onProgress = (text: string): void => void process.stderr.write(`${text}\n`);
  await linuxSystem(settings, { deadline: Deadline.after(fetchMs), fetch: true, signal, onProgress });
}
