import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { hex } from '../../core/hex.js';
import { findFamily } from '../../machine/family.js';
import type { Machine } from '../../machine/machine.js';
import type { Answer } from './part.js';

/** Bytes of one digest: a page of the guest's. */
const pageBytes = 4096;
/** Guest RAM that lies in one piece from where it begins, whatever the machine (QEMU hw/i386/pc_q35.c, pc_piix.c, hw/arm/virt.c). */
const lowBytes = 2 ** 31;
/** The most that is read at once. */
const pieceBytes = 1 << 20;
const zeroes = Buffer.alloc(pieceBytes);
const piece = Buffer.alloc(pieceBytes);
/** Untouched memory between two runs of pages that is read along rather than skipped: a read costs as much as some pages. */
const gapBytes = 16 * pageBytes;
/** Bits in the upper half of an entry of /proc/PID/pagemap (Linux Documentation/admin-guide/mm/pagemap.rst): present; swapped, mapped exclusively. */
const present = 0x80000000;
const own = 0x41000000;

/** The first 2 GiB of guest RAM. */
export interface GuestRam {
  /** Its physical address. */
  base: number;
  bytes: number;
  /** Where it starts in the process, and whether it is the process's alone; absent where nobody says. */
  host?: { at: number; isPrivate: boolean };
}

/** Finds guest RAM. It stays where it is as long as the machine runs. */
export async function locateRam({ qmp, pid, spec }: Machine): Promise<GuestRam> {
  const base = findFamily(spec.machineType)?.ramBase ?? 0;
  const [{ 'base-memory': size }, told] = await Promise.all([
    qmp.execute('query-memory-size-summary'),
    qmp.execute('human-monitor-command', { 'command-line': `gpa2hva ${hex(base)}` }),
  ]);
  const bytes = Math.min(size, lowBytes);
  const [, address] = /is (0x[0-9a-f]+)/.exec(told) ?? [];
  if (address === undefined || pid === undefined) return { base, bytes };
  const at = Number(address);
  try {
    const isPrivate = !mayNameBackend([spec.machineType, ...spec.words]) || isAnonymous(pid, at);
    return { base, bytes, host: { at, isPrivate } };
  } catch {
    return { base, bytes };
  }
}

/**
 * A digest of every page of the first 2 GiB of guest RAM that holds anything but zeroes. The memory of the process is read directly, and only
 * where it was ever written, which takes a millisecond where QEMU would write a file for 10; where the host forbids it, QEMU writes that file.
 */
export async function readMemory(machine: Machine, ram: GuestRam): Promise<Answer> {
  const { digests } = await readRam(machine, ram, () => new PageDigests());
  return {
    told: [...digests].join(' '),
    read: () => Array.from(digests, ([address, value]) => ({ name: `page ${hex(address)}`, offset: address, value })),
  };
}

class PageDigests implements RamReader {
  readonly digests = new Map<number, string>();

  take(address: number, block: Buffer): void {
    for (let at = 0; at < block.length; at += pageBytes) {
      const page = block.subarray(at, at + pageBytes);
      if (zeroes.compare(page, 0, page.length, 0, page.length) !== 0)
        this.digests.set(address + at, createHash('sha1').update(page).digest('hex').slice(0, 16));
    }
  }
}

/** Who looks at guest RAM, piece by piece. */
export interface RamReader {
  /** Gets a piece of whole pages by its physical address, which is overwritten afterwards. Pieces come in ascending order; what lies between them is zero. */
  take(address: number, piece: Buffer): void;
}

/**
 * Hands over all of guest RAM that holds anything but zeroes, to a reader that is made anew where one way of reading turns out to be
 * forbidden half-way. Returns the reader that has seen everything.
 */
export async function readRam<R extends RamReader>(machine: Machine, ram: GuestRam, makeReader: () => R): Promise<R> {
  const reader = makeReader();
  try {
    readProcess(machine.pid, ram, (at, block) => reader.take(ram.base + at, block));
    return reader;
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown)) throw thrown;
  }
  const another = makeReader();
  await readSaved(machine, ram, (at, block) => another.take(ram.base + at, block));
  return another;
}

/** Gets a piece by where it lies in guest RAM. */
type Take = (at: number, piece: Buffer) => void;

