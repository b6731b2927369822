import { defaultArch, splitArchitecture } from '../../build/architecture.js';
import type { Build } from '../../build/build.js';
import { isCommitName } from '../../build/git/locate.js';
import { defaultBuilds, namesFor, resolveBuilds, type ResolveOptions } from '../../build/resolve.js';
import { UsageError } from '../../core/errors.js';
import { architecturesOf } from '../../run/architectures.js';
import { usualBuilds } from '../../run/usual.js';
import type { Scenario } from '../../scenario/definition.js';
import type { CellWords } from './cell-options.js';
import type { CompileWords } from './compile-options.js';

/** The builds that guests start on, and those that they are migrated to, for every architecture of the scenarios. */
export interface Sides {
  sources: Build[];
  destinations: Build[];
}

/** What of a command's words says which builds it wants. */
interface BuildWords extends Pick<CompileWords, 'target'>, Pick<CellWords, 'machine' | 'grep'> {
  source?: string | readonly string[] | undefined;
  destination?: string | readonly string[] | undefined;
}

interface How extends Pick<ResolveOptions, 'signal' | 'compile'> {
  say: (text: string) => void;
  /** Those of the scenarios unless told. */
  architectures?: readonly string[];
}

/**
 * Finds the builds on both sides, for the architecture of every machine that the scenarios may have; those that are usual where none is named.
 * Throws UsageError and BuildError.
 */
export async function buildsOf(
  scenarios: readonly Scenario[],
  words: BuildWords,
  { say, architectures, ...how }: How,
): Promise<Sides> {
  const options = { ...how, onProgress: say };
  const source = [words.source ?? words.destination ?? []].flat();
  const destination = [words.destination ?? words.source ?? []].flat();
  const known = architectures ?? architecturesOf(scenarios, { machines: words.machine, grep: words.grep });
  const wanted = onBothSides(known.length > 0 ? known : [defaultArch], [source, destination]);
  if (source.length === 0) {
    const { builds, note } = await defaultBuilds(
      wanted.flatMap((arch) => usualBuilds.flatMap((name) => namesFor(name, [arch]).names)),
      { ...options, ...(wanted[0] !== undefined && { arch: wanted[0] }) },
    );
    if (note !== undefined) say(note);
    checkArchitectures(builds, known);
    return { sources: builds, destinations: builds };
  }
  const named = new Map(
    [...new Set([...source, ...destination])].map((name) => [name, namesOf(name, wanted, { words, say })]),
  );
  const all = [...new Set([...named.values()].flat())];
  const builds = await resolveBuilds(all, options);
  checkArchitectures(builds, known);
  const on = (side: readonly string[]): Build[] => {
    const names = side.flatMap((name) => named.get(name) ?? []);
    return builds.filter(({ name }) => names.includes(name));
  };
  return { sources: on(source), destinations: on(destination) };
}

/**
 * The architecture of a search, which looks at cells of one: that which the builds' names say, else that of x86_64 where the scenarios have several.
 * Throws UsageError for builds of several.
 */
export function oneArchitecture(
  scenarios: readonly Scenario[],
  { names, ...words }: Pick<BuildWords, 'machine' | 'grep'> & { names: readonly (string | undefined)[] },
  say: (text: string) => void,
): string[] {
  const all = architecturesOf(scenarios, { machines: words.machine, grep: words.grep });
  const said = names.flatMap((name) => (name === undefined ? [] : (saidBy(name) ?? [])));
  const other = said.find((arch) => arch !== said[0]);
  if (other !== undefined)
    throw new UsageError(`one build is for ${said[0]} and another for ${other}; accepted: builds for one architecture`);
  const [first = defaultArch] = [...said, ...all];
  const others = all.filter((arch) => arch !== first);
  if (others.length > 0) say(`cells of ${first} alone; --grep or --machine chooses those of ${others.join(' or ')}`);
  return [first];
}

/** The architecture that a build's name says, or that of a binary that has its usual name. */
function saidBy(name: string): string | undefined {
  return splitArchitecture(name).arch ?? /(?:^|\/)qemu-system-([a-z0-9_]+)$/.exec(name)?.[1];
}

/** Of these architectures those that there may be pairs of: on a side whose names all say theirs there is no other. */
function onBothSides(wanted: readonly string[], sides: readonly (readonly string[])[]): readonly string[] {
  const said = sides.filter((side) => side.length > 0 && side.every((name) => saidBy(name) !== undefined));
  const left = wanted.filter((arch) => said.every((side) => side.some((name) => saidBy(name) === arch)));
  return left.length > 0 ? left : wanted;
}

/** A commit is compiled for one architecture, or for those that the user asked for: each takes as long as the first. */
function namesOf(
  name: string,
  wanted: readonly string[],
  { words, say }: { words: BuildWords; say: (text: string) => void },
): string[] {
  const asked = words.target?.flatMap((names) => names.split(',')) ?? [];
  const compiled = wanted.filter((arch, index) => index === 0 || asked.includes(arch));
  const { names, lacking } = namesFor(name, isCommitName(name) ? compiled : wanted);
  const left = isCommitName(name) ? wanted.filter((arch) => !compiled.includes(arch)) : lacking;
  if (left.length > 0 && names.length > 0 && left.length < wanted.length) {
    const remedy = isCommitName(name) ? ` (--target ${left.join(' ')} compiles for them too)` : '';
    say(`${name}: cells of ${left.join(' and ')} are left out${remedy}`);
  }
  return names;
}

/** Throws UsageError where every build is for other guests than any scenario has, as far as that is known. */
function checkArchitectures(builds: readonly Build[], wanted: readonly string[]): void {
  if (wanted.length === 0 || builds.some(({ arch }) => wanted.includes(arch))) return;
  const have = builds.map(({ name, arch }) => `${name} is for ${arch}`).join(', ');
  throw new UsageError(`${have}, and the scenarios chosen are for ${wanted.join(' and ')}`);
}
