import { commitBuild } from '../../bisect/commits/commit-build.js';
import { commitTitle } from '../../bisect/commits/commit-ends.js';
import type { CommitFacts, Suspect } from '../../bisect/history/examination.js';
import { candidateOn, type Playing } from '../../bisect/history/varied-side.js';
import { defaultArch, forArchitecture } from '../../build/architecture.js';
import type { Build } from '../../build/build.js';
import { namesFor, resolveBuild } from '../../build/resolve.js';
import { UsageError } from '../../core/errors.js';
import { type SearchMeans, tell } from './examination.js';
import type { BisectWords } from './options.js';
import { prepareCells, scenariosOf, sessionWords } from '../options/cell-options.js';
import { compileFor } from '../options/compile-options.js';
import { oneArchitecture } from '../options/named-builds.js';

/** What every search over a history is given. */
export interface Basis {
  /** Files and folders of scenarios, as the user named them. */
  paths: readonly string[];
  playing: Playing;
  means: Omit<SearchMeans, 'question'>;
  /** The architecture of the cells. */
  arch: string;
  resolve: (name: string) => Promise<Build>;
}

/** Loads scenarios and finds the build on the side that does not vary. Throws UsageError and BuildError. */
export async function basisOf(paths: string[], words: BisectWords, signal: AbortSignal): Promise<Basis> {
  // What is wrong with the words is told before anything takes long.
  sessionWords(words);
  const heldName = heldSide(words);
  const { files, scenarios } = await scenariosOf(paths);
  const compile = compileFor(scenarios, words);
  const architectures = oneArchitecture(scenarios, { ...words, names: namedBuilds(words) }, tell);
  const [arch = defaultArch] = architectures;
  const resolve = (name: string): Promise<Build> => {
    const [named = name] = namesFor(name, architectures).names;
    return resolveBuild(named, { signal, compile, onProgress: tell });
  };
  const playing = {
    ...{ scenarios, vary: words.vary },
    ...(heldName !== undefined && { held: await resolve(heldName) }),
    chosen: { ...(words.machine && { machines: words.machine }), ...(words.grep && { grep: words.grep }) },
  };
  return { paths, playing, means: { files, scenarios, compile, signal }, arch, resolve };
}

/** Every build that the words name by itself: a search of commits has revisions in their place. */
function namedBuilds({ builds = [], source, destination, good, bad, repo }: BisectWords): (string | undefined)[] {
  const ends = repo === undefined ? [good, bad] : [];
  return [...builds.flatMap((names) => names.split(',')), source, destination, ...ends];
}

/** The name of the build on the side that does not vary. Throws UsageError for a side that is missing, or given in vain. */
function heldSide({ vary, source, destination }: BisectWords): string | undefined {
  const held = { both: undefined, source: destination, destination: source }[vary];
  const given = { '--source': source, '--destination': destination };
  const idle = Object.entries(given).find(([, name]) => name !== undefined && name !== held);
  if (idle) throw new UsageError(`${idle[0]} ${idle[1]} and --vary ${vary} contradict each other; accepted: ${sides}`);
  if (vary !== 'both' && held === undefined)
    throw new UsageError(`--vary ${vary} needs a build on the other side; accepted: ${sides}`);
  return held;
}

const sides = '--vary destination with --source BUILD, --vary source with --destination BUILD';

/** Commits of a repository as suspects: each is compiled when it is asked about. */
export function suspectsOf(
  repository: string,
  { playing, means, arch }: Basis,
  { words, signal }: { words: BisectWords; signal: AbortSignal },
): (commit: CommitFacts) => Suspect {
  let isPrepared = false;
  return (commit) => {
    const name = forArchitecture(`git:${repository}@${commit.commit}`, arch);
    const prepare: Suspect['prepare'] = async () => {
      const build = await commitBuild(name, { signal, compile: means.compile, onProgress: tell });
      if ('reason' in build) return build;
      const candidate = candidateOn(build, playing);
      if ('cells' in candidate && !isPrepared) {
        await prepareCells({ ...candidate, scenarios: means.scenarios }, { ...sessionWords(words), signal });
        isPrepared = true;
      }
      return candidate;
    };
    return { name, title: commitTitle(commit), preparing: 'compiling', commit, prepare };
  };
}
