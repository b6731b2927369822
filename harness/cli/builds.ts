import { Command } from 'commander';
import { listBuilds, removeBuilds, verifyBuilds, type ListedBuild } from '../build/listing.js';
import { resolveBuilds } from '../build/resolve.js';
import { compileSettings, type CompileWords, withCompileOptions } from './options/compile-options.js';
import { interruptible } from './interrupt.js';
import { formatTable } from './table.js';

/** `godwit builds`: lists, fetches, verifies and removes builds. */
export function buildsCommand(): Command {
  const builds = new Command('builds').description('QEMU builds: list, add, verify, remove');
  builds
    .command('list', { isDefault: true })
    .description('list the builds at hand')
    .option('--json', 'as JSON')
    .action(list);
  const adding = builds
    .command('add')
    .description('fetch Debian suites, compile commits, and probe builds')
    .argument('<name...>', 'deb:SUITE, git:DIR@REV, a path, or a name on PATH')
    .option('--refresh', 'fetch or compile anew what is in the cache')
    .action(add);
  withCompileOptions(adding);
  builds
    .command('verify')
    .description('compare fetched and compiled builds with what was fetched and compiled')
    .argument('[name...]', 'deb:SUITE or git:DIR@REV; all unless named')
    .option('--json', 'as JSON')
    .action(verify);
  builds
    .command('remove')
    .description('remove fetched builds, and all that was compiled of commits')
    .argument('<name...>', 'deb:SUITE or git:DIR@REV')
    .action(remove);
  return builds;
}

async function list(options: { json?: boolean }): Promise<void> {
  const listed = await listBuilds();
  if (options.json) return print(JSON.stringify(listed, undefined, 2));
  if (listed.length === 0) return print('no builds: `godwit builds add deb:bookworm` fetches one');
  const rows = listed.map((build) => [
    build.name,
    build.arch,
    build.fault === undefined ? build.version : 'does not run',
    build.package || '-',
    build.bytes === undefined ? '-' : megabytes(build.bytes),
    build.fetchedAt?.slice(0, 16).replace('T', ' ') ?? '-',
    build.location,
  ]);
  print(formatTable([['name', 'arch', 'version', 'package', 'size', 'added (UTC)', 'where'], ...rows]));
  for (const build of listed.filter(isFaulty)) print(`${build.name}: ${build.fault}`);
}

async function add(names: string[], options: CompileWords & { refresh?: boolean }): Promise<void> {
  const onProgress = (text: string): void => void process.stderr.write(`${text}\n`);
  const { refresh = false } = options;
  const compile = compileSettings(options);
  await interruptible(async (signal) => {
    for (const build of await resolveBuilds(names, { signal, onProgress, refresh, compile })) {
      print(`${build.name}: QEMU ${build.version.text} ${build.package}`.trimEnd());
    }
  });
}

async function verify(names: string[], options: { json?: boolean }): Promise<void> {
  const verified = await verifyBuilds(names);
  if (verified.some((build) => build.differences.length > 0)) process.exitCode = 1;
  if (options.json) return print(JSON.stringify(verified, undefined, 2));
  if (verified.length === 0) print('no fetched or compiled builds to verify');
  for (const { name, made, differences } of verified) {
    if (differences.length === 0) print(`${name}: as ${made}`);
    for (const difference of differences) print(`${name}: ${difference}`);
  }
}

async function remove(names: string[]): Promise<void> {
  await removeBuilds(names);
  for (const name of names) print(`${name}: removed`);
}

function isFaulty(build: ListedBuild): boolean {
  return build.fault !== undefined;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
