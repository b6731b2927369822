import type { Build } from '../build/build.js';
import type { Deadline } from '../core/deadline.js';
import { parseDeviceLine } from '../machine/device-line.js';
import { usualMemoryMiB } from '../machine/family.js';
import { Machine } from '../machine/machine.js';
import { PrivateFolder } from '../machine/private-folder.js';
import type { ConfigSnapshot } from './config-snapshot.js';
import { ScriptedGuest } from './scripted.js';

/** Backends that name something of another host, and what stands in for each: any will do, nothing is ever sent. */
const standIns: Readonly<Record<string, (id: string) => string>> = {
  '-netdev': (id) => `hubport,id=${id},hubid=0`,
  '-chardev': (id) => `null,id=${id}`,
  '-drive': (id) => `if=none,id=${id},driver=null-co,read-zeroes=on`,
  '-blockdev': (id) => `driver=null-co,node-name=${id},read-zeroes=on`,
};
const kept = new Set(['-global']);
/** What decides where a device sits. */
const placing = ['id', 'bus', 'addr', 'multifunction'];
const harmlessObject = /^(?:qom-type=)?(?:iothread|rng-builtin|memory-backend-ram|throttle-group)\b/;

/**
 * What of a command line shapes configuration space: devices and globals, with stand-ins for the backends that they name. Paths, sockets, memory
 * and processors are left out.
 */
export function shapingWords(words: readonly string[]): string[] {
  return words.flatMap((word, index) => {
    const option = (words[index - 1] ?? '').replace(/^--/, '-');
    if (option === '-device') return [option, hostFree(word)];
    if (kept.has(option) || (option === '-object' && harmlessObject.test(word))) return [option, word];
    const id =
      /(?:^|,)(?:id|node-name)=([^,]+)/.exec(word)?.[1] ?? /"(?:id|node-name)"\s*:\s*"([^"]+)"/.exec(word)?.[1];
    const standIn = standIns[option];
    return standIn && id !== undefined ? [option, standIn(id)] : [];
  });
}

/** A device of another host gives its place to one of no host, so that those after it get the slots that they had. */
function hostFree(text: string): string {
  const { driver, properties } = parseDeviceLine(text);
  if (!driver.startsWith('vfio-')) return text;
  const place = placing.flatMap((name) => {
    const value = properties.get(name);
    return value === undefined ? [] : [`${name}=${value}`];
  });
  return ['pci-testdev', ...place].join(',');
}

/** A machine that is looked at and ended at once. */
export interface ProbedMachine {
  build: Build;
  machineType: string;
  words: readonly string[];
  deadline: Deadline;
}

/**
 * The configuration space of every function of a machine, as a guest sees it when firmware has numbered the buses. The QEMU is started paused
 * and ended before this resolves; some 100 ms. Throws LaunchError where it does not start, UsageError for a family of machines unknown here.
 */
export async function probeConfigSpace({
  build,
  machineType,
  words,
  deadline,
}: ProbedMachine): Promise<ConfigSnapshot> {
  using folder = PrivateFolder.create();
  await using machine = await Machine.launch(
    { build, machineType, accel: 'tcg', memoryMiB: usualMemoryMiB(machineType), words, incoming: false },
    { label: 'probe', folder: folder.path, logFolder: folder.path, deadline },
  );
  return await ScriptedGuest.attach(machine, deadline).configSpace();
}
