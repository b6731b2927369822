import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { execa } from 'execa';
import tmp from 'tmp';
import { Deadline } from '../../../harness/core/deadline.js';
import { packageRoot } from '../../../harness/core/package-root.js';
import type { CellFinished, RecordEvent, RunFinished } from '../../../harness/record/events.js';
import type { Verdict } from '../../../harness/record/verdict.js';

const main = join(packageRoot, 'dist', 'harness', 'cli', 'main.js');
const patience = 60_000;

/** How a command ended. */
export interface Ended {
  exitCode: number | undefined;
  stdout: string;
  stderr: string;
}

/** A user's folder, from which 'godwit' can be imported, with a folder for temporary files of its own. */
export class Sandbox implements Disposable {
  private readonly folder = tmp.dirSync({ unsafeCleanup: true });
  private readonly temporary = join(this.folder.name, 't');

  /** @param patienceMs milliseconds that a command may take. */
  constructor(private readonly patienceMs = patience) {
    mkdirSync(this.temporary);
    mkdirSync(this.path('node_modules'));
    symlinkSync(packageRoot, this.path('node_modules', 'godwit'));
    writeFileSync(this.path('package.json'), '{"type":"module"}');
  }

  path(...parts: string[]): string {
    return join(this.folder.name, ...parts);
  }

  /** Writes NAME.scenario.js with scenarios by title: each the body of a function of the journey, on pc-q35-7.2 unless `more` says otherwise. */
  scenario(name: string, bodies: Record<string, string>, more = ''): string {
    const scenarios = Object.entries(bodies).map(
      ([title, body]) =>
        `scenario(${JSON.stringify(title)}, { machines: 'pc-q35-7.2', ${more} async body(journey) { ${body} } });`,
    );
    const imports = [
      "import { existsSync, readFileSync, writeFileSync } from 'node:fs';",
      "import { expect, scenario } from 'godwit';",
    ];
    writeFileSync(this.path(`${name}.scenario.js`), [...imports, ...scenarios].join('\n'));
    return `${name}.scenario.js`;
  }

  /** Starts `godwit WORDS` in the folder. */
  start(...words: string[]) {
    const env = { TMPDIR: this.temporary, NO_COLOR: '1' };
    return execa(process.execPath, [main, ...words], {
      reject: false,
      cwd: this.folder.name,
      env,
      timeout: this.patienceMs,
    });
  }

  async godwit(...words: string[]): Promise<Ended> {
    const { exitCode, stdout, stderr } = await this.start(...words);
    return { exitCode, stdout, stderr };
  }

  /** `godwit WORDS` with something on standard input. */
  async fed(input: Buffer | Readable, ...words: string[]): Promise<Ended> {
    const env = { TMPDIR: this.temporary, NO_COLOR: '1' };
    const options = { reject: false, cwd: this.folder.name, env, timeout: this.patienceMs } as const;
    const { exitCode, stdout, stderr } = await execa(process.execPath, [main, ...words], { ...options, input });
    return { exitCode, stdout, stderr };
  }

  /** `godwit run FILE` on trixie's QEMU alone. */
  run(file: string, ...words: string[]): Promise<Ended> {
    return this.godwit('run', file, '--source', 'deb:trixie', ...words);
  }

  /** Resolves when a file of that name is there. */
  async appearance(file: string): Promise<void> {
    const stop = new AbortController();
    try {
      await new Promise<void>((resolve, reject) => {
        const look = (): void => {
          if (existsSync(this.path(file))) resolve();
        };
        watch(this.folder.name, { signal: stop.signal }, look);
        setTimeout(() => reject(new Error(`${file} did not appear`)), patience).unref();
        look();
      });
    } finally {
      stop.abort();
    }
  }

  events(output = 'godwit-out'): RecordEvent[] {
    const lines = readFileSync(this.path(output, 'record.ndjson'), 'utf8').trimEnd().split('\n');
    return lines.map((line) => JSON.parse(line) as RecordEvent);
  }

  finished(output?: string): CellFinished[] {
    return this.events(output).filter((event) => event.event === 'cell-finished');
  }

  end(output?: string): RunFinished | undefined {
    return this.events(output).find((event) => event.event === 'run-finished');
  }

  verdicts(output?: string): Verdict[] {
    return this.finished(output).map(({ result }) => result.verdict);
  }

  /** Processes that were started in the sandbox: all inherit where temporary files go. */
  processes(): { pid: number; commandLine: string }[] {
    const wanted = `TMPDIR=${this.temporary}\0`;
    return readdirSync('/proc').flatMap((entry) => {
      try {
        if (!/^\d+$/.test(entry) || !readFileSync(`/proc/${entry}/environ`, 'utf8').includes(wanted)) return [];
        const commandLine = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return [{ pid: Number(entry), commandLine }];
      } catch {
        // It ended while we looked.
        return [];
      }
    });
  }

  /** What is left once it had `ms` milliseconds to go: processes, and temporary files of Godwit. */
  async leftovers(ms: number): Promise<string[]> {
    const deadline = Deadline.after(ms);
    for (;;) {
      const folders = readdirSync(this.temporary).filter((name) => name.startsWith('godwit'));
      const left = [...this.processes().map(({ commandLine }) => commandLine), ...folders];
      if (left.length === 0 || deadline.passed) return left;
      // Nobody is told of the end of a process that is not their child.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  [Symbol.dispose](): void {
    for (const { pid } of this.processes()) killAny(pid);
    this.folder.removeCallback();
  }
}

function killAny(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (thrown) {
    // It may have ended while we looked.
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
  }
}
