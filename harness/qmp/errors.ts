import { GodwitError } from '../core/errors.js';

/** QMP said no: `errorClass` and `description` are QEMU's own. */
export class ExecuteError extends GodwitError {
  constructor(
    readonly command: string,
    readonly errorClass: string,
    readonly description: string,
  ) {
    super('execute', `${command}: ${description}`, { data: { command, errorClass, description } });
  }
}

/** The connection ended before the answer came: nobody can know whether the command was carried out. */
export class ExecuteInterruptedError extends GodwitError {
  constructor(
    readonly command: string,
    reason: string,
    cause?: unknown,
  ) {
    super('execute-interrupted', `${command} was sent, and ${reason} before the answer came`, {
      data: { command },
      cause,
    });
  }
}
