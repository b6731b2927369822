import { cacheFolder } from '../build/cache-folder.js';
import type { Deadline } from '../core/deadline.js';
import { UsageError } from '../core/errors.js';
import type { LinuxGuest } from '../guest/linux/linux-guest.js';
import type { LinuxSettings, LinuxSystem } from '../guest/linux/system.js';
import type { PayloadGuest } from '../guest/payload/payload-guest.js';
import type { RtasGuest } from '../guest/rtas/rtas-guest.js';
import type { RunningGuest } from '../guest/running-guest.js';
import type { ScriptedGuest } from '../guest/scripted.js';
import type { SlofGuest } from '../guest/slof/slof-guest.js';
import type { Machine } from '../machine/machine.js';
import { fullSpeed } from '../migration/plan.js';

/** Who can act in a scenario, by the word that a scenario uses. */
export interface Guests {
  scripted: ScriptedGuest;
  payload: PayloadGuest;
  rtas: RtasGuest;
  slof: SlofGuest;
  linux: LinuxGuest;
}

export type GuestKind = keyof Guests;

/** What a user says about the guests of a run. */
export interface GuestSettings extends LinuxSettings {
  /** True boots every guest anew, and saves none. */
  cold: boolean;
}

/** A guest with a vCPU before there is a machine for it. */
export interface GuestTier {
  kind: Exclude<GuestKind, 'scripted'>;
  memoryMiB: number;
  /** Serial ports that it speaks through. */
  serials: number;
  /** What brings it up, as words of a command line. */
  words: readonly string[];
  /** A disk image of the user's, which stays as it is. */
  disk?: string;
  /** What it runs, for reports. */
  system?: string;
  /** Parameters that its migrations have unless their plans say otherwise. */
  parameters?: Readonly<Record<string, number>>;
  /** All that its saved state depends on beside the machine; absent where it comes up at once, or with a disk whose content would have to be saved with it. */
  identity?: string;
  /**
   * Starts it on a machine that was just launched, or `resumed` from a saved state, and resolves when it answers.
   * Throws GuestError with the last thing heard of it.
   */
  attach: (machine: Machine, how: { deadline: Deadline; resumed: boolean }) => Promise<RunningGuest>;
}

/** What was found for settings, by them and the cache that it lies in: to put an initramfs together and to hash a kernel takes a tenth of a cell. */
const systems = new Map<string, Promise<LinuxSystem>>();

function onceFor(settings: LinuxSettings, arch: string, find: () => Promise<LinuxSystem>): Promise<LinuxSystem> {
  const key = JSON.stringify([cacheFolder(), arch, settings]);
  const known = systems.get(key);
  if (known) return known;
  const found = find();
  systems.set(key, found);
  // What could not be had may be there for the next cell.
  found.catch(() => systems.delete(key));
  return found;
}

/**
 * Makes ready what a guest of that kind is started from; undefined for the scripted one, which needs nothing. `arch` is as in `qemu-system-ARCH`.
 * Throws UsageError for an architecture of which there is no such guest.
 */
export async function guestTier(
  kind: GuestKind,
  settings: GuestSettings,
  { arch, deadline }: { arch: string; deadline: Deadline },
): Promise<GuestTier | undefined> {
  if (kind === 'scripted') return undefined;
  // Most cells run without: their code, and what it reads, is loaded for those that do not.
  if (kind === 'payload') {
    const [{ payloadImage }, { PayloadGuest }] = await Promise.all([
      import('../guest/payload/image.js'),
      import('../guest/payload/payload-guest.js'),
    ]);
    const words = ['-bios', await payloadImage(arch)];
    return {
      kind,
      memoryMiB: 16,
      serials: 1,
      words,
      attach: (machine, how) => PayloadGuest.attach(machine, how.deadline),
    };
  }
  if (kind !== 'linux' && arch !== 'ppc64')
    throw new UsageError(`there is no ${kind} guest for ${arch}; there is one for: ppc64`);
  if (kind === 'rtas') {
    const [{ rtasImage }, { RtasGuest }] = await Promise.all([
      import('../guest/rtas/image.js'),
      import('../guest/rtas/rtas-guest.js'),
    ]);
    return {
      ...{ kind, memoryMiB: 256, serials: 1, words: ['-bios', await rtasImage()] },
      attach: (machine, how) => RtasGuest.attach(machine, how.deadline),
    };
  }
  if (kind === 'slof') {
    const { slofWords, SlofGuest } = await import('../guest/slof/slof-guest.js');
    return {
      ...{ kind, memoryMiB: 256, serials: 1, words: slofWords },
      attach: (machine, how) => SlofGuest.attach(machine, how.deadline),
    };
  }
  const [{ linuxSystem }, { LinuxGuest }] = await Promise.all([
    import('../guest/linux/system.js'),
    import('../guest/linux/linux-guest.js'),
  ]);
  const find = (): Promise<LinuxSystem> => linuxSystem(settings, { arch, deadline, fetch: false });
  const system = await onceFor(settings, arch, find);
  return {
    ...{ kind, memoryMiB: 192, serials: 2, words: system.words, system: system.name },
    // At QEMU's own 128 MiB a second, half of a cell with 80 MB of Linux would be waiting.
    parameters: { 'max-bandwidth': fullSpeed },
    ...(system.disk !== undefined && { disk: system.disk }),
    ...(system.digest !== undefined && { identity: system.digest }),
    attach: (machine, how) => LinuxGuest.attach(machine, { system, ...how }),
  };
}
