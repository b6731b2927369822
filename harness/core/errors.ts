/** What a caller can do about an error, as a stable word; scripts and reports match on it, never on the message. */
export type ErrorCode =
  | 'connect'
  | 'state'
  | 'execute'
  | 'execute-interrupted'
  | 'protocol'
  | 'launch'
  | 'exited'
  | 'wait-timeout'
  | 'wait-impossible'
  | 'guest'
  | 'build'
  | 'stream'
  | 'usage';

/** The root of every error Godwit throws: one sentence of facts, a stable `code`, and the facts again as `data`. */
export class GodwitError extends Error {
  readonly code: ErrorCode;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: { data?: Record<string, unknown>; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.data = options.data ?? {};
  }
}

type Details = { data?: Record<string, unknown>; cause?: unknown };

/** A socket could not be opened, or closed under whoever was using it. */
export class ConnectError extends GodwitError {
  constructor(message: string, details: Details = {}) {
    super('connect', message, details);
  }
}

/** Something was asked of an object that is not in the state for it (a process that has exited, a closed client). */
export class StateError extends GodwitError {
  constructor(message: string, details: Details = {}) {
    super('state', message, details);
  }
}

/** The peer sent something that its protocol does not allow. */
export class ProtocolError extends GodwitError {
  constructor(message: string, details: Details = {}) {
    super('protocol', message, details);
  }
}

/** A QEMU process did not come up: the message holds its exit status and the end of its log, `data` its command line. */
export class LaunchError extends GodwitError {
  constructor(message: string, details: Details = {}) {
    super('launch', message, details);
  }
}

/** A QEMU that was up has ended while something was awaited of it. */
export class ExitedError extends GodwitError {
  constructor(message: string, details: Details = {}) {
    super('exited', message, details);
  }
}

/** The deadline passed before the goal was seen; the message says what was awaited and what was seen last. */
export class WaitTimeoutError extends GodwitError {
  constructor(message: string, details: Details = {}) {
    super('wait-timeout', message, details);
  }
}

/** A state was seen from which the awaited goal can never be reached. */
export class WaitImpossibleError extends GodwitError {
  constructor(message: string, details: Details = {}) {
    super('wait-impossible', message, details);
  }
}

/** A guest did not do what it was asked to do. */
export class GuestError extends GodwitError {
  constructor(message: string, details: Details = {}) {
    super('guest', message, details);
  }
}

/** A QEMU build could not be found, fetched, verified or probed. */
export class BuildError extends GodwitError {
  constructor(message: string, details: Details = {}) {
    super('build', message, details);
  }
}

/** A commit does not compile, which is a fact about the commit and not about the host; `data` holds the path of its log and the last lines. */
export class CompileError extends BuildError {}

/** The user asked for something that does not exist or does not fit: the message names the value and what is accepted. */
export class UsageError extends GodwitError {
  constructor(message: string, details: Details = {}) {
    super('usage', message, details);
  }
}

/** The message of anything that was thrown, as one line. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
