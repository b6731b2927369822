import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isMissing } from '../cache-folder.js';

/** One repository of binary packages that apt is told to use. */
export interface AptSource {
  uris: string[];
  suites: string[];
  components: string[];
  /** A keyring's path or fingerprints, or a whole key as deb822 writes it, with its continuation lines. */
  signedBy?: string;
}

/** Which distribution the host is, from os-release. */
export interface HostDistribution {
  /** ID, then every word of ID_LIKE: ['debian']. */
  ids: string[];
  codename: string;
}

/** Where the suites of the host's own distribution come from. */
export interface Archive {
  main: AptSource;
  security?: AptSource;
}

/** Reads deb822 `.sources` text (sources.list(5)): enabled stanzas of type `deb`. What it cannot read it leaves out. */
export function parseDeb822(text: string): AptSource[] {
  return text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .split(/\n[ \t]*\n/)
    .flatMap((stanza) => {
      const fields = deb822Fields(stanza);
      const words = (name: string): string[] => (fields.get(name) ?? '').split(/\s+/).filter((word) => word !== '');
      if (!words('types').includes('deb') || /^(no|false|0|off)$/i.test(fields.get('enabled') ?? 'yes')) return [];
      const signedBy = fields.get('signed-by');
      return usable({
        uris: words('uris'),
        suites: words('suites'),
        components: words('components'),
        ...(signedBy !== undefined && signedBy !== '' && { signedBy }),
      });
    });
}

function deb822Fields(stanza: string): Map<string, string> {
  const fields = new Map<string, string>();
  let current: string | undefined;
  for (const line of stanza.split('\n')) {
    const field = /^([!-9;-~]+):[ \t]*(.*)$/.exec(line);
    if (field) {
      current = (field[1] ?? '').toLowerCase();
      fields.set(current, (field[2] ?? '').trimEnd());
    } else if (current !== undefined && /^[ \t]/.test(line)) {
      fields.set(current, `${fields.get(current) ?? ''}\n${line.trimEnd()}`);
    }
  }
  return fields;
}

/** Reads one-line `.list` text (sources.list(5)). What it cannot read it leaves out. */
export function parseOneLine(text: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(.+)$/.exec(line.replace(/#.*$/, ''));
    if (!match) return [];
    const [uri, suite, ...components] = (match[2] ?? '').trim().split(/\s+/);
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(match[1] ?? '')?.[1];
    return usable({
      uris: uri === undefined ? [] : [uri],
      suites: suite === undefined ? [] : [suite],
      components,
      // One-line sources separate several keyrings by commas, deb822 by spaces.
      ...(signedBy !== undefined && { signedBy: signedBy.replaceAll(',', ' ') }),
    });
  });
}

/** Flat repositories (a suite that ends in a slash, no components) carry no suites, and a CD is not always there. */
function usable(source: AptSource): AptSource[] {
  const uris = source.uris.filter((uri) => /^[a-z+]+:/i.test(uri) && !uri.startsWith('cdrom:'));
  return uris.length > 0 && source.suites.length > 0 && source.components.length > 0 ? [{ ...source, uris }] : [];
}

const generalSuites = ['stable', 'oldstable', 'testing', 'unstable', 'sid'];

/**
 * The source that carries the host's own distribution, and its security source: third-party repositories never qualify.
 * It is told by its keyring, its suite and its path, because a fresh container has no package lists that name an Origin.
 */
export function chooseArchive(sources: readonly AptSource[], host: HostDistribution): Archive | undefined {
  const ownPath = (source: AptSource, ends: RegExp): boolean =>
    source.uris.some((uri) =>
      uri.split('/').some((part) => host.ids.some((id) => part.startsWith(id) && ends.test(part.slice(id.length)))),
    );
  const keyScore = (source: AptSource): number => {
    if (source.signedBy === undefined) return 0;
    if (!source.signedBy.startsWith('/')) return -1;
    return host.ids.some((id) => basename(source.signedBy ?? '').startsWith(id)) ? 4 : -2;
  };
  const score = (source: AptSource): number =>
    keyScore(source) +
    (source.suites.some((suite) => suite === host.codename || generalSuites.includes(suite)) ? 2 : 0) +
    (ownPath(source, /^$/) ? 2 : 0);
  const best = (candidates: AptSource[]): AptSource | undefined =>
    [...candidates].sort((a, b) => score(b) - score(a))[0];

  const main = best(
    sources.filter(
      (source) =>
        source.components.includes('main') &&
        !source.suites.every((suite) => suite.includes('-')) &&
        score(source) >= 3,
    ),
  );
  if (!main) return undefined;
  const security = best(
    sources.filter(
      (source) =>
        source.components.includes('main') &&
        source.suites.some((suite) => /[-/](security|updates)$/.test(suite) && suite !== `${host.codename}-updates`) &&
        keyScore(source) >= keyScore(main) &&
        (ownPath(source, /^(-security)?$/) || source.signedBy === main.signedBy),
    ),
  );
  return { main, ...(security && { security }) };
}

/** Every source in a `sources.list` and in a folder of `.list` and `.sources` files, as apt itself would read them. */
export async function readSources(file: string, folder: string): Promise<AptSource[]> {
  const names = (await readdirOrNothing(folder)).sort();
  const parts = await Promise.all(
    names.map(async (name) => {
      if (name.endsWith('.sources')) return parseDeb822(await readOrNothing(join(folder, name)));
      return name.endsWith('.list') ? parseOneLine(await readOrNothing(join(folder, name))) : [];
    }),
  );
  return [...parseOneLine(await readOrNothing(file)), ...parts.flat()];
}

/** Reads os-release(5) text. */
export function parseOsRelease(text: string): HostDistribution {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^([A-Z_0-9]+)=(["']?)(.*)\2\s*$/.exec(line);
    if (match) fields.set(match[1] ?? '', match[3] ?? '');
  }
  const ids = [fields.get('ID') ?? '', ...(fields.get('ID_LIKE') ?? '').split(/\s+/)];
  return { ids: ids.filter((id) => id !== ''), codename: fields.get('VERSION_CODENAME') ?? '' };
}

/** The host's distribution, or one without a name where there is no os-release. */
export async function readHostDistribution(): Promise<HostDistribution> {
  return parseOsRelease((await readOrNothing('/etc/os-release')) || (await readOrNothing('/usr/lib/os-release')));
}

async function readOrNothing(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(nothing(''));
}

async function readdirOrNothing(path: string): Promise<string[]> {
  return readdir(path).catch(nothing<string[]>([]));
}

/** A source that this user may not read is one that apt would not read for this user either. */
function nothing<T>(value: T): (thrown: unknown) => T {
  return (thrown) => {
    const unreadable = thrown instanceof Error && 'code' in thrown && thrown.code === 'EACCES';
    if (isMissing(thrown) || unreadable) return value;
    throw thrown;
  };
}
