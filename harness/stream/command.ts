import type { Reading, StreamBytes } from './bytes.js';
import { StreamError } from './errors.js';

/** A command in the stream. Source: QEMU 5.2–10.0 migration/savevm.c, enum qemu_vm_cmd. */
export interface StreamCommand {
  /** As QEMU names it, in lower case: 'postcopy-advise'. */
  name: string;
  offset: number;
  /** The command's data; of a package, the 4 bytes of its length. */
  data: Buffer;
}

const names: Readonly<Record<number, string>> = {
  1: 'open-return-path',
  2: 'ping',
  3: 'postcopy-advise',
  4: 'postcopy-listen',
  5: 'postcopy-run',
  6: 'postcopy-ram-discard',
  7: 'packaged',
  8: 'enable-colo',
  9: 'postcopy-resume',
  10: 'recv-bitmap',
  11: 'switchover-start',
};

/** Reads a command from after its type byte; throws StreamError when it is none that QEMU sends. */
export function* readCommand(bytes: StreamBytes, offset: number): Reading<StreamCommand> {
  const number = yield* bytes.u16('the number of a command');
  const name = names[number];
  if (name === undefined)
    throw new StreamError(offset, `a command was expected, and there is none with the number ${number}`);
  const length = yield* bytes.u16(`the length of the command ${name}`);
  if (name === 'packaged' && length !== 4)
    throw new StreamError(offset, `a package with a length of 4 bytes was expected, and this has ${length}`);
  return { name, offset, data: yield* bytes.take(length, `the data of the command ${name}`) };
}
