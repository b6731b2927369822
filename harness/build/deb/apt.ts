import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Deadline } from '../../core/deadline.js';
import { BuildError, UsageError } from '../../core/errors.js';
import { type ChildResult, findOnPath, runChild } from '../child.js';
import { chooseArchive, readHostDistribution, readSources, type Archive, type AptSource } from './apt-sources.js';

export interface AptOptions {
  deadline: Deadline;
  signal?: AbortSignal;
  /** Gets what is being done, without the name of the build: "41 of 104 packages, 18 MB". */
  onProgress?: (text: string) => void;
}

/** A package as it was downloaded. */
export interface DebPackage {
  name: string;
  version: string;
  architecture: string;
  /** The .deb file. */
  path: string;
}

/** How the host's apt is set up, as far as a private apt should do the same. */
interface HostApt {
  archive: Archive;
  architecture: string;
  /** Lines for apt.conf: proxies, certificates and the like; nothing that weakens a check. */
  acquire: string[];
}

/** Options of the host's apt that say how to reach a mirror. Checks of signatures, hashes and certificates stay at apt's defaults. */
const reach = /^Acquire::(?:https?::(?!(?:.*::)?Verify)|ftp::Proxy|Retries|ForceIPv|Queue-Mode|Check-Valid-Until)/i;

async function readHostApt(options: AptOptions): Promise<HostApt> {
  const aptConfig = findOnPath('apt-config');
  if (aptConfig === undefined || findOnPath('apt-get') === undefined || findOnPath('dpkg-deb') === undefined) {
    throw new BuildError('this host has no apt-get and dpkg-deb, so no Debian suite can be fetched');
  }
  const dump = (await runChild([aptConfig, 'dump'], options)).stdout;
  const keys = ['Dir::Etc::sourcelist/f', 'Dir::Etc::sourceparts/d'];
  const shell = (await runChild([aptConfig, 'shell', 'LIST', keys[0] ?? '', 'PARTS', keys[1] ?? ''], options)).stdout;
  const where = (name: string): string => new RegExp(`^${name}='(.*)'$`, 'm').exec(shell)?.[1] ?? '';
  const host = await readHostDistribution();
  const archive = chooseArchive(await readSources(where('LIST'), where('PARTS')), host);
  if (!archive) throw new BuildError("no apt source of this host carries its own distribution's archive");
  return {
    archive,
    architecture: /^APT::Architecture "(.*)";$/m.exec(dump)?.[1] ?? 'amd64',
    acquire: dump.split('\n').filter((line) => reach.test(line)),
  };
}

/** An apt with a state of its own that has read the package lists of one suite. */
export interface SuiteLists {
  suite: string;
  /** Everything that this apt keeps lies in it. */
  folder: string;
  /** What apt-get and apt-cache need in their environment to use this state. */
  env: Readonly<Record<string, string>>;
}

/**
 * Reads the package lists of a suite into `folder`: by the host's mirror and keyring, nothing installed, everything verified by apt.
 * Throws UsageError when the mirror has no such suite, BuildError otherwise.
 */
export async function readLists(
  {
    suite,
    architecture,
  }: { suite: string; /** As dpkg names it; the host's own unless told. */ architecture?: string },
  folder: string,
  options: AptOptions,
): Promise<SuiteLists> {
  const host = await readHostApt(options);
  const wanted = { ...host, architecture: architecture ?? host.architecture };
  const env = { APT_CONFIG: join(folder, 'apt.conf') };
  await writeState(folder, wanted);
  options.onProgress?.('package lists');
  await update(suite, wanted, { ...options, env, folder });
  return { suite, folder, env };
}

/**
 * Downloads a package of a suite with all it depends on into `folder`, by an apt with a state of its own (readLists).
 * Throws UsageError when the mirror has no such suite or package, BuildError otherwise.
 */
export async function download(
  { suite, packageName }: { suite: string; packageName: string },
  folder: string,
  options: AptOptions,
): Promise<DebPackage[]> {
  const { env } = await readLists({ suite }, folder, options);

  let totalMegabytes = 0;
  let shown = -1;
  const status = (line: string): void => {
    const match = /^dlstatus:\d+:([\d.]+):.*?(\d+) of (\d+)/.exec(line);
    const share = Number(match?.[1] ?? 0) / 100;
    // apt tells hundreds of times; each tenth is enough for a person and for a log.
    if (!match || Math.floor(share * 10) === shown) return;
    shown = Math.floor(share * 10);
    options.onProgress?.(`${match[2]} of ${match[3]} packages, ${Math.round(share * totalMegabytes)} MB`);
  };
  const install = ['install', '--download-only', '--assume-yes', '--no-install-recommends'];
  const done = await runChild(['apt-get', ...install, '-o', 'APT::Status-Fd=3', packageName], {
    ...options,
    env,
    onLine: (line) => {
      const size = /^Need to get (?:.*\/)?([\d.,]+) ([kMG]?)B/.exec(line);
      if (size)
        totalMegabytes =
          Number((size[1] ?? '').replaceAll(',', '')) * ({ '': 1e-6, k: 1e-3, G: 1e3 }[size[2] ?? ''] ?? 1);
    },
    onStatus: status,
  });
  if (done.exitCode !== 0) throw downloadError(packageName, suite, done);
  return downloaded(join(folder, 'cache', 'archives'));
}

