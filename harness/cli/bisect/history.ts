import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildList } from '../../bisect/builds/build-list.js';
import { searchBuilds } from '../../bisect/builds/build-search.js';
import { commitEnds } from '../../bisect/commits/commit-ends.js';
import { searchCommits } from '../../bisect/commits/commit-search.js';
import type { Suspect } from '../../bisect/history/examination.js';
import type { Found } from '../../bisect/history/found.js';
import type { Question } from '../../bisect/journal.js';
import { searchReport, type SearchReport } from '../../bisect/history/report.js';
import { searchReportNames, writeSearchReport } from '../../bisect/history/report-files.js';
import { candidateOn, type Playing } from '../../bisect/history/varied-side.js';
import type { Build } from '../../build/build.js';
import { shownDigits } from '../../build/git/revision.js';
import { UsageError } from '../../core/errors.js';
import type { PlannedCell } from '../../record/events.js';
import { checkCommand } from './check.js';
import { type Basis, basisOf, suspectsOf } from './basis.js';
import type { BisectWords } from './options.js';
import { inSearch, questionOf, type Searching, tell } from './examination.js';
import { prepareCells, sessionWords } from '../options/cell-options.js';

/** `godwit bisect --builds`: the first build of a list that answers otherwise than those before it. */
export async function bisectBuilds(paths: string[], words: BisectWords, signal: AbortSignal): Promise<void> {
  const basis = await basisOf(paths, words, signal);
  const { playing, means } = basis;
  const list = await buildList(words.builds ?? [], { resolve: basis.resolve, arch: basis.arch, onNote: tell });
  const builds = list.flatMap((member) => ('build' in member ? [member.build] : []));
  const all = builds.flatMap((build) => cellsIn(build, playing));
  await prepareCells({ cells: all, builds, scenarios: means.scenarios }, { ...sessionWords(words), signal });
  const question = {
    search: 'builds',
    builds: list.map((member) => `${member.name} (${'build' in member ? member.build.sha256 : 'none'})`).join(' '),
    ...(words.good !== undefined && { '--good': words.good }),
    ...(words.bad !== undefined && { '--bad': words.bad }),
  };
  const suspects = list.map((member): Suspect => {
    const version = 'build' in member ? ` (QEMU ${member.build.version.text})` : '';
    const candidate = 'build' in member ? candidateOn(member.build, playing) : member.unusable;
    return { name: member.name, title: `${member.name}${version}`, prepare: () => Promise.resolve(candidate) };
  });
  await findAndTell(words, { basis, question }, ({ examination }) => searchBuilds(examination, suspects, words));
}

/** `godwit bisect --repo`: the first commit of a checkout that answers otherwise than those before it. */
export async function bisectCommits(paths: string[], words: BisectWords, signal: AbortSignal): Promise<void> {
  const { repo = '.', good, bad, firstParent = false, path = [], termOld, termNew } = words;
  if (good === undefined || bad === undefined)
    throw new UsageError('--repo needs both ends; accepted: --good REV --bad REV');
  const ends = await commitEnds(repo, { good, bad }, signal);
  const basis = await basisOf(paths, words, signal);
  const question = {
    ...{ search: 'commits', repository: ends.repository, '--good': ends.good.commit, '--bad': ends.bad.commit },
    ...(firstParent && { '--first-parent': 'given' }),
    ...(path.length > 0 && { '--path': path.join(' ') }),
  };
  const suspectOf = suspectsOf(ends.repository, basis, { words, signal });
  await findAndTell(words, { basis, question, repository: ends.repository }, ({ examination, folder }) =>
    searchCommits(
      examination,
      {
        ...{ ends, firstParent, paths: path, signal, suspectOf },
        ...(termOld !== undefined && { termOld }),
        ...(termNew !== undefined && { termNew }),
        folder: join(folder, 'git-bisect-work-tree'),
        logFile: join(folder, gitLogName),
      },
      words,
    ),
  );
}

const gitLogName = 'git-bisect.log';

/** The cells of a build where there are any: what names none of one build may name some of another. */
function cellsIn(build: Build, playing: Playing): PlannedCell[] {
  const candidate = candidateOn(build, playing);
  return 'cells' in candidate ? [...candidate.cells] : [];
}

async function findAndTell(
  words: BisectWords,
  { basis, question, repository }: { basis: Basis; question: Question; repository?: string },
  search: (searching: Searching) => Promise<Found>,
): Promise<void> {
  const { playing, means } = basis;
  const startedMs = performance.now();
  const whole = { ...question, ...questionOf(words, { playing, files: means.files, compile: means.compile }) };
  const report = await inSearch(words, { ...means, question: whole }, async (searching): Promise<SearchReport> => {
    if (words.fresh) forgetReports(words.output);
    const found = await search(searching);
    return searchReport(found, {
      search: repository === undefined ? 'builds' : 'commits',
      ...(repository !== undefined && { repository, gitLog: join(words.output, gitLogName) }),
      examination: searching.examination,
      cellsPlayed: searching.cellsPlayed(),
      durationMs: Math.round(performance.now() - startedMs),
      checkOf: (names) => checkCommand(names.map(shortName), basis.paths, words),
    });
  });
  process.stdout.write(await writeSearchReport(words.output, report));
  process.exitCode = report.first ? 0 : 1;
}

function forgetReports(folder: string): void {
  for (const name of [gitLogName, ...Object.values(searchReportNames)]) rmSync(join(folder, name), { force: true });
}

/** A name with its commit as short as reports have it. */
function shortName(name: string): string {
  return name.replace(/(?<=^git:.+@)[0-9a-f]{40,}(?=$|:)/, (commit) => commit.slice(0, shownDigits));
}
