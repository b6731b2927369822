import type { Duplex } from 'node:stream';
import { StateError } from '../core/errors.js';
import type { Machine } from '../machine/machine.js';

/** The host's end of a machine's first serial port, on which its guest is spoken to. Throws StateError that says for whom ("SLOF") there is none. */
export function firstSerial({ serials: [wire], label }: Machine, whose: string): Duplex {
  if (wire) return wire;
  throw new StateError(`the ${label} QEMU has no serial port for ${whose}`);
}