/** Hands over what may hold anything but zeroes, in pieces. Throws what the host says when it forbids it. */
function readProcess(pid: number | undefined, { bytes, host }: GuestRam, take: Take): void {
  if (pid === undefined || !host) throw refused('nobody says where guest RAM is');
  const runs = host.isPrivate ? ownedRuns(pid, host.at, bytes) : [{ from: 0, to: bytes }];
  if (runs.length === 0) return;
  using memory = open(`/proc/${pid}/mem`);
  for (const { from, to } of runs) {
    for (let next = from; next < to; next += pieceBytes) {
      const block = piece.subarray(0, Math.min(pieceBytes, to - next));
      memory.read(block, host.at + next);
      if (zeroes.compare(block, 0, block.length, 0, block.length) !== 0) take(next, block);
    }
  }
}

/** False where nothing says what guest RAM is to be made of: QEMU then takes memory of its own (hw/core/machine.c). */
function mayNameBackend(words: readonly string[]): boolean {
  return words.some((word) => /memory-backend|mem-path|readconfig/.test(word));
}

/** True for anonymous memory of the process alone: what it has not written is zero. */
function isAnonymous(pid: number, at: number): boolean {
  return readFileSync(`/proc/${pid}/maps`, 'latin1')
    .split('\n')
    .some((line) => {
      const [, from = '', to = '', sharing, inode] = /^(\w+)-(\w+) ...(.) \w+ \S+ (\d+)/.exec(line) ?? [];
      return Number.parseInt(from, 16) <= at && at < Number.parseInt(to, 16) && sharing === 'p' && inode === '0';
    });
}

/**
 * The pages that the process has for itself, in runs. A page that it has only read is the kernel's page of zeroes, which is nobody's own: a
 * destination has read every page that came as zeroes. Where the kernel has merged equal pages of processes, these are read too.
 */
function ownedRuns(pid: number, at: number, bytes: number): { from: number; to: number }[] {
  using map = open(`/proc/${pid}/pagemap`);
  const entries = Buffer.alloc((bytes / pageBytes) * 8);
  map.read(entries, (at / pageBytes) * 8);
  const upper = new Uint32Array(entries.buffer, entries.byteOffset, entries.length / 4);
  const wanted = mergedPages() === 0 ? own : own | present;
  const runs: { from: number; to: number }[] = [];
  for (let page = 0; page * pageBytes < bytes; page += 1) {
    if (((upper[2 * page + 1] ?? 0) & wanted) === 0) continue;
    const from = page * pageBytes;
    const last = runs.at(-1);
    if (last && from - last.to <= gapBytes) last.to = from + pageBytes;
    else runs.push({ from, to: from + pageBytes });
  }
  return runs;
}

/** Pages that the kernel keeps for several processes at once (Linux Documentation/admin-guide/mm/ksm.rst); 0 where it cannot. */
function mergedPages(): number {
  try {
    return Number(readFileSync('/sys/kernel/mm/ksm/pages_shared', 'latin1'));
  } catch {
    return 0;
  }
}

interface OpenFile extends Disposable {
  /** Fills the block from a position on; throws with a code where the host gives less. */
  read(block: Buffer, position: number): void;
}

function open(path: string): OpenFile {
  const file = openSync(path, 'r');
  return {
    read(block, position) {
      const count = readSync(file, block, 0, block.length, position);
      if (count !== block.length) throw refused(`the host read ${count} of ${block.length} bytes of ${path}`);
    },
    [Symbol.dispose]: () => closeSync(file),
  };
}

function refused(message: string): Error {
  return Object.assign(new Error(message), { code: 'EIO' });
}

async function readSaved(machine: Machine, { base, bytes }: GuestRam, take: Take): Promise<void> {
  const filename = join(machine.options.folder, `${machine.label}.ram`);
  try {
    await machine.qmp.execute('pmemsave', { val: base, size: bytes, filename });
    const saved = readFileSync(filename);
    // On a PC addresses from 640 KiB to 1 MiB lead to video memory and ROM, whatever RAM lies under them.
    if (machine.spec.build.arch === 'x86_64') saved.fill(0, 0xa0000, 0x100000);
    take(0, saved);
  } finally {
    rmSync(filename, { force: true });
  }
}
