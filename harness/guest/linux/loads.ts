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
    await guest.sh(
      `rm -f /tmp/disk.*; block() { yes "godwit $1" | head -c ${blockKiB * 1024}; }; ` +
        `( n=0; while [ ! -e /tmp/disk.stop ]; do n=$((n + 1)); ` +
        `block $n | dd of=${quoted(disk)} bs=${blockKiB}k seek=$((n % ${blocks})) conv=notrunc,fsync iflag=fullblock 2>/tmp/disk.said ` +
        `|| { cat /tmp/disk.said > /tmp/disk.failed; break; }; echo $n > /tmp/disk.new; mv /tmp/disk.new /tmp/disk.count; done; ` +
        `: > /tmp/disk.over ) < /dev/null > /dev/null 2>&1 &`,
    );
    await load.writes(1);
    return load;
  }

  /** Waits until so many more blocks are on the disk. */
  async writes(count: number): Promise<void> {
    const from = Number(await this.guest.sh('cat /tmp/disk.count 2>/dev/null || echo 0'));
    const now = '"$(cat /tmp/disk.count 2>/dev/null || echo 0)"';
    await this.guest.until(
      `[ ${now} -ge ${from + count} -o -e /tmp/disk.over ]`,
      `${count} more blocks on ${this.disk}`,
    );
    await this.check();
  }

  /** Stops writing and reads all back from the disk itself. Throws GuestError naming the blocks that do not hold what was written last. */
  async verify(): Promise<void> {
    await this.guest.sh(': > /tmp/disk.stop');
    await this.guest.until('[ -e /tmp/disk.over ]', `the last write to ${this.disk}`);
    await this.check();
    const wrong = await this.guest.sh(
      `sync; echo 3 > /proc/sys/vm/drop_caches; n=$(cat /tmp/disk.count); i=$((n > ${blocks} ? n - ${blocks} : 0)); ` +
        `while [ $i -lt $n ]; do i=$((i + 1)); s=$((i % ${blocks})); ` +
        `dd if=${quoted(this.disk)} bs=${blockKiB}k skip=$s count=1 2>/dev/null > /tmp/disk.read; ` +
        `block $i | cmp -s - /tmp/disk.read || echo "block $s: '$(head -n 1 /tmp/disk.read | head -c 40)' and not 'godwit $i'"; done`,
    );
    if (wrong !== '')
      throw new GuestError(`${this.disk} does not hold what was written to it: ${wrong.replaceAll('\n', '; ')}`);
  }

  private async check(): Promise<void> {
    const failed = await this.guest.sh('cat /tmp/disk.failed 2>/dev/null || :');
    if (failed !== '') throw new GuestError(`writing to ${this.disk} failed in the guest: ${failed}`);
  }
}

/** Memory that is copied to and fro all the time, and compared each time. */
export class MemoryLoad {
  private constructor(private readonly guest: GuestShell) {}

  static async start(guest: GuestShell, mebibytes: number): Promise<MemoryLoad> {
    const load = new MemoryLoad(guest);
    await guest.sh(
      `mkdir -p /tmp/load && mount -t tmpfs -o size=${2 * mebibytes + 8}m none /tmp/load && ` +
        `head -c ${mebibytes}m /dev/urandom > /tmp/load/a && sum=$(md5sum < /tmp/load/a); ` +
        `( n=0; while [ ! -e /tmp/load/stop ]; do cat /tmp/load/a > /tmp/load/b; cmp /tmp/load/a /tmp/load/b > /tmp/load/said 2>&1 ` +
        `|| { mv /tmp/load/said /tmp/load/failed; break; }; cat /tmp/load/b > /tmp/load/a; n=$((n + 1)); echo $n > /tmp/load/new; ` +
        `mv /tmp/load/new /tmp/load/count; done; : > /tmp/load/over ) < /dev/null > /dev/null 2>&1 &`,
    );
    await load.rounds(1);
    return load;
  }

  /** Waits until all of it was copied so many more times. */
  async rounds(count: number): Promise<void> {
    const from = Number(await this.guest.sh('cat /tmp/load/count 2>/dev/null || echo 0'));
    const now = '"$(cat /tmp/load/count 2>/dev/null || echo 0)"';
    await this.guest.until(
      `[ ${now} -ge ${from + count} -o -e /tmp/load/over ]`,
      `${count} more rounds over its memory`,
    );
    await this.check();
  }

  /** Stops copying. Throws GuestError when a copy was not what it was copied from, or the last is not what the first was. */
  async verify(): Promise<void> {
    await this.guest.sh(': > /tmp/load/stop');
    await this.guest.until('[ -e /tmp/load/over ]', 'the last copy of its memory');
    await this.check();
    const same = await this.guest.sh('[ "$(md5sum < /tmp/load/a)" = "$sum" ] && echo same || echo other');
    await this.guest.sh('umount /tmp/load');
    if (same !== 'same')
      throw new GuestError('memory that the guest has copied to and fro is not what it was at first');
  }

  private async check(): Promise<void> {
    const failed = await this.guest.sh('cat /tmp/load/failed 2>/dev/null || :');
    if (failed !== '') throw new GuestError(`a copy of memory differs in the guest: ${failed}`);
  }
}
