import { GuestError } from '../../core/errors.js';
import { type GuestShell, quoted } from './shell.js';

/** KiB of one block that is written at once, and how many of them the disk is written in. */
const blockKiB = 64;
const blocks = 16;

/**
 * A disk that is written all the time: block after block, each filled with the count of its last writing. A block that is older than
 * the count says was lost.
 */
export class DiskLoad {
  private constructor(
    private readonly guest: GuestShell,
    private readonly disk: string,
  ) {}

  /** @param disk path in the guest; at least 1 MiB, and what is on it is lost. */
  static async start(guest: GuestShell, disk: string): Promise<DiskLoad> {
    const load = new DiskLoad(guest, disk);
    // No child of the session's shell, here and below: busybox's ash may take a child's end for the end of its input, when it reads just then.
    await guest.sh(
      `rm -f /tmp/disk.*; echo 0 > /tmp/disk.count; block() { yes "godwit $1" | head -c ${blockKiB * 1024}; }; ` +
        `( ( n=0; while [ ! -e /tmp/disk.stop ]; do n=$((n + 1)); ` +
        `block $n | dd of=${quoted(disk)} bs=${blockKiB}k seek=$((n % ${blocks})) conv=notrunc,fsync iflag=fullblock 2>/tmp/disk.said ` +
        `|| { cat /tmp/disk.said > /tmp/disk.failed; break; }; echo $n > /tmp/disk.count; done; ` +
        `: > /tmp/disk.over ) < /dev/null > /dev/null 2>&1 & )`,
    );
    await load.writes(1);
    return load;
  }

  /** Waits until so many more blocks are on the disk. */
  async writes(count: number): Promise<void> {
    await counted(this.guest, '/tmp/disk.', { count, what: `${count} more blocks on ${this.disk}` });
    await this.check();
  }

  /**
   * Stops writing and reads all back from the disk itself. What is returned is all that there is on the disk now, up to its last block that was
   * written. Throws GuestError naming the blocks that do not hold what was written last.
   */
  async verify(): Promise<Buffer> {
    await this.guest.sh(': > /tmp/disk.stop');
    await this.guest.until('[ -e /tmp/disk.over ]', `the last write to ${this.disk}`);
    await this.check();
    const wrong = await this.guest.sh(
      `sync; echo 3 > /proc/sys/vm/drop_caches; n=$(cat /tmp/disk.count); i=$((n > ${blocks} ? n - ${blocks} : 0)); ` +
        `while [ $i -lt $n ]; do i=$((i + 1)); s=$((i % ${blocks})); ` +
        `dd if=${quoted(this.disk)} bs=${blockKiB}k skip=$s count=1 2>/dev/null > /tmp/disk.read; ` +
        `block $i | cmp -s - /tmp/disk.read || echo "block $s begins with '$(head -n 1 /tmp/disk.read | head -c 40)' and is not 'godwit $i' throughout"; done`,
    );
    if (wrong !== '')
      throw new GuestError(`${this.disk} does not hold what was written to it: ${wrong.replaceAll('\n', '; ')}`);
    return contentAfter(Number(await this.guest.sh('cat /tmp/disk.count')));
  }

  private async check(): Promise<void> {
    const failed = await this.guest.sh('[ ! -e /tmp/disk.failed ] || cat /tmp/disk.failed');
    if (failed !== '') throw new GuestError(`writing to ${this.disk} failed in the guest: ${failed}`);
  }
}

/**
 * Memory that is written over and over, in place, by one of two contents in turn, and checked by its digest each time: a page that is older
 * than the round holds the other content, and the contents themselves never change.
 */
export class MemoryLoad {
  private constructor(private readonly guest: GuestShell) {}

  /** @param mebibytes of the memory that is written; it takes three times as much. */
  static async start(guest: GuestShell, mebibytes: number): Promise<MemoryLoad> {
    const load = new MemoryLoad(guest);
    // Random bytes alone would be as good, and ten times as slow to come by; after an odd number of them no page is like another one.
    await guest.sh(
      `mkdir -p /tmp/load && mount -t tmpfs -o size=${3 * mebibytes + 8}m none /tmp/load && cd /tmp/load && ` +
        'fill() { { head -c $1 /dev/urandom; while cat /bin/busybox; do :; done; } 2>/dev/null | ' +
        `head -c ${mebibytes}m > $2 && md5sum < $2 > $2.sum; }; fill 100001 a && fill 100003 b && echo 0 > count && : > w && cd /root`,
    );
    await guest.sh(
      '( ( cd /tmp/load; same() { md5sum < $1 > sum && cmp -s sum $2.sum || echo "$1 of round $n" > failed; }; n=0; f=a; o=b; ' +
        'while [ ! -e stop -a ! -e failed ]; do n=$((n + 1)); cat $f 1<> w; same w $f; echo $n > count; t=$f; f=$o; o=$t; done; ' +
        'same a a; same b b; : > over ) < /dev/null > /dev/null 2>&1 & )',
    );
    await load.rounds(1);
    return load;
  }

  /** Waits until all of it was written so many more times. */
  async rounds(count: number): Promise<void> {
    await counted(this.guest, '/tmp/load/', { count, what: `${count} more rounds over its memory` });
    await this.check();
  }

  /** Stops writing. Throws GuestError when memory was not what was written to it, now or in any round. */
  async verify(): Promise<void> {
    await this.guest.sh(': > /tmp/load/stop');
    await this.guest.until('[ -e /tmp/load/over ]', 'the last round over its memory');
    await this.check();
    await this.guest.sh('umount /tmp/load');
  }

  private async check(): Promise<void> {
    const failed = await this.guest.sh('[ ! -e /tmp/load/failed ] || cat /tmp/load/failed');
    if (failed !== '') throw new GuestError(`memory of the guest is not what the guest wrote: found in ${failed}`);
  }
}

/**
 * Waits until the count that a load keeps in a file is so much higher than now, or the load is over. It starts no process to look: under a load
 * each takes a guest without a CPU of its own ten milliseconds and more.
 */
function counted(guest: GuestShell, files: string, { count, what }: { count: number; what: string }): Promise<void> {
  // The count may be found empty, in the moment in which it is written.
  const known = `read c < ${files}count && [ -n "$c" ] && from="\${from:-$c}"`;
  return guest.until(`${known} && [ "$c" -ge $((from + ${count})) -o -e ${files}over ] && from=`, what);
}

/** What is on a disk from its start after so many blocks were written, the first at 1, and the place of the first again after the last place. */
function contentAfter(count: number): Buffer {
  const content = Buffer.alloc(blocks * blockKiB * 1024);
  for (let n = Math.max(1, count - blocks + 1); n <= count; n += 1)
    content.fill(`godwit ${n}\n`, (n % blocks) * blockKiB * 1024, ((n % blocks) + 1) * blockKiB * 1024);
  return content;
}
