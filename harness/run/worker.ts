import { join } from 'node:path';
import type { Build } from '../build/build.js';
import { relyOnProcessGroup } from '../build/child.js';
import { probed } from '../build/resolve.js';
import { Deadline } from '../core/deadline.js';
import { BuildError, messageOf, StateError } from '../core/errors.js';
import { Machine } from '../machine/machine.js';
import type { CellResult } from '../record/events.js';
import type { Scenario } from '../scenario/definition.js';
import { loadScenarios } from '../scenario/load.js';
import { runCell } from '../scenario/run-cell.js';
import { acceleratorFor } from './accelerator.js';
import type { CellOrder, FoundBuild, FromWorker, ToWorker, WorkerSetup } from './messages.js';

/** Milliseconds for a build whose answers are in the cache, or that is asked again. */
const probeMs = 60_000;

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

  async run({ cell, builds, folder }: CellOrder): Promise<CellResult> {
    const scenario = this.scenarios.get(cell.scenario);
    if (!scenario) throw new StateError(`the worker has no scenario '${cell.scenario}'`);
    const found = new Map(builds.map((build) => [build.name, build]));
    const route = await Promise.all(cell.route.map((name) => this.build(name, found.get(name))));
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

  /** A build as the run has found it, asked what it is once. Throws BuildError when its binary is another one by now. */
  private build(name: string, found: FoundBuild | undefined): Promise<Build> {
    if (!found) throw new StateError(`the worker has no build '${name}'`);
    const known = this.builds.get(found.sha256 + name) ?? sameBuild(found);
    this.builds.set(found.sha256 + name, known);
    return known;
  }
}

async function sameBuild({ sha256, ...located }: FoundBuild): Promise<Build> {
  const build = await probed(located, { deadline: Deadline.after(probeMs) });
  if (build.sha256 === sha256) return build;
  throw new BuildError(`${build.name} was changed while the run went on: ${build.binary} is another binary now`);
}

let worker: Worker | undefined;

async function onMessage(message: ToWorker): Promise<void> {
  if (message.kind === 'setup') {
    worker = await Worker.prepare(message.setup);
    return send({ kind: 'ready' });
  }
  if (!worker) throw new StateError('the worker was given a cell before its setup');
  const result = await worker.run(message.order);
  const { cell, folder } = message.order;
  send({ kind: 'finished', cell: cell.id, result: { ...result, folder } });
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
