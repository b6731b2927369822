import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { tied } from '../build/child.js';
import { within } from '../core/within.js';
import type { SweptFolder } from '../machine/private-folder.js';
import type { CellResult } from '../record/events.js';
import type { CellOrder, FromWorker, ToWorker, WorkerSetup } from './messages.js';

const compiled = import.meta.url.endsWith('.js');
const script = fileURLToPath(new URL(compiled ? './worker.js' : './worker.ts', import.meta.url));
/** Milliseconds that a worker may take to load builds and scenarios. */
const prepareMs = 60_000;
/** Milliseconds beyond its own deadline after which a cell's worker counts as stuck: a body that never returns to the event loop. */
export const defaultGraceMs = 30_000;
/** Milliseconds that the output of a worker that has ended may still take to arrive; a process that it left may hold it for ever. */
const lastWordsMs = 500;
/** Bytes of a worker's own output that are kept to explain its death. */
const keptOutput = 4000;

/** Room for what a cell leaves behind: most of it is gone before it would be moved. */
const youngGeneration = '--max-semi-space-size=16';

/** The parent's view of one worker. */
export class WorkerProcess {
  private readonly child: ChildProcess;
  private readonly exited: Promise<unknown>;
  private output = '';
  private answer: ((message: FromWorker) => void) | undefined;

  constructor(
    readonly number: number,
    private readonly setup: WorkerSetup,
    private readonly folder: SweptFolder,
  ) {
    // A worker that is stuck in a scenario's own loop does not hear of its parent's end: the kernel ends it.
    const [execPath, ...execArgv] = tied([process.execPath, youngGeneration, ...(compiled ? [] : ['--import', 'tsx'])]);
    // It leads a process group, in which its QEMUs are: whoever outlives it ends them all by that.
    this.child = fork(script, [], { silent: true, detached: true, execPath, execArgv });
    if (this.child.pid !== undefined) folder.watchGroup(this.child.pid);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.output = (this.output + chunk.toString()).slice(-keptOutput)));
    }
    this.child.on('message', (message) => this.answer?.(message as FromWorker));
    const silent = once(this.child, 'close').catch(() => undefined);
    // One that could not be started has ended, too. What it said last arrives after its end.
    const ended = once(this.child, 'exit').catch(() => undefined);
    this.exited = ended.then(() => {
      this.endGroup();
      return within(silent, lastWordsMs);
    });
    this.child.on('error', (error) => (this.output += error.message));
  }

  /** Loads scenarios and builds. Returns why it cannot, if it cannot. */
  async prepare(): Promise<string | undefined> {
    const answer = await this.ask({ kind: 'setup', setup: this.setup }, prepareMs);
    if (answer?.kind === 'ready') return undefined;
    return answer?.kind === 'unusable' ? answer.reason : this.lastWords();
  }

  /** Runs a cell; a worker that dies or does not answer in `timeoutMs` gives a `broken` result, and must be replaced. */
  async run(order: CellOrder, timeoutMs: number): Promise<{ result: CellResult; usable: boolean }> {
    const startedMs = performance.now();
    const answer = await this.ask({ kind: 'run', order }, timeoutMs);
    if (answer?.kind === 'finished') return { result: answer.result, usable: true };
    // What it was before we end it.
    const reason = answer?.kind === 'unusable' ? answer.reason : this.lastWords(timeoutMs);
    await this.end();
    return { result: brokenResult(reason, performance.now() - startedMs, order.folder), usable: false };
  }

  /** Ends the process and whatever it runs. */
  async end(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.exited;
  }

  /** Ends what a worker that has ended left running. */
  private endGroup(): void {
    const { pid } = this.child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // Nobody is left in it.
    }
    this.folder.forgetGroup(pid);
  }

  /** Sends a message and resolves with the answer; undefined when the process died or did not answer in time. */
  private async ask(message: ToWorker, timeoutMs: number): Promise<FromWorker | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const answered = new Promise<FromWorker | undefined>((resolve) => {
      this.answer = resolve;
      timer = setTimeout(() => resolve(undefined), timeoutMs);
      void this.exited.then(() => resolve(undefined));
      // A channel that is closed already belongs to a process that is about to end.
      this.child.send(message, () => undefined);
    });
    try {
      return await answered;
    } finally {
      clearTimeout(timer);
      this.answer = undefined;
    }
  }

  private lastWords(timeoutMs = prepareMs): string {
    const { exitCode, signalCode } = this.child;
    const how = signalCode
      ? `was ended by ${signalCode}`
      : exitCode === null
        ? `did not answer within ${timeoutMs} ms`
        : `exited with status ${exitCode}`;
    const said = this.output.trim();
    return `the worker process ${how}${said === '' ? '' : `: ${said}`}`;
  }
}

/** The result of a cell that was never judged. */
export function brokenResult(reason: string, durationMs: number, folder?: string): CellResult {
  return {
    verdict: 'broken',
    reason,
    findings: [],
    outcomes: [],
    durationMs,
    phasesMs: {},
    accel: '',
    rssBytes: 0,
    ...(folder !== undefined && { folder }),
  };
}
