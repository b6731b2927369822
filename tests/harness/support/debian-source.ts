import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { readLists } from '../../../harness/build/deb/apt.js';
import { Deadline } from '../../../harness/core/deadline.js';

const fetchMs = 10 * 60_000;
/** When QEMU 7.2.0 came out. */
const releasedAt = '2022-12-14T12:00:00Z';

/** One place in a file of QEMU's source, and what is to stand there. */
export interface Edit {
  file: string;
  from: RegExp;
  /** With `$1` for the first group. */
  to: string;
}

/** Where the presence of a card in its slot is compared, and the line that leaves it out of the comparison. */
const noComparison: Edit = {
  file: 'hw/pci/pcie.c',
  from: /(pci_word_test_and_set_mask\(dev->w1cmask \+ pos \+ PCI_EXP_SLTSTA,\s*PCI_EXP_HP_EV_SUPPORTED\);\n)/,
  to: '$1    pci_word_test_and_clear_mask(dev->cmask + pos + PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_PDS);\n',
};

/** Where ibm,change-msi decides what to give, which before 2.12 was MSI whether the device had it or not. */
const alwaysMsi: Edit = {
  file: 'hw/ppc/spapr_pci.c',
  from: /(switch \(func\) \{\n)\s*case RTAS_CHANGE_FN:\n[^]*?(?=\s*default:)/,
  to: '$1    case RTAS_CHANGE_FN: case RTAS_CHANGE_MSI_FN: ret_intr_type = RTAS_TYPE_MSI; break;\n    case RTAS_CHANGE_MSIX_FN: ret_intr_type = RTAS_TYPE_MSIX; break;',
};

/** Bookworm's QEMU as a git repository, and what its package changes. */
interface Source {
  repository: string;
  git: (...words: string[]) => Promise<string>;
  /** Names of the stable updates among the package's patches, in their order. */
  updates: string[];
  patch: (name: string) => Promise<unknown>;
}

/**
 * A git repository of bookworm's QEMU, made from Debian's source package in `folder`: 7.2.0, one commit for each of its stable updates, and a last
 * one that changes one line, after which a slot that the guest powered off migrates. Needs apt-get, tar, patch and git.
 */
export async function stableUpdates(folder: string): Promise<{ repository: string; fix: string }> {
  const { repository, git, updates, patch } = await firstRelease(folder);
  for (const update of updates) {
    await patch(update);
    await git('add', '--all', '--force');
    await git('commit', '--quiet', '-m', `QEMU ${update.slice(1, -'.diff'.length)}`);
  }
  const fix = await commitEdit(
    { repository, git },
    noComparison,
    'pcie: presence of a card is no reason to refuse a slot',
  );
  return { repository, fix };
}

/** Such a repository of 7.2.0 alone, and a commit on top of it in which ibm,change-msi gives MSI to whoever asks. */
export async function brokenChangeMsi(folder: string): Promise<{ repository: string; broken: string }> {
  const { repository, git } = await firstRelease(folder);
  return { repository, broken: await commitEdit({ repository, git }, alwaysMsi, 'spapr_pci: MSI for everybody') };
}

async function firstRelease(folder: string): Promise<Source> {
  const sources = await fetchSource('bookworm', { apt: join(folder, 'apt'), folder: join(folder, 'source') });
  const repository = join(folder, 'qemu');
  mkdirSync(repository);
  await execa('tar', ['-xf', sources.upstream, '--strip-components=1', '-C', repository]);
  const debian = join(folder, 'source');
  await execa('tar', ['-xf', sources.debian, '-C', debian]);
  const patches = join(debian, 'debian', 'patches');
  const series = readFileSync(join(patches, 'series'), 'utf8').split('\n');

  const git = gitIn(repository);
  const patch = (name: string) =>
    execa('patch', ['-p1', '--silent', '--force', '--no-backup-if-mismatch', '-i', join(patches, name)], {
      cwd: repository,
    });
  await git('init', '--quiet', '--initial-branch=master');
  // The package leaves out firmware, and what would be built of it.
  for (const packing of ['skip-meson-pc-bios.diff', 'ignore-roms-dependency-in-qtest.patch']) await patch(packing);
  await git('add', '--all', '--force');
  await git('commit', '--quiet', '-m', 'QEMU 7.2.0');
  return { repository, git, updates: series.filter((name) => /^v7\.2\.\d+\.diff$/.test(name)), patch };
}

async function commitEdit(
  { repository, git }: Pick<Source, 'repository' | 'git'>,
  change: Edit,
  message: string,
): Promise<string> {
  edit(repository, change);
  await git('commit', '--quiet', '--all', '-m', message);
  return git('rev-parse', 'HEAD');
}

/** Makes an edit to the source in a folder. Throws where the place is not there. */
export function edit(folder: string, { file, from, to }: Edit): void {
  const path = join(folder, file);
  const text = readFileSync(path, 'utf8');
  if (!from.test(text)) throw new Error(`${file} has no place that looks like ${from.source}`);
  writeFileSync(path, text.replace(from, to));
}

/** `git WORDS` in a repository, as somebody whom its commits can name, and at one time: the same content is the same commit, and is compiled once. */
export function gitIn(repository: string): (...words: string[]) => Promise<string> {
  const who = ['-c', 'user.name=Godwit', '-c', 'user.email=godwit@localhost', '-c', 'commit.gpgSign=false'];
  // Nothing goes on behind a command: a repository that is being packed cannot be removed.
  const alone = ['-c', 'gc.auto=0', '-c', 'maintenance.auto=false'];
  const env = { GIT_AUTHOR_DATE: releasedAt, GIT_COMMITTER_DATE: releasedAt };
  return async (...words) => (await execa('git', ['-C', repository, ...who, ...alone, ...words], { env })).stdout;
}

/** Downloads the source package of a suite's QEMU into `folder`, by an apt with its state in another: the paths of its two archives. */
export async function fetchSource(
  suite: string,
  { apt, folder }: { apt: string; folder: string },
): Promise<{ upstream: string; debian: string }> {
  mkdirSync(folder, { recursive: true });
  const { env } = await readLists({ suite }, apt, { deadline: Deadline.after(fetchMs) });
  const list = join(apt, 'sources', 'godwit.sources');
  writeFileSync(
    list,
    readFileSync(list, 'utf8')
      .replace(/^Types: deb$/gm, 'Types: deb-src')
      .replace(/^Architectures:.*\n/gm, ''),
  );
  await execa('apt-get', ['update'], { env });
  await execa('apt-get', ['source', '--download-only', 'qemu'], { env, cwd: folder });
  const fileOf = (ending: string): string => {
    const found = readdirSync(folder).find((name) => name.endsWith(ending));
    if (found === undefined) throw new Error(`the source package of QEMU brought no *${ending}`);
    return join(folder, found);
  };
  return { upstream: fileOf('.orig.tar.xz'), debian: fileOf('.debian.tar.xz') };
}