/** What a failed download of packages is thrown as. */
export function downloadError(
  packages: string,
  suite: string,
  { stderr, summary }: ChildResult,
): BuildError | UsageError {
  const Kind = /Unable to locate package|has no installation candidate|No packages found/.test(stderr)
    ? UsageError
    : BuildError;
  return new Kind(`apt could not download ${packages} of ${suite}: ${firstError(stderr) ?? summary}`, {
    data: { stderr },
  });
}

async function writeState(folder: string, host: HostApt): Promise<void> {
  for (const part of ['state', 'lists/partial', 'cache/archives/partial', 'sources']) {
    await mkdir(join(folder, part), { recursive: true, mode: 0o700 });
  }
  await writeFile(join(folder, 'status'), '');
  const settings = {
    'Dir::Etc::main': '/dev/null',
    'Dir::Etc::parts': '/dev/null',
    'Dir::Etc::sourcelist': '/dev/null',
    'Dir::Etc::sourceparts': join(folder, 'sources'),
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'Dir::State': join(folder, 'state'),
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': join(folder, 'cache'),
    'Dir::Cache::pkgcache': '',
    'Dir::Cache::srcpkgcache': '',
    'Acquire::Languages': 'none',
    'Acquire::PDiffs': 'false',
    'APT::Update::Error-Mode': 'any',
    'APT::Architecture': host.architecture,
    // As root apt would download as the user _apt, who cannot enter a private folder; it then warns and goes on as root anyway.
    'APT::Sandbox::User': 'root',
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key} "${value}";`);
  await writeFile(join(folder, 'apt.conf'), [...host.acquire, ...lines, ''].join('\n'));
}

/** Suites that have no security updates of their own. */
const rolling = ['sid', 'unstable', 'experimental', 'rc-buggy'];

async function update(
  suite: string,
  host: HostApt,
  { folder, ...options }: AptOptions & { env: Record<string, string>; folder: string },
): Promise<void> {
  const main = stanza(host.archive.main, suite, host.architecture);
  const security =
    host.archive.security &&
    !rolling.includes(suite) &&
    stanza(host.archive.security, `${suite}-security`, host.architecture);
  const attempt = async (stanzas: string[]): Promise<string | undefined> => {
    await writeFile(join(folder, 'sources', 'godwit.sources'), stanzas.join('\n'));
    const done = await runChild(['apt-get', 'update'], options);
    return done.exitCode === 0 ? undefined : `${done.stderr}\n${done.stdout}`;
  };
  let failure = await attempt(security ? [main, security] : [main]);
  // A suite whose updates have moved to another archive may still have its packages where they were.
  if (failure !== undefined && security && isAbsent(failure, `${suite}-security`)) failure = await attempt([main]);
  if (failure === undefined) return;
  if (isAbsent(failure, suite)) {
    throw new UsageError(`the mirror that this host's apt uses has no suite "${suite}"`, { data: { suite } });
  }
  throw new BuildError(
    `apt could not read the package lists of ${suite}: ${firstError(failure) ?? 'no reason given'}`,
    {
      data: { suite, output: failure },
    },
  );
}

function isAbsent(output: string, suite: string): boolean {
  return (
    output.includes(` ${suite} Release' does not have a Release file`) &&
    /\b404\b|File not found|does not exist/i.test(output)
  );
}

function stanza(source: AptSource, suite: string, architecture: string): string {
  return [
    'Types: deb',
    `URIs: ${source.uris.join(' ')}`,
    `Suites: ${suite}`,
    // Ubuntu keeps parts of what QEMU depends on in universe; everything else that a host may add has no QEMU.
    `Components: ${source.components.filter((component) => ['main', 'universe'].includes(component)).join(' ')}`,
    `Architectures: ${architecture}`,
    ...(source.signedBy === undefined ? [] : [`Signed-By: ${source.signedBy}`]),
    '',
  ].join('\n');
}

/** The packages whose files lie in a folder. */
export async function downloaded(archives: string): Promise<DebPackage[]> {
  const names = (await readdir(archives)).filter((name) => name.endsWith('.deb')).sort();
  return names.map((file) => {
    const [name = '', version = '', architecture = ''] = file.slice(0, -'.deb'.length).split('_');
    return { name, version: decodeURIComponent(version), architecture, path: join(archives, file) };
  });
}

function firstError(output: string): string | undefined {
  return /^[EW]: (.*)$/m.exec(output)?.[1];
}
