import { expect, scenario } from 'godwit';
import { tcgDirtyBitmap, tcgDirtyBlock, virtioQueueSize } from './known-issues.js';
import { onLinuxMachine } from './linux-machine.js';

const pageKiB = 4;
const loadMiB = 8;

/** Prints how many pages are free of those that can be moved: memory that was plugged in is all that there is of them. */
const freePages = `awk '/zone +Movable/ { its = 1 } its && $1 == "nr_free_pages" { print $2; exit }' /proc/zoneinfo`;

scenario('Linux: hotplugged CPU and DIMM', {
  ...onLinuxMachine,
  known: [tcgDirtyBitmap, tcgDirtyBlock, virtioQueueSize()],
  skip({ route: [source] }) {
    return source?.version.major === 5 ? 'Linux 6.1 does not find a CPU that is plugged into QEMU 5.2' : undefined;
  },
  async body({ guest, migrate }) {
    const cpu = await guest.hotplugCpu();
    await guest.hotplugMemory('dimm0', 128);
    const free = Number(await guest.sh(freePages));
    const load = await guest.loadMemory(loadMiB);
    expect(free - Number(await guest.sh(freePages)), 'pages of the DIMM in use').to.be.above(pagesOf(loadMiB));
    expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    await load.rounds(1);
    await load.verify();
    expect(await guest.sh('nproc'), 'processors').to.equal('2');
    const ran = await guest.sh(`taskset ${(1 << cpu).toString(16)} cut -d ' ' -f 39 /proc/self/stat`);
    expect(Number(ran), 'the processor that a program pinned to it ran on').to.equal(cpu);
  },
});

scenario('Linux: memory of virtio-mem, grown and shrunk', {
  guest: 'linux',
  machines: 'pc-q35-*',
  devices: `
    -m maxmem=1G
    -object memory-backend-ram,id=more,size=256M
    -device virtio-mem-pci,id=mem0,memdev=more
  `,
  known: [tcgDirtyBitmap, tcgDirtyBlock, virtioQueueSize()],
  async body({ guest, migrate }) {
    await guest.resizeMemory('mem0', 128);
    const free = Number(await guest.sh(freePages));
    const load = await guest.loadMemory(loadMiB);
    expect(free - Number(await guest.sh(freePages)), 'pages of virtio-mem in use').to.be.above(pagesOf(loadMiB));
    expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    await load.rounds(1);
    await load.verify();
    await guest.resizeMemory('mem0', 0);
  },
});

function pagesOf(mebibytes: number): number {
  return (mebibytes * 1024) / pageKiB;
}
