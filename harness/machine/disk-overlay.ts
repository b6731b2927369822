import { closeSync, openSync, readSync, statSync } from 'node:fs';
import type { Build } from '../build/build.js';
import type { Deadline } from '../core/deadline.js';
import { UsageError } from '../core/errors.js';
import { isEvent } from '../qmp/messages.js';
import { Machine } from './machine.js';

export interface OverlayWish {
  /** The disk image that is to stay as it is: raw or qcow2. */
  disk: string;
  /** The qcow2 image to make, which keeps what is written. */
  path: string;
  /** Private folder for sockets. */
  folder: string;
  logFolder: string;
  deadline: Deadline;
}

/**
 * Makes an image that reads as a disk and can be written to, by a QEMU of the build itself: no package brings its tools along with it.
 * Some 60 ms. Throws UsageError for a disk that QEMU cannot use.
 */
export async function overlayDisk(build: Build, { disk, path, ...options }: OverlayWish): Promise<void> {
  await using machine = await Machine.launch(
    { build, machineType: 'none', accel: 'tcg', memoryMiB: 16, words: [], incoming: false },
    { label: 'disk', ...options },
  );
  const { format, bytes } = describe(disk);
  await create(machine, { driver: 'file', filename: path, size: 0 }, options.deadline);
  await machine.qmp.execute<string>('blockdev-add', { driver: 'file', filename: path, 'node-name': 'overlay' });
  const qcow2 = { driver: 'qcow2', file: 'overlay', size: bytes, 'backing-file': disk, 'backing-fmt': format };
  await create(machine, qcow2, options.deadline);
}

/** Creates one layer of an image; a job of QEMU's, which says why it failed only until it is dismissed. */
async function create({ qmp, events }: Machine, options: object, deadline: Deadline): Promise<void> {
  const id = 'create';
  const concluded = events.until({
    what: 'the disk overlay',
    goal: (event) => (isEvent(event, 'JOB_STATUS_CHANGE') && event.data.status === 'concluded' ? true : undefined),
    deadline,
  });
  await qmp.execute<string>('blockdev-create', { 'job-id': id, options });
  await concluded;
  const [job] = (await qmp.execute<string>('query-jobs')) as { error?: string }[];
  await qmp.execute<string>('job-dismiss', { id });
  if (job?.error !== undefined) throw new UsageError(`QEMU could not make an overlay for the disk: ${job.error}`);
}

/** qcow2 begins with `QFI\\xfb`, and has its size at byte 24 (QEMU docs/interop/qcow2.rst); anything else is taken as raw. */
function describe(disk: string): { format: 'raw' | 'qcow2'; bytes: number } {
  const header = Buffer.alloc(32);
  const file = openSync(disk, 'r');
  readSync(file, header, 0, header.length, 0);
  closeSync(file);
  if (header.readUInt32BE(0) === 0x514649fb) return { format: 'qcow2', bytes: Number(header.readBigUInt64BE(24)) };
  return { format: 'raw', bytes: statSync(disk).size };
}
