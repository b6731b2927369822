import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import tmp from 'tmp';
import type { CellResult } from '../../../harness/record/events.js';
import type { ScenarioDefinition } from '../../../harness/scenario/definition.js';
import type { GuestKind } from '../../../harness/scenario/guests.js';
import { type CellPlan, runCell } from '../../../harness/scenario/run-cell.js';
import { type Suite, suiteFor } from '../support/launchpad.js';

/** Ids of the processes whose command line names `text`: a folder that only one test uses. */
export function processesNaming(text: string): number[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) return [];
    try {
      return readFileSync(`/proc/${entry}/cmdline`, 'utf8').includes(text) ? [Number(entry)] : [];
    } catch {
      // It ended while we looked.
      return [];
    }
  });
}

/** A folder for logs and one for sockets; disposing removes both. */
export class Stage implements Disposable {
  private readonly folder = tmp.dirSync({ unsafeCleanup: true });
  readonly logs = join(this.folder.name, 'logs');
  private readonly sockets = tmp.dirSync({ dir: this.folder.name, name: 's' });

  /** Runs one cell: bookworm to bookworm on pc-q35-7.2, unless given otherwise. */
  async play<K extends GuestKind = 'scripted'>(
    definition: Partial<ScenarioDefinition<K>> & Pick<ScenarioDefinition<K>, 'body'>,
    { arch = 'x86_64', ...given }: Partial<Omit<CellPlan, 'route'>> & { route?: Suite[]; arch?: string } = {},
  ): Promise<CellResult> {
    const route = await Promise.all((given.route ?? ['bookworm', 'bookworm']).map((name) => suiteFor(name, arch)));
    return runCell({
      scenario: { machines: '*', title: 'a scenario', file: 'a.scenario.ts', ...definition },
      ...{ machineType: 'pc-q35-7.2', options: {}, accel: 'tcg', guests: { cold: false }, knownIssues: true },
      ...{ logFolder: this.logs, temporaryFolder: this.sockets.name },
      ...given,
      route,
    });
  }

  log(file: string): string {
    return readFileSync(join(this.logs, file), 'utf8');
  }

  /** What a cell should not leave: processes that name its folders, and files where its sockets were. */
  leftovers(): (string | number)[] {
    return [...processesNaming(this.folder.name), ...readdirSync(this.sockets.name)];
  }

  [Symbol.dispose](): void {
    this.folder.removeCallback();
  }
}
