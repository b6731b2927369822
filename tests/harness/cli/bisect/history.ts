import type { Build } from '../../../../harness/build/build.js';
import { execaSync } from 'execa';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findOnPath } from '../../../../harness/build/child.js';
import { quoteWord } from '../../../../harness/machine/words.js';
import { suite } from '../../support/launchpad.js';
import { wrapperScript } from '../../support/wrapper.js';
import { Sandbox } from '../sandbox.js';

export const hasGit = findOnPath('git') !== undefined;

/** What a commit of a history compiles to: a suite's QEMU, one that fails every second migration, or nothing at all. */
export type Release = 'bookworm' | 'trixie' | 'flaky' | 'mute' | 'uncompilable';

/** Leaves the QEMU that the commit's file `release` names, as a compile would, and tells that it ran. */
const buildScript = (tally: string): string => `
release=$(cat release)
echo "$GODWIT_COMMIT" >> ${quoteWord(tally)}
if [ ! -f "$release.in" ]; then echo "pcie.c:1:1: error: no semicolon"; exit 1; fi
cp "$release.in" "qemu-system-$GODWIT_ARCH"
chmod +x "qemu-system-$GODWIT_ARCH"
`;

/**
 * A sandbox with a git repository in it, \`qemu\`, in which a commit compiles to a released QEMU within milliseconds, and with a cache of its
 * own. Its branch has one commit for each release.
 */
export class History extends Sandbox {
  /** Every commit of the branch, oldest first. */
  readonly commits: string[] = [];
  readonly repository = this.path('qemu');
  private readonly cacheBefore = process.env['XDG_CACHE_HOME'];

  static async of(...releases: Release[]): Promise<History> {
    const [bookworm, trixie] = await Promise.all([suite('bookworm'), suite('trixie')]);
    return new History(bookworm, trixie, releases);
  }

  private constructor(bookworm: Build, trixie: Build, releases: readonly Release[]) {
    super();
    process.env['XDG_CACHE_HOME'] = this.path('cache');
    mkdirSync(this.repository);
    this.git('init', '--quiet');
    this.write('bookworm.in', wrapperScript(bookworm));
    this.write('trixie.in', wrapperScript(trixie));
    this.write('mute.in', '#!/bin/sh\nexit 1\n');
    const incoming = quoteWord(this.path('incoming'));
    const fails = `case " $* " in *" -incoming "*) echo >> ${incoming}; if [ $(($(wc -l < ${incoming}) % 2)) = 0 ]; then echo "now and then" >&2; exit 1; fi;; esac`;
    this.write('flaky.in', wrapperScript(trixie, { shell: fails }));
    this.write('build.sh', buildScript(this.path('tally')));
    for (const release of releases) this.commitRelease(release);
  }

  /** One more commit. */
  commitRelease(release: Release, more: Record<string, string> = {}): string {
    this.write('release', `${release}\n`);
    for (const [file, content] of Object.entries(more)) this.write(file, content);
    this.git('add', '--all');
    const message = `${this.commits.length}: ${release}`;
    this.git('commit', '--quiet', '--allow-empty', '--message', message);
    const commit = this.git('rev-parse', 'HEAD');
    this.commits.push(commit);
    return commit;
  }

  write(file: string, content: string): void {
    mkdirSync(dirname(join(this.repository, file)), { recursive: true });
    writeFileSync(join(this.repository, file), content);
  }

  git(...args: string[]): string {
    const who = ['-c', 'user.name=Author', '-c', 'user.email=author@example.org', '-c', 'advice.detachedHead=false'];
    return execaSync('git', [...who, ...args], { cwd: this.repository }).stdout;
  }

  /** The words of a search between two commits of the branch, by their places. */
  between(good: number, bad: number, ...words: string[]): string[] {
    const ends = ['--good', this.commits[good] ?? '', '--bad', this.commits[bad] ?? ''];
    return ['bisect', '--repo', 'qemu', ...ends, '--build-command', 'sh build.sh', '--jobs', '1', ...words];
  }

  override [Symbol.dispose](): void {
    if (this.cacheBefore === undefined) Reflect.deleteProperty(process.env, 'XDG_CACHE_HOME');
    else process.env['XDG_CACHE_HOME'] = this.cacheBefore;
    super[Symbol.dispose]();
  }
}
