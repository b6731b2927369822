import { hex } from '../../core/hex.js';
import { type Command, command, firstOwnOpcode } from './protocol.js';

/** The commands that only a payload guest for arm64 knows. */
export const aarch64Commands = {
  /** As `setRange`, of pages that nobody has written yet: nothing there tells the guest how much RAM it has. 0. */
  begin: (first: number, bytes: number): Command =>
    command(`to walk ${bytes} untouched bytes from ${hex(first)}`, firstOwnOpcode, first, bytes),
};
