import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { execaSync } from 'execa';
import tmp from 'tmp';
import { findOnPath } from '../../../../harness/build/child.js';
import { type CommitOptions, locateCommit } from '../../../../harness/build/git/locate.js';
import { Deadline } from '../../../../harness/core/deadline.js';
import { quoteWord } from '../../../../harness/machine/words.js';
import { suite } from '../../support/launchpad.js';

export const hasGit = findOnPath('git') !== undefined;

/** Answers `--help` as QEMU 7.2's configure does, and otherwise leaves its arguments, with the compiler, in the tally and a `build.ninja`. */
const configure = `#!/bin/sh
if [ "$1" = --help ]; then
  echo "  --without-default-features default all --enable-* options to disabled"
  echo "  --with-git-submodules=ignore   do not update or check git submodules"
  echo "  --disable-werror         disable compilation abort on warning"
  printf '%s\\n' "  docs            Documentations build support" "  slirp           user mode network" "  tcg             TCG support"
  exit 0
fi
echo "\${CC:-cc} $*" >> "$TALLY"
echo "configured in $PWD"
cp ../compile.sh build.ninja
`;

/** In place of ninja, so that hosts without one test the same: runs what configure has left. */
const ninja = `#!/bin/sh
exec sh ./build.ninja "$@"
`;

/** What a commit compiles to: the QEMU of a suite, started by a script. */
const compiles = `
for target in "$@"; do
  echo "[1/2] compiling $target"
  cp ../qemu.in $target
  chmod +x $target
  echo "[2/2] linking $target"
done
`;

/** A QEMU checkout, as far as a compile sees one, with a cache and a PATH of its own. */
export class Checkout {
  private readonly folder = tmp.dirSync({ unsafeCleanup: true });
  private readonly before: Record<string, string | undefined> = {};
  readonly path = join(this.folder.name, 'qemu');
  /** What Godwit says while it compiles. */
  readonly said: string[] = [];

  /** With one commit, which compiles to bookworm's QEMU. */
  static async create(): Promise<Checkout> {
    const { command } = await suite('bookworm');
    return new Checkout(command);
  }

  private constructor(command: readonly string[]) {
    mkdirSync(this.path);
    this.setEnvironment('XDG_CACHE_HOME', join(this.folder.name, 'cache'));
    this.setEnvironment('TALLY', join(this.folder.name, 'tally'));
    this.setEnvironment('PATH', `${join(this.folder.name, 'bin')}${delimiter}${process.env['PATH']}`);
    this.tool('ninja', ninja);
    this.git('init', '--quiet');
    this.write('configure', configure, 0o755);
    this.write('compile.sh', compiles);
    this.write('qemu.in', `#!/bin/sh\nexec ${command.map(quoteWord).join(' ')} "$@"\n`);
    this.write('pc-bios/bios.bin', 'firmware');
    this.write('pc-bios/bios.dts', 'its source');
    this.commit('one that compiles');
  }

  /** Sets a variable of the environment until disposed; undefined takes it away. */
  setEnvironment(name: string, value: string | undefined): void {
    if (!(name in this.before)) this.before[name] = process.env[name];
    if (value === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
  }

  /** A program on PATH. */
  tool(name: string, script: string): string {
    const path = join(this.folder.name, 'bin', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, script);
    chmodSync(path, 0o755);
    return path;
  }

  /** A folder beside the checkout. */
  beside(name: string): string {
    const path = join(this.folder.name, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  write(path: string, content: string, mode = 0o644): void {
    mkdirSync(dirname(join(this.path, path)), { recursive: true });
    writeFileSync(join(this.path, path), content);
    chmodSync(join(this.path, path), mode);
  }

  git(...args: string[]): string {
    const who = ['-c', 'user.name=Author', '-c', 'user.email=author@example.org', '-c', 'protocol.file.allow=always'];
    return execaSync('git', [...who, ...args], { cwd: this.path, env: { GIT_OPTIONAL_LOCKS: '0' } }).stdout;
  }

  /** Commits everything; the commit. */
  commit(message: string): string {
    this.git('add', '--all');
    this.git('commit', '--quiet', '--allow-empty', '--message', message);
    return this.git('rev-parse', 'HEAD');
  }

  /** Commits another way to compile. */
  commitCompile(script: string, message = 'another'): string {
    this.write('compile.sh', script);
    return this.commit(message);
  }

  name(revision = 'HEAD'): string {
    return `git:${this.path}@${revision}`;
  }

  locate(options: Partial<CommitOptions> = {}, revision?: string) {
    return locateCommit(this.name(revision), {
      ...{ arch: 'x86_64', deadline: Deadline.after(60_000), fetch: true },
      onProgress: (text) => void this.said.push(text),
      ...options,
    });
  }

  /** What locating throws. */
  async failure(options: Partial<CommitOptions> = {}, revision?: string): Promise<unknown> {
    return this.locate(options, revision).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
  }

  /** One line for each run of configure: the compiler, then the arguments. */
  get compiles(): string[] {
    const tally = join(this.folder.name, 'tally');
    return existsSync(tally) ? readFileSync(tally, 'utf8').trimEnd().split('\n') : [];
  }

  /** The compiler that each run of configure was given. */
  get compilers(): string[] {
    return this.compiles.map((line) => line.slice(0, line.indexOf(' --')));
  }

  /** The arguments of each run of configure. */
  get flags(): string[] {
    return this.compiles.map((line) => line.slice(line.indexOf(' --') + 1));
  }

  /** What is in the cache of commits, without locks and the folder of logs. */
  get cached(): string[] {
    const folder = this.cacheFolder;
    return existsSync(folder) ? readdirSync(folder).filter((name) => name !== 'logs' && !name.endsWith('.lock')) : [];
  }

  get logs(): string[] {
    const folder = join(this.cacheFolder, 'logs');
    return existsSync(folder) ? readdirSync(folder) : [];
  }

  get cacheFolder(): string {
    return join(this.folder.name, 'cache', 'godwit', 'git');
  }

  /** The repository's work trees but the checkout itself. */
  get workTrees(): string[] {
    return this.git('worktree', 'list', '--porcelain')
      .split('\n')
      .filter((line) => line.startsWith('worktree '))
      .slice(1);
  }

  /** Processes that a compile in this cache has started. */
  get processes(): { pid: number; commandLine: string }[] {
    const wanted = `TALLY=${join(this.folder.name, 'tally')}\0`;
    return readdirSync('/proc').flatMap((entry) => {
      try {
        if (!/^\d+$/.test(entry) || Number(entry) === process.pid) return [];
        if (!readFileSync(`/proc/${entry}/environ`, 'utf8').includes(wanted)) return [];
        const commandLine = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return commandLine === '' ? [] : [{ pid: Number(entry), commandLine }];
      } catch {
        // It ended while we looked.
        return [];
      }
    });
  }

  [Symbol.dispose](): void {
    for (const { pid } of this.processes) process.kill(pid, 'SIGKILL');
    for (const [name, value] of Object.entries(this.before)) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
    this.folder.removeCallback();
  }
}

/** Gives every test of a suite a checkout of its own, which goes with the test; on a host without git the suite is skipped. */
export function checkoutForEach(give: (checkout: Checkout) => void): void {
  let made: Checkout | undefined;
  before(function () {
    if (!hasGit) this.skip();
  });
  beforeEach(async () => give((made = await Checkout.create())));
  afterEach(() => made?.[Symbol.dispose]());
}
