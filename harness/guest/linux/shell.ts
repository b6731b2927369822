import type { Deadline } from '../../core/deadline.js';
import type { Machine } from '../../machine/machine.js';
import type { CommandResult } from './session/session.js';

/** A shell in a guest, and the machine that it is on now: what actions of a Linux guest are made of. */
export interface GuestShell {
  readonly machine: Machine;
  readonly deadline: Deadline;
  run(command: string): Promise<CommandResult>;
  /** The output of a command that must succeed, without its last line feed. */
  sh(command: string): Promise<string>;
  /** Waits until a test of the shell holds; `what` names it in the error. */
  until(test: string, what: string): Promise<void>;
}

/** A word of the guest's shell that means nothing but itself. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
