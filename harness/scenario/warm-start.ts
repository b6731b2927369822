import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { cacheFolder, isMissing, makePrivateFolder } from '../build/cache-folder.js';
import { holdLock } from '../build/lock.js';
import { firmwareDigest } from '../build/firmware.js';
import type { Deadline } from '../core/deadline.js';
import type { MachineSpec } from '../machine/command-line.js';

/** Of what is saved: it goes up with whatever changes what is in such a file. */
const format = 3;
/** Bytes of saved guests that are kept; those used least recently go first. A Linux guest has some 100 MB. */
const mostBytes = 4 * 2 ** 30;
const suffix = '.stream';
/** Milliseconds after which a file that nobody finished is nobody's any more. */
const abandonedMs = 60 * 60_000;

/** What is to come up: the machine, and the guest on it. */
export interface WarmStart {
  /** As the first QEMU of a route is started. */
  spec: MachineSpec;
  /** All that the guest's state depends on beside the machine. */
  identity: string;
  /** The cell's own folder, which its command line may name: another cell has another one, with the same in it. */
  folder: string;
  deadline: Deadline;
  /** Boots such a machine with its guest, and saves it into a file. */
  boot: (path: string) => Promise<void>;
}

/**
 * The file of a guest that was booted on the very same machine before; the first who asks boots it, while others who ask wait.
 * The file is named by all that its content depends on, so that a guest saved on another is never found.
 */
export async function savedGuest(start: WarmStart): Promise<string> {
  const folder = savedFolder();
  const path = join(folder, `${await keyOf(start)}${suffix}`);
  if (wasUsed(path)) return path;
  await makePrivateFolder(folder);
  await using _lock = await holdLock(`${path}.lock`, { deadline: start.deadline });
  if (wasUsed(path)) return path;
  const fresh = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await start.boot(fresh);
    renameSync(fresh, path);
  } finally {
    rmSync(fresh, { force: true });
  }
  makeRoom(folder, path);
  return path;
}

/** Removes a saved guest that is under suspicion; the next who asks boots it anew. */
export function forgetGuest(path: string): void {
  rmSync(path, { force: true });
}

function savedFolder(): string {
  return join(cacheFolder(), 'guests');
}

/**
 * SHA-256 over what a saved guest depends on. Another boot of the host may be another host: a guest that was told the frequency of the
 * time-stamp counter goes by it.
 */
async function keyOf({ spec, identity, folder }: WarmStart): Promise<string> {
  const { build, machineType, accel, memoryMiB, serials, words } = spec;
  const facts = {
    format,
    build: [build.version.text, build.package, build.sha256, build.command, build.env],
    firmware: await firmwareDigest(build),
    machine: [machineType, accel, memoryMiB, serials ?? 0, words.map((word) => word.replaceAll(folder, ''))],
    identity,
    host: [cpus()[0]?.model ?? '', readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'), process.arch],
  };
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}

/** Whether there is such a file; from now on it counts as used. */
function wasUsed(path: string): boolean {
  try {
    const now = new Date();
    utimesSync(path, now, now);
    return true;
  } catch (thrown) {
    if (isMissing(thrown)) return false;
    throw thrown;
  }
}

/** Removes what was used least recently until the rest is not too much; never the one that was just saved. */
function makeRoom(folder: string, kept: string): void {
  const files = readdirSync(folder)
    .flatMap((name) => (name.includes(suffix) && !name.endsWith('.lock') ? sizeOf(join(folder, name)) : []))
    .sort((a, b) => b.usedMs - a.usedMs);
  let bytes = 0;
  for (const file of files) {
    const isWhole = file.path.endsWith(suffix);
    if (isWhole) bytes += file.bytes;
    const isLeft = isWhole ? bytes > mostBytes : file.usedMs < Date.now() - abandonedMs;
    if (isLeft && file.path !== kept) rmSync(file.path, { force: true });
  }
}

function sizeOf(path: string): { path: string; bytes: number; usedMs: number }[] {
  try {
    const { size, mtimeMs } = statSync(path);
    return [{ path, bytes: size, usedMs: mtimeMs }];
  } catch {
    // Another process has just removed it.
    return [];
  }
}
