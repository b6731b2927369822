import { join } from 'node:path';
import type { Build } from '../build/build.js';
import { relyOnProcessGroup } from '../build/child.js';
import { resolveBuild } from '../build/resolve.js';
import { messageOf, StateError } from '../core/errors.js';
import { Machine } from '../machine/machine.js';
import type { CellResult, PlannedCell } from '../record/events.js';
import type { Scenario } from '../scenario/definition.js';
import { loadScenarios } from '../scenario/load.js';
import { runCell } from '../scenario/run-cell.js';
import { acceleratorFor } from './accelerator.js';
import type { FromWorker, ToWorker, WorkerSetup } from './messages.js';

/** One process that runs one cell at a time, told by its parent over IPC. It ends with its parent, and its QEMUs end with it. */
class Worker {
  private readonly scenarios = new Map<string, Scenario>();
  private readonly builds = new Map<string, Promise<Build>>();

  private constructor(private readonly setup: WorkerSetup) {}

  static async prepare(setup: WorkerSetup): Promise<Worker> {
    const worker = new Worker(setup);
    for (const scenario of await loadScenarios(setup.files)) worker.scenarios.set(scenario.title, scenario);
    return worker;
  }

  async run(cell: PlannedCell, folder: string): Promise<CellResult> {
    const scenario = this.scenarios.get(cell.scenario);
    if (!scenario) throw new StateError(`the worker has no scenario '${cell.scenario}'`);
    const route = await Promise.all(cell.route.map((name) => this.build(name)));
    return runCell({
      scenario,
      route,
      ...(cell.variation && { variation: cell.variation }),
      machineType: cell.machineType,
      options: cell.options,
      accel: acceleratorFor(route, this.setup.accel),
      guests: this.setup.guests,
      logFolder: join(this.setup.output, folder),
      temporaryFolder: this.setup.temporaryFolder,
      knownIssues: this.setup.knownIssues,
    });
  }

  /** A build of the cache, asked for once: a search names new ones as it goes on. */
  private build(name: string): Promise<Build> {
    const known = this.builds.get(name) ?? resolveBuild(name, { fetch: false, compile: this.setup.compile });
    this.builds.set(name, known);
    return known;
  }
}

let worker: Worker | undefined;

async function onMessage(message: ToWorker): Promise<void> {
  if (message.kind === 'setup') {
    worker = await Worker.prepare(message.setup);
    return send({ kind: 'ready' });
  }
  if (!worker) throw new StateError('the worker was given a cell before its setup');
  const result = await worker.run(message.cell, message.folder);
  send({ kind: 'finished', cell: message.cell.id, result: { ...result, folder: message.folder } });
}

function send(message: FromWorker): void {
  process.send?.(message);
}

process.on('message', (message: ToWorker) => {
  onMessage(message).catch((thrown: unknown) => send({ kind: 'unusable', reason: messageOf(thrown) }));
});
relyOnProcessGroup();
// The parent is gone, however it went: nothing here may outlive it.
process.on('disconnect', () => process.exit());
process.on('exit', () => Machine.killAll());
