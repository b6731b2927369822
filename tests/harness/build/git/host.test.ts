import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, watch } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { packageRoot } from '../../../../harness/core/package-root.js';
import { Deadline } from '../../../../harness/core/deadline.js';
import { BuildError, CompileError } from '../../../../harness/core/errors.js';
import { type Checkout, checkoutForEach } from './checkout.js';

/** A compile that never ends: each compiler has a process group of its own, as ninja arranges it, and hears of no signal. */
const hangs = (output: string): string => `set -m
(trap '' TERM; tail -f /dev/null ${output}) &
touch "$TALLY.hangs"
wait
`;
/** ninja's compilers write to ninja alone: nothing tells of them once it has gone. */
const unseen = '> /dev/null 2>&1';

/**
 * 1. What the host did wrong is told from what the commit does, and is not remembered.
 * 2. A compile that is aborted, or late, leaves nothing: no process, no work tree, no folder.
 * 3. What a killed Godwit has left is swept by the next, and what others do meanwhile is left alone.
 */
describe('a host that compiles', function () {
  this.timeout(30_000);
  let checkout: Checkout;
  checkoutForEach((made) => (checkout = made));

  /** Resolves when the compile that hangs does so. */
  async function hanging(): Promise<void> {
    const marker = `${process.env['TALLY']}.hangs`;
    const stop = new AbortController();
    const seen = new Promise<void>((resolve) => {
      const look = (): void => {
        if (existsSync(marker)) resolve();
      };
      watch(dirname(marker), { signal: stop.signal }, look);
      look();
    });
    await seen.finally(() => stop.abort());
  }

  function expectNothingLeft(): void {
    expect(checkout.processes).to.deep.equal([]);
    expect([checkout.workTrees, checkout.cached]).to.deep.equal([[], []]);
  }

  const faults: [string, string, string][] = [
    ['has a full disk', 'cat ../qemu.in > /dev/full || exit 1', 'the disk is full'],
    [
      'kills the compiler',
      'echo "cc: fatal error: Killed signal terminated program cc1"; echo "a.c: error: x"; exit 1',
      'compiler was killed',
    ],
    ['kills ninja', 'kill -9 $$', 'ninja was killed'],
    ['stops ninja', 'exit 130', 'ninja was killed'],
    ['lacks a compiler', 'no-such-compiler -c a.c', 'could not be started'],
    ['has no binary in the end', 'true', 'left no qemu-system-x86_64'],
  ];
  for (const [what, script, words] of faults) {
    it(`that ${what} is to blame itself, and nothing is remembered`, async () => {
      checkout.commitCompile(script);
      for (let attempt = 1; attempt <= 2; attempt++) {
        const thrown = await checkout.failure();
        expect(thrown).to.be.instanceOf(BuildError).and.not.instanceOf(CompileError);
        expect(thrown).to.have.property('message').that.includes(words).and.includes(checkout.name());
        expect(checkout.compiles).to.have.length(attempt);
      }
      expectNothingLeft();
      expect(checkout.logs).to.have.length(1);
    });
  }

  it('that lacks a library is to blame itself, but not for what configure finds wrong with the source', async () => {
    const says = (line: string): void => {
      checkout.write('configure', `#!/bin/sh\n[ "$1" = --help ] || { echo '${line}'; exit 1; }\n`, 0o755);
      checkout.commit(line);
    };
    says('../meson.build:478:0: ERROR: Dependency "glib-2.0" not found, tried pkgconfig');
    const host = await checkout.failure();
    expect(host).to.be.instanceOf(BuildError).and.not.instanceOf(CompileError);
    expect(host).to.have.property('message').that.includes('Dependency "glib-2.0" not found');
    says('../meson.build:9:3: ERROR: Expecting eol got rparen.');
    const commit = await checkout.failure();
    expect(commit).to.be.instanceOf(CompileError).with.property('message').that.includes('Expecting eol');
  });

  it('that has no ninja says so before anything starts', async () => {
    const folder = checkout.beside('none');
    for (const tool of ['git', 'flock', 'cat', 'setpriv']) {
      const path = (await execa('sh', ['-c', `command -v ${tool}`])).stdout;
      await execa('ln', ['-s', path, join(folder, tool)]);
    }
    checkout.setEnvironment('PATH', folder);
    expect(await checkout.failure())
      .to.have.property('message')
      .that.includes('there is no ninja on PATH');
    expect(checkout.cached).to.deep.equal([]);
  });

  it('leaves nothing of a compile that is aborted', async () => {
    checkout.commitCompile(hangs(unseen));
    const abort = new AbortController();
    const compiling = checkout.failure({ signal: abort.signal });
    await hanging();
    expect(checkout.processes.map(({ commandLine }) => commandLine).join('\n')).to.include('build.ninja');
    abort.abort();
    expect(await compiling).to.equal(abort.signal.reason);
    expectNothingLeft();
    expect(checkout.logs).to.deep.equal([]);
  });

  it('leaves nothing but the log of a compile that does not end in time', async () => {
    checkout.commitCompile(hangs(''));
    const thrown = await checkout.failure({ deadline: Deadline.after(2_000) });
    expect(thrown).to.be.instanceOf(BuildError).and.not.instanceOf(CompileError);
    expect(thrown).to.have.property('message').that.includes('ninja did not end in time');
    expectNothingLeft();
    const { log } = (thrown as BuildError).data;
    expect(readFileSync(String(log), 'utf8')).to.include('configured in');
  });

  /** `godwit builds add`, so to say, in a process of its own. */
  function elsewhere(revision?: string) {
    const script = `
      import { resolveBuild } from './harness/build/resolve.ts';
      const build = await resolveBuild(${JSON.stringify(checkout.name(revision))}, { onProgress: (text) => console.log(text) });
      console.log('resolved', build.version.text);`;
    const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
    return execa(process.execPath, args, { cwd: packageRoot, reject: false });
  }

  it('compiles once for two that ask at once', async () => {
    checkout.commitCompile('read -r line < "$TALLY.go"; cp ../qemu.in $1; chmod +x $1');
    await execa('sh', ['-c', 'mkfifo "$TALLY.go"']);
    const [first, second] = [elsewhere(), elsewhere()];
    const waits = (one: typeof first) =>
      once(one.stdout, 'data').then(async ([chunk]) => {
        for (let text = String(chunk); !text.includes('waiting for another');) {
          const [more] = (await once(one.stdout, 'data')) as [Buffer];
          text += more.toString();
        }
      });
    await Promise.race([waits(first), waits(second)]);
    await execa('sh', ['-c', 'echo go > "$TALLY.go"']);
    for (const one of await Promise.all([first, second])) expect(one.stdout).to.match(/^resolved 7\.2\.\d+$/m);
    expect(checkout.compiles).to.have.length(1);
  });

  it('sweeps what a killed Godwit has left, and nothing of a compile that goes on', async () => {
    checkout.git('worktree', 'add', '--quiet', '--detach', checkout.beside('own'));
    const gone = checkout.beside('unmounted');
    checkout.git('worktree', 'add', '--quiet', '--detach', gone);
    await execa('rm', ['-r', gone]);
    const theirs = checkout.workTrees;

    checkout.git('tag', 'compiles');
    checkout.commitCompile(hangs(unseen));
    const doomed = elsewhere();
    await hanging();
    expect(checkout.cached).to.have.length(1);
    await checkout.locate({}, 'compiles');
    expect(
      checkout.cached.filter((name) => name.includes('.new-')),
      'while it goes on',
    ).to.have.length(1);
    expect(checkout.workTrees).to.have.length(theirs.length + 1);

    doomed.kill('SIGKILL');
    await doomed;
    await checkout.locate({ refresh: true }, 'compiles');
    expect(checkout.cached.filter((name) => name.includes('.new-'))).to.deep.equal([]);
    expect(checkout.workTrees).to.deep.equal(theirs);
  });

  it('lets a folder of the cache that is no work tree of this repository alone', async () => {
    mkdirSync(join(checkout.cacheFolder, 'notes'), { recursive: true });
    await checkout.locate();
    expect(checkout.cached).to.include('notes');
  });
});
