import { Command } from 'commander';
import { compareVersions, type Build, type MachineType } from '../build/build.js';
import { namesAtHand } from '../build/listing.js';
import { aliasTable, machineTable, type MachineRow } from '../build/machine-table.js';
import { resolveBuilds } from '../build/resolve.js';
import { UsageError } from '../core/errors.js';
import { formatTable } from './table.js';

interface Options {
  build: string[];
  machine: string[];
  json?: boolean;
}

/** `godwit machines`: machine types × builds, and what a route through them can use. */
export function machinesCommand(): Command {
  return new Command('machines')
    .description('machine types of builds, and which of them a route through all of them can use')
    .option('--build <name...>', 'deb:SUITE, a path, or a name on PATH; all at hand unless named', [])
    .option('--machine <glob...>', 'only these machine types', [])
    .option('--json', 'as JSON')
    .action(show);
}

async function show(options: Options): Promise<void> {
  const names = options.build.length > 0 ? options.build : await namesAtHand();
  if (names.length === 0) throw new UsageError('no builds at hand: name one with --build, as in --build deb:bookworm');
  const onProgress = (text: string): void => void process.stderr.write(`${text}\n`);
  const builds = await resolveBuilds([...new Set(names)], { onProgress });
  // In the order of the journey when named, oldest first otherwise.
  if (options.build.length === 0) builds.sort((a, b) => compareVersions(a.version, b.version));
  const rows = machineTable(builds, options.machine);
  print(options.json ? JSON.stringify(asJson(builds, rows), undefined, 2) : asText(builds, rows));
}

function asText(builds: readonly Build[], rows: readonly MachineRow[]): string {
  const head = ['machine type', ...builds.map((build) => `${build.name} ${build.version.text}`), 'route'];
  const body = rows.map((row) => [row.name, ...row.types.map(cellOf), row.everywhere ? 'yes' : '-']);
  const aliases = aliasTable(builds).filter(({ names }) => rows.some((row) => names.includes(row.name)));
  const common = rows.filter((row) => row.everywhere).length;
  return [
    formatTable([head, ...body]),
    '',
    formatTable([
      ['alias', ...builds.map((build) => build.name)],
      ...aliases.map((row) => [row.alias, ...row.names.map((name) => name ?? '-')]),
    ]),
    '',
    `${common} of ${rows.length} machine types can travel through ${builds.length === 1 ? 'it' : `all ${builds.length} builds`}`,
  ].join('\n');
}

function cellOf(type: MachineType | undefined): string {
  if (!type) return '-';
  const marks = [
    ...(type.alias === undefined ? [] : [`= ${type.alias}`]),
    ...(type.isDefault ? ['default'] : []),
    ...(type.deprecated ? ['deprecated'] : []),
  ];
  return marks.length > 0 ? marks.join(', ') : 'yes';
}

function asJson(builds: readonly Build[], rows: readonly MachineRow[]): object {
  return {
    builds: builds.map(({ name, version, package: packageText, sha256 }) => ({
      name,
      version: version.text,
      package: packageText,
      sha256,
    })),
    machineTypes: rows.map(({ name, types, everywhere }) => ({
      name,
      types: types.map((type) => type ?? null),
      everywhere,
    })),
    aliases: aliasTable(builds).map(({ alias, names }) => ({ alias, names: names.map((name) => name ?? null) })),
  };
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
